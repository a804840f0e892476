"""The top blocks of a pretrained network learn too, against the same by the Keras guide to transfer learning.

Two networks: the last two blocks of MobileNetV2 at 96 px, the last one of VGG16 at 64 px. VGG16's weights are
random, and the same on both sides: what it learns is little, but both learn from equal terms.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from benchmarks.frozen import Size, against
from benchmarks.workbench import (
    Bench,
    Material,
    bench,
    imagenet_weights,
    last_json_line,
    run_peer,
    say,
    settings,
)
from tlcore import backbones
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset

BATCH_SIZE, DROPOUT, RATE = 64, 0.2, 1e-4


@dataclasses.dataclass(frozen=True)
class Task:
    """A network and how many of its blocks learn."""

    backbone: str
    weights: str
    side_px: int
    blocks: int
    target: float

    @property
    def last_frozen(self) -> str:
        """The layer below the blocks that learn."""
        return backbones.spec(self.backbone).block_ends[-1 - self.blocks]

    def config(self, dataset: Dataset, epochs: int) -> RunConfig:
        return settings(
            dataset, backbone={"name": self.backbone, "weights": self.weights, "input_size": self.side_px}, freeze__trainable_blocks=self.blocks,
            optimizer__learning_rate=RATE, train__epochs=epochs, train__batch_size=BATCH_SIZE, head__dropout=DROPOUT,
        )

    def options(self, weights: Path, epochs: int) -> dict[str, object]:
        return {
            "backbone": self.backbone, "weights": weights, "last-frozen": self.last_frozen, "side": self.side_px,
            "epochs": epochs, "batch": BATCH_SIZE, "rate": RATE, "dropout": DROPOUT,
        }


TASKS = (Task("MobileNetV2", "imagenet", 96, 2, 2.0), Task("VGG16", "none", 64, 1, 3.0))


def measure(rounds: int, material: Material) -> dict[str, object]:
    """Both networks; no activations are stored before a run, the converted network is there."""
    size = Size.of(material)
    found: dict[str, object] = {"work": f"{size.pictures} pictures, {size.epochs} epochs, no activations stored"}
    for task in TASKS:
        with bench(material) as place, _weights(task, place) as weights:
            dataset = place.add_pictures(size.pictures)
            found[task.backbone] = _rounds(rounds, task, place, dataset, weights, size.epochs)
    return found


def _rounds(rounds: int, task: Task, place: Bench, dataset: Dataset, weights: Path, epochs: int) -> dict[str, object]:
    files, ours, peers = place.files_of(dataset), [], []
    place.ready()
    place.run(task.config(dataset, 1))  # Leaves the converted network.
    for number in range(rounds):
        place.ready()
        peers.append(run_peer("partial", files, **task.options(weights, epochs)))
        place.ready()
        place.empty()
        ours.append(place.run(task.config(dataset, epochs)))
        say(f"{task.backbone}, round {number + 1}: peer {peers[-1]['seconds']:.1f} s, ours {ours[-1].seconds:.1f} s")
    return {"learning": f"{task.blocks} of {len(backbones.spec(task.backbone).blocks)} blocks", **against(ours, peers, task.target)}


@contextlib.contextmanager
def _weights(task: Task, place: Bench) -> Iterator[Path]:
    """The checkpoint that the peer loads: ImageNet's, or what a run without any begins with."""
    if task.weights == "imagenet":
        with imagenet_weights(task.backbone, task.side_px) as path:
            yield path
    else:
        path = place.folder / "random.weights.h5"
        last_json_line(["-m", "benchmarks.random_weights", task.backbone, str(task.side_px), str(path)])
        yield path

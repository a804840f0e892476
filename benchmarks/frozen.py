"""A new head on a frozen MobileNetV2, against the Keras guide to transfer learning's way.

Both sides: 2,000 CIFAR-10 pictures at 96 px, the same division, batch size, optimiser and epochs, no early
stopping, as many threads as the libraries like. Ours is timed from submitting the run to its end, the peer
from the end of its imports.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.figures import accuracy_check, comparison, medians
from benchmarks.workbench import (
    Bench,
    Material,
    Ran,
    bench,
    imagenet_weights,
    run_peer,
    say,
    settings,
)
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset

SIDE_PX, BATCH_SIZE, DROPOUT = 96, 64, 0.2
RATE, OTHER_RATE = 1e-3, 2e-3
TARGET_COLD, TARGET_CONVERTING, TARGET_WARM = 15.0, 8.0, 150.0


@dataclasses.dataclass(frozen=True)
class Size:
    pictures: int = 2_000
    epochs: int = 10

    @classmethod
    def of(cls, material: Material) -> Size:
        return cls(200, 2) if material.quick else cls()


def measure_cold(rounds: int, material: Material) -> dict[str, object]:
    """No activations are stored before a run; once with the converted network there, once without."""
    size = Size.of(material)
    ready, converting, peers = [], [], []
    with imagenet_weights("MobileNetV2", SIDE_PX) as weights, bench(material) as place:
        dataset = place.add_pictures(size.pictures)
        files, config = place.files_of(dataset), _config(dataset, size, RATE)
        place.ready()
        place.run(config)  # Leaves the converted network.
        for number in range(rounds):
            place.ready()
            peers.append(run_peer("frozen", files, weights=weights, **_options(size, RATE)))
            ready.append(_emptied(place, config))
            converting.append(_emptied(place, config, conversions=True))
            say(f"round {number + 1}: peer {peers[-1]['seconds']:.1f} s, ours {ready[-1].seconds:.2f} s, with the first conversion {converting[-1].seconds:.2f} s")
    return {
        "work": f"{size.pictures} pictures, {size.epochs} epochs, no activations stored",
        "converted_before": against(ready, peers, TARGET_COLD),
        "converted_anew": against(converting, peers, TARGET_CONVERTING),
    }


def measure_warm(rounds: int, material: Material) -> dict[str, object]:
    """The same again with another learning rate: the activations are stored."""
    size = Size.of(material)
    ours, peers = [], []
    with imagenet_weights("MobileNetV2", SIDE_PX) as weights, bench(material, rehearse=True) as place:
        dataset = place.add_pictures(size.pictures)
        files = place.files_of(dataset)
        place.ready()
        place.run(_config(dataset, size, RATE))
        for number in range(rounds):
            place.ready()
            peers.append(run_peer("frozen", files, weights=weights, **_options(size, OTHER_RATE)))
            place.ready()
            ours.append(place.run(_config(dataset, size, OTHER_RATE)))
            say(f"round {number + 1}: peer {peers[-1]['seconds']:.1f} s, ours {ours[-1].seconds:.2f} s")
    return {"work": f"{size.pictures} pictures, {size.epochs} epochs, activations stored", **against(ours, peers, TARGET_WARM)}


def against(ours: list[Ran], peers: list[dict[str, Any]], target: float) -> dict[str, object]:
    """Ratio, phases and accuracies of runs and of the peer's rounds."""
    return {
        **comparison([each.seconds for each in ours], [each["seconds"] for each in peers], target),
        "ours_phases_s": medians([each.summary["phases"] for each in ours]),
        "ours_by_its_own_clock_s": [round(each.summary["seconds"], 3) for each in ours],
        "peer_phases_s": medians([each["phases"] for each in peers]),
        "peer_imports_s": [round(each["import_seconds"], 2) for each in peers],
        "accuracy": accuracy_check(
            [each.summary["test_accuracy"] for each in ours], [each["test_accuracy"] for each in peers], ours[0].summary["test_images"]
        ),
    }


def _emptied(place: Bench, config: RunConfig, conversions: bool = False) -> Ran:
    place.ready()
    place.empty(conversions)
    ran = place.run(config)
    assert not ran.summary["cache"]["hits"], "activations were stored before the round"
    return ran


def _config(dataset: Dataset, size: Size, rate: float) -> RunConfig:
    return settings(
        dataset, backbone={"name": "MobileNetV2", "weights": "imagenet", "input_size": SIDE_PX}, optimizer__learning_rate=rate,
        train__epochs=size.epochs, train__batch_size=BATCH_SIZE, head__dropout=DROPOUT,
    )


def _options(size: Size, rate: float) -> dict[str, object]:
    return {"side": SIDE_PX, "epochs": size.epochs, "batch": BATCH_SIZE, "rate": rate, "dropout": DROPOUT}

"""Many heads and learning rates on one frozen MobileNetV2, against KerasTuner's random search.

The peer draws its settings from the list; ours then tries exactly those, one run after another in one warm
process, each with its evaluation and its exported model. Activations are computed once, by the first run, and
counted; the network is converted for OpenVINO before.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import accuracy_check, comparison, medians
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
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset
from tlcore.errors import ResourceError

SIDE_PX, BATCH_SIZE, DROPOUT = 96, 64, 0.2
HEADS = ("", "64", "256", "256-64")  # Hidden units, from the backbone upwards.
# 40 points for 20 draws: a random search that has nearly used up its list gives up before the last draws.
RATES = tuple(float(f"{rate:.2g}") for rate in np.geomspace(1e-4, 1e-2, 10))
TARGET = 50.0


@dataclasses.dataclass(frozen=True)
class Size:
    pictures: int = 1_000
    epochs: int = 5
    trials: int = 20


def measure(rounds: int, material: Material) -> dict[str, object]:
    """Seconds for all trials together; both end with the test accuracy of their best by validation."""
    missing = [name for name in ("keras_tuner", "tensorboard") if importlib.util.find_spec(name) is None]
    if missing:
        raise ResourceError(f"{' and '.join(missing)} can't be imported, and KerasTuner is what sweep compares with. Install requirements-dev.txt.")
    size = Size(200, 1, 3) if material.quick else Size()
    ours, peers = [], []
    with imagenet_weights("MobileNetV2", SIDE_PX) as weights, bench(material) as place:
        dataset = place.add_pictures(size.pictures)
        files = place.files_of(dataset)
        _runs(place, dataset, [], converting=_config(dataset, size, {"head": "", "rate": RATES[0]}))
        for number in range(rounds):
            peers.append(run_peer(
                "sweep", files, weights=weights, heads=",".join(HEADS), rates=",".join(map(str, RATES)),
                trials=size.trials, side=SIDE_PX, epochs=size.epochs, batch=BATCH_SIZE, dropout=DROPOUT,
            ))
            place.empty()
            ours.append(_runs(place, dataset, [_config(dataset, size, trial) for trial in peers[-1]["trials"]]))
            say(f"round {number + 1}: peer {peers[-1]['seconds']:.0f} s, ours {ours[-1]['seconds']:.2f} s, {len(peers[-1]['trials'])} settings")
    return {
        "work": f"{size.trials} settings, {size.pictures} pictures, {size.epochs} epochs, no activations stored",
        **comparison([each["seconds"] for each in ours], [each["seconds"] for each in peers], TARGET),
        "trials": [len(each["trials"]) for each in peers],
        "ours_phases_of_all_runs_s": medians([each["phases"] for each in ours]),
        "ours_runs_s": [each["runs_s"] for each in ours],
        "peer_phases_s": medians([each["phases"] for each in peers]),
        "peer_imports_s": [round(each["import_seconds"], 2) for each in peers],
        "accuracy_of_the_best": accuracy_check(
            [each["test_accuracy"] for each in ours], [each["test_accuracy"] for each in peers], ours[0]["test_pictures"]
        ),
    }


def _runs(place: Bench, dataset: Dataset, configs: list[RunConfig], converting: RunConfig | None = None) -> dict[str, Any]:
    """Ask a process of its own to carry out runs, or to convert a run's network."""
    order = {
        "workspace": str(place.workspace.root), "dataset": str(dataset.folder), "runs": str(place.folder / "sweep-runs"),
        "configs": [config.model_dump(mode="json") for config in configs],
        "convert": converting.model_dump(mode="json") if converting else None,
    }
    path = Path(place.folder, "order.json")
    path.write_text(json.dumps(order), encoding="utf-8")
    return last_json_line(["-m", "benchmarks.sweep_runs", str(path)])


def _config(dataset: Dataset, size: Size, trial: dict[str, Any]) -> RunConfig:
    return settings(
        dataset, backbone={"name": "MobileNetV2", "weights": "imagenet", "input_size": SIDE_PX},
        head__hidden=[int(units) for units in trial["head"].split("-") if units], head__dropout=DROPOUT,
        optimizer__learning_rate=trial["rate"], train__epochs=size.epochs, train__batch_size=BATCH_SIZE,
    )

"""A study of 30 trials of head, rate and dropout on one frozen MobileNetV2: how long it takes once the activations are
stored, and whether its winner does better on the test pictures than the settings that one begins with.

Half of CIFAR-10's classes. The run with the settings that the study begins from comes first: it computes the activations,
and it is what the winner is compared with, on the same test pictures.
"""

from __future__ import annotations

import collections
import time
from typing import Any

from benchmarks.workbench import POLL_S, Bench, Material, bench, imagenet_weights, say, settings
from tlcore.compare import compare_runs
from tlcore.config import RunConfig
from tlcore.tuning import jobs as studies
from tlcore.tuning.axes import Listed, Ranged
from tlcore.tuning.study import Budget, Study
from tlcore.tuning.trials import StudyView, gather

SIDE_PX, TRIALS, FINALISTS, SEEDS = 96, 30, 3, 2
PICTURES, QUICK_PICTURES = 10_000, 400
CLASSES = ("airplane", "automobile", "bird", "cat", "deer")
TARGET_S = 60.0


def measure(rounds: int, material: Material) -> dict[str, object]:
    """Seconds from queueing a study to its end, and the winner's test accuracy against the default's."""
    trials, found = 3 if material.quick else TRIALS, []
    with imagenet_weights("MobileNetV2", SIDE_PX), bench(material) as place:
        dataset = place.add_pictures(QUICK_PICTURES if material.quick else PICTURES)
        config = settings(
            dataset, backbone={"name": "MobileNetV2", "weights": "imagenet", "input_size": SIDE_PX}, classes=list(CLASSES),
            train__epochs=20, train__early_stopping_patience=3,
        )
        place.ready()
        default = place.run(config).summary
        first = place.store.jobs(kind="train", limit=1)[0].id
        for number in range(rounds):
            place.ready()
            found.append(_one(place, config, first, trials, number))
            say(f"round {number + 1}: {found[-1]['seconds']} s, winner {found[-1]['winner_test_accuracy']:.4f}, default {default['test_accuracy']:.4f}")
    seconds = sorted(each["seconds"] for each in found)[rounds // 2]
    return {
        "work": f"{trials} trials, {FINALISTS} finalists with {SEEDS} seeds, the winner tested; {len(dataset) // 2} pictures of {len(CLASSES)} classes",
        "seconds": seconds, "target_s": TARGET_S, "reached": seconds <= TARGET_S, "default_test_accuracy": default["test_accuracy"], "studies": found,
    }


def _one(place: Bench, config: RunConfig, default: int, trials: int, seed: int) -> dict[str, Any]:
    """Carry out one study."""
    study = Study(
        base=config, budget=Budget(trials=trials), seeds=SEEDS, finalists=FINALISTS, seed=seed,
        space={"head.hidden": Listed(values=([], [64], [128], [256])), "optimizer.learning_rate": Ranged(low=1e-4, high=1e-2, log=True), "head.dropout": Ranged(low=0.0, high=0.6)},
    )
    began = time.perf_counter()
    series = studies.submit(place.store, study)
    while (view := gather(place.store, series)).active:
        time.sleep(POLL_S * 20)
    seconds = time.perf_counter() - began
    if view.job.state != "done" or view.final is None or view.best is None:
        raise RuntimeError(f"study {series} is {view.job.state}: {view.job.error}\n{view.job.traceback or ''}")
    return {"seconds": round(seconds, 1), **_outcome(place, view, default)}


def _outcome(place: Bench, view: StudyView, default: int) -> dict[str, Any]:
    """The winner on the test pictures, and its lead over the default with the paired interval, in points."""
    assert view.final is not None and view.best is not None
    (pair,) = compare_runs([place.store.job(default), place.store.job(view.final.run)], place.workspace).pairs
    lead = pair.differences["accuracy"]
    return {
        "states": dict(collections.Counter(f"{trial.role} {trial.state}" for trial in view.trials)),
        "seconds_in_runs": round(sum(trial.seconds for trial in view.trials), 1),
        "phases_of_finished_runs_s": {name: round(seconds, 1) for name, seconds in _phases(place, view).items()},
        "winner": view.best.values, "winner_test_accuracy": (place.store.job(view.final.run).result or {})["test_accuracy"],
        "lead_points": [round(100 * value, 2) for value in (lead.value, lead.low, lead.high)],
    }


def _phases(place: Bench, view: StudyView) -> collections.Counter[str]:
    total: collections.Counter[str] = collections.Counter()
    for trial in view.trials:
        total.update((place.store.job(trial.run).result or {}).get("phases", {}))
    return total

"""Finished runs with simulated answers: any number of classes and pictures, without training. The pictures shown are digits."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from tests.finished_run import finished_run
from tests.simulated import model
from tlcore import baselines, metrics
from tlcore.datasets.domains import NONE, Domains
from tlcore.datasets.splits import Split
from tlcore.errors import NotFoundError
from tlcore.results import SUMMARY, Predictions, load_predictions, load_summary, save_predictions
from tlcore.store import Store
from tlcore.workspace import Workspace

PARTS = ("val", "test", "source_val", "source_test")


def simulated_run(
    store: Store, workspace: Workspace, sizes: Sequence[int], skill: float = 2.0, sharpness: float = 1.0, classes: Sequence[str] | None = None, seed: int = 0, **changes: object
) -> int:
    """A run that was tested on so many pictures a class, and validated on as many; `changes` to its settings as in `finished_run`."""
    run = finished_run(store, workspace, **{"train__epochs": 1, **changes})
    folder, rng = workspace.run(run), np.random.default_rng(seed)
    names = tuple(classes or (f"class {c}" for c in range(1, len(sizes) + 1)))
    parts = {}
    for part in PARTS:
        try:
            there = len(load_predictions(folder, part))
        except NotFoundError:
            continue
        labels, probabilities = model(rng, list(sizes), skill, sharpness)
        order = rng.permutation(len(labels))
        rows = np.arange(len(labels)) % there
        parts[part] = Predictions(part, rows, np.array([f"{part}-{row:06}" for row in range(len(labels))]), labels[order], probabilities[order].astype(np.float32), names)
    save_predictions(folder, list(parts.values()))
    labels, rows = np.repeat(np.arange(len(sizes)), sizes), np.arange(sum(sizes))
    Domains(Split(rows, NONE, NONE, names, rows, labels), NONE, None).save(folder / "split.npz")
    guessed, simpler = model(rng, list(sizes), skill / 2)
    nearest = dict.fromkeys(("test", "source_test"), baselines.figures(guessed, simpler.argmax(axis=1), len(sizes)))
    summary = load_summary(folder) | {"classes": list(names), "test_images": len(labels), "baselines": nearest}
    summary |= {name: metrics.evaluate(part.labels, part.probabilities) for name, part in parts.items() if name.endswith("test")}
    summary |= {"source_test_images": len(parts["source_test"])} if "source_test" in parts else {}
    (folder / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    return run

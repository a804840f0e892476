"""Accuracy against what it costs: which runs no other run beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlcore.store import Job

COSTS = {"seconds": "seconds", "parameters": "total_params", "bytes": "model_bytes"}
"""Column of the table: key in a run's summary."""


def front(cost: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Which points lie on the Pareto front: none costs as little or less and gains as much or more, one of them strictly.

    Shapes: (n,), (n,) → bool (n,). Equal points are on it together. A NaN lies on no front.
    """
    cost, gain = np.asarray(cost, float), np.asarray(gain, float)
    known = np.flatnonzero(~(np.isnan(cost) | np.isnan(gain)))
    on = np.zeros(len(cost), bool)
    if not len(known):
        return on
    order = known[np.lexsort((-gain[known], cost[known]))]  # Cheapest first, of those the best.
    best_before = np.maximum.accumulate(np.append(-np.inf, gain[order]))[:-1]
    on[order[gain[order] > best_before]] = True
    places = np.stack([cost, gain], axis=1)[known]
    chosen = {tuple(place) for place in np.stack([cost, gain], axis=1)[on]}
    on[known] = [tuple(place) in chosen for place in places.tolist()]
    return on


def accuracy_against_cost(runs: Sequence[Job]) -> pd.DataFrame:
    """Finished runs with their costs, one row each: run, title, dataset, test_set, accuracy, seconds, parameters, bytes, on_seconds, on_parameters, on_bytes.

    `on_…`: whether the run is on the Pareto front of accuracy against that cost, among runs with equal `test_set` (a hash
    of the ids of their test pictures; of runs without one, the dataset's id). Made from what the store keeps: no file is read.
    """
    rows: list[dict[str, Any]] = [_row(run, run.result) for run in runs if run.result and "test_accuracy" in run.result]
    columns = ["run", "title", "dataset", "test_set", "accuracy", *COSTS]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(["accuracy", *COSTS], float))
    for cost in COSTS:
        table[f"on_{cost}"] = False
        for _, group in table.groupby("test_set", sort=False):
            table.loc[group.index, f"on_{cost}"] = front(group[cost].to_numpy(), group["accuracy"].to_numpy())
    return table


def _row(run: Job, result: dict[str, Any]) -> dict[str, Any]:
    about = {"run": run.id, "title": run.title, "dataset": run.payload.get("config", {}).get("dataset")}
    tested = result.get("test_ids_hash") or f"{run.dataset_id} {result.get('classes')}"
    return about | {"test_set": tested, "accuracy": result["test_accuracy"]} | {cost: result.get(key) for cost, key in COSTS.items()}

"""Accuracy against what it costs: which runs no other run beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

OTHERS = "others"
DECADE = 10


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


def against_cost(rows: Sequence[Mapping[str, Any]], cost: str, figure: str, most_kinds: int = 8, kind: str = "backbone") -> pd.DataFrame:
    """Runs tested on the same pictures, one row each: run, title, cost, gain, kind, on; without those that lack either number.

    rows: as of `Store.runs.facts`. cost, figure: one of run_facts.COSTS, FIGURES.
    kind: the run's backbone or strategy; of more than `most_kinds` the rarest are "others".
    on: whether it is on the Pareto front.
    """
    table = pd.DataFrame(rows, columns=["run", "title", kind, cost, figure]).set_axis(["run", "title", "kind", "cost", "gain"], axis=1)
    table = table.astype({"cost": float, "gain": float}).dropna(subset=["cost", "gain"]).reset_index(drop=True)
    table["kind"] = table["kind"].fillna("unknown")
    frequent = table["kind"].value_counts().index  # The most frequent first.
    if len(frequent) > most_kinds:
        table["kind"] = table["kind"].where(table["kind"].isin(frequent[: most_kinds - 1]), OTHERS)
    return table.assign(on=front(table["cost"].to_numpy(), table["gain"].to_numpy()))


def on_front(table: pd.DataFrame) -> pd.DataFrame:
    """The runs of `against_cost` that are on the front, the cheapest first."""
    return table[table["on"]].sort_values(["cost", "run"]).reset_index(drop=True)


def picked(table: pd.DataFrame, selection: Mapping[str, Any]) -> list[int]:
    """The runs of `against_cost` that a chart's selection holds, the best first.

    selection: `picked`, rows with a run each; `area`, two costs and two gains, the corners of a rectangle.
    """
    chosen = table["run"].isin([row["run"] for row in selection.get("picked", ()) if "run" in row])
    area = selection.get("area") or {}
    if {"cost", "gain"} <= set(area):
        chosen |= table["cost"].between(min(area["cost"]), max(area["cost"])) & table["gain"].between(min(area["gain"]), max(area["gain"]))
    return table[chosen].sort_values(["gain", "cost"], ascending=[False, True])["run"].tolist()


def spans_decades(costs: pd.Series) -> bool:
    """Whether a logarithmic axis shows these better: all above zero, the highest ten times the lowest or more."""
    return len(costs) > 0 and costs.min() > 0 and bool(costs.max() >= DECADE * costs.min())

"""Pictures on which models part company: by who is right, and by the cell of the confusion matrix that they leave or enter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tlcore.results import Predictions

ALL = "all"


def by_who_is_right(table: pd.DataFrame, runs: Sequence[int]) -> dict[str, np.ndarray]:
    """Which rows of `confusions.disagreements` are meant by `all`, `only run 3 right` and so on, in words.

    With more than two runs also `only run 3 wrong`. Shapes: each bool (rows,).
    """
    right = {run: (table[str(run)] == table["label"]).to_numpy(bool) for run in runs}
    several = table["right"].to_numpy()
    found = {ALL: np.ones(len(table), bool)} | {f"only run {run} right": right[run] & (several == 1) for run in runs}
    if len(runs) > 2:
        found |= {f"only run {run} wrong": ~right[run] & (several == len(runs) - 1) for run in runs}
    return found | {"no run right": several == 0}


def in_cell(one: Predictions, other: Predictions, true: str, predicted: str) -> pd.DataFrame:
    """Pictures of a class that either model takes for `predicted`: row, label, one, other (their answers), sure_one, sure_other, who.

    who: `both`, `only one` or `only other`, whose pictures come first; then the surest of those that take it so. The models'
    predictions are in one order.
    """
    t, p = one.classes.index(true), one.classes.index(predicted)
    first, second = one.predicted == p, other.predicted == p
    at = np.flatnonzero((one.labels == t) & (first | second))
    first, second = first[at], second[at]
    names = np.array(one.classes, dtype=object)
    table = pd.DataFrame({
        "row": one.rows[at], "label": true, "one": names[one.predicted[at]], "other": names[other.predicted[at]],
        "sure_one": one.probabilities.max(axis=1)[at].astype(float), "sure_other": other.probabilities.max(axis=1)[at].astype(float),
        "who": np.where(first & second, "both", np.where(first, "only one", "only other")),
    })
    sure = np.maximum(one.probabilities[at, p], other.probabilities[at, p])
    order = np.lexsort((-sure, first & second))
    return table.iloc[order].reset_index(drop=True)

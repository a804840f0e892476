"""Learning curves from committed epochs: one row a point, smoothed as one wishes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd

T = TypeVar("T")

# Column of an epoch → (what is measured, on which pictures).
SERIES = {
    "loss": ("loss", "training"),
    "val_loss": ("loss", "validation"),
    "accuracy": ("accuracy", "training"),
    "val_accuracy": ("accuracy", "validation"),
}
MOST_POINTS = 400  # Of one line.
COLUMNS = ["run", "metric", "part", "epoch", "seconds", "value", "smooth"]


def curves(epochs: Mapping[str, pd.DataFrame], smoothing: float = 0.0) -> pd.DataFrame:
    """Points of the loss and accuracy curves of several runs, by name of the run.

    Columns: run, metric (loss | accuracy), part (training | validation), epoch, seconds, value,
    smooth. Epochs that lack a metric leave no point; of long runs some epochs are left out, for drawing.
    """
    points: list[tuple[Any, ...]] = []  # Not tables put together, which takes four times as long; a page does this every second.
    for run, table in epochs.items():
        for column, (metric, part) in SERIES.items():
            if column in table:
                figures = (table["epoch"], table["seconds"], table[column], smooth(table[column], smoothing))
                drawn = thin(list(zip(*(figure.tolist() for figure in figures), strict=True)), MOST_POINTS)
                points += [(run, metric, part, *row) for row in drawn if not math.isnan(row[2])]
    return pd.DataFrame(points, columns=COLUMNS)


def thin(points: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` points, evenly spread, the first and last among them."""
    return points if len(points) <= most else [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def smooth(values: pd.Series, smoothing: float) -> pd.Series:
    """Exponential mean with weights smoothing^age, divided by their sum so that it starts at the first value.

    0 changes nothing; 0.9 looks back about ten epochs.
    """
    return values if smoothing == 0 else values.ewm(alpha=1 - smoothing, adjust=True).mean()

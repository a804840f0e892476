"""Learning curves from committed epochs: one row a point, smoothed as one wishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

T = TypeVar("T")

# Column of an epoch → (what is measured, on which pictures).
SERIES = {
    "loss": ("loss", "training"),
    "val_loss": ("loss", "validation"),
    "accuracy": ("accuracy", "training"),
    "val_accuracy": ("accuracy", "validation"),
}
COLUMNS = ["run", "metric", "part", "epoch", "seconds", "value", "smooth"]


def curves(epochs: Mapping[str, pd.DataFrame], smoothing: float = 0.0) -> pd.DataFrame:
    """Points of the loss and accuracy curves of several runs, by name of the run.

    Columns: run, metric (loss | accuracy), part (training | validation), epoch, seconds, value,
    smooth. Epochs that lack a metric leave no point; of long runs some epochs are left out, for drawing.
    """
    frames = [
        thinned(table.assign(run=run, metric=metric, part=part, value=table[column], smooth=smooth(table[column], smoothing)))[COLUMNS]
        for run, table in epochs.items()
        for column, (metric, part) in SERIES.items()
        if column in table and len(table)
    ]
    return pd.concat(frames, ignore_index=True).dropna(subset="value") if frames else pd.DataFrame(columns=COLUMNS)


def thinned(table: pd.DataFrame, most: int = 400) -> pd.DataFrame:
    """At most `most` rows, evenly spread, the first and last among them."""
    return table if len(table) <= most else table.iloc[_spread(len(table), most)]


def thin(points: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` points, evenly spread, the first and last among them."""
    return points if len(points) <= most else [points[at] for at in _spread(len(points), most)]


def _spread(number: int, most: int) -> list[int]:
    return [round(i * (number - 1) / (most - 1)) for i in range(most)]


def smooth(values: pd.Series, smoothing: float) -> pd.Series:
    """Exponential mean with weights smoothing^age, divided by their sum so that it starts at the first value.

    0 changes nothing; 0.9 looks back about ten epochs.
    """
    return values.ewm(alpha=1 - smoothing, adjust=True).mean()

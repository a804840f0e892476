"""By how much training pictures fare better than validation pictures: the generalisation gap, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tlcore.curves import PARTS, TRAINING, series, smooth, thin

SIGNS = {"accuracy": 1, "loss": -1}  # Training minus validation, or the other way round.
MOST_POINTS = 400  # Of one line.
COLUMNS = ["metric", "part", "epoch", "seconds", "value", "smooth", "best"]
EQUAL = {"accuracy": 0.0005, "loss": 0.0005}  # Below what is told.


def gaps(epochs: pd.DataFrame, on_source: bool = False, best: int | None = None, smoothing: float = 0.0) -> pd.DataFrame:
    """Points of the gaps: accuracy on training pictures minus that on validation pictures, and validation loss minus training loss.

    Above 0: training pictures fare better. on_source: as in `curves.series`. best: the epoch to be marked.
    Columns: metric, part (of the validation pictures), epoch, seconds, value, smooth, best. Empty where a side is missing.
    """
    found = {series(str(column), on_source): column for column in epochs}
    tables = []
    for metric, sign in SIGNS.items():
        for part in PARTS[1:]:
            if (metric, TRAINING) not in found or (metric, part) not in found:
                continue
            values = sign * (epochs[found[metric, TRAINING]].astype(float) - epochs[found[metric, part]].astype(float))
            table = pd.DataFrame({"metric": metric, "part": part, "epoch": epochs["epoch"], "seconds": epochs["seconds"], "value": values, "smooth": smooth(values, smoothing), "best": epochs["epoch"] == best})
            tables.append(_drawn(table.dropna(subset="value")))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def in_words(points: pd.DataFrame, epoch: int) -> list[str]:
    """One sentence for each part of the validation pictures, on the gaps of that epoch."""
    at = points[points["epoch"] == epoch]
    said = []
    for part in PARTS[1:]:
        of = dict(zip(at[at["part"] == part]["metric"], at[at["part"] == part]["value"].tolist(), strict=True))
        if "accuracy" in of:
            said.append(f"At epoch {epoch} the training pictures {_recognised(of['accuracy'], part)}{_lost(of.get('loss'))}.")
    return said


def _recognised(value: float, part: str) -> str:
    others = f"the {part} pictures"
    if abs(value) < EQUAL["accuracy"]:
        return f"are recognised as well as {others}"
    return f"are recognised {100 * abs(value):.1f} points {'better' if value > 0 else 'worse'} than {others}"


def _lost(value: float | None) -> str:
    if value is None:
        return ""
    if abs(value) < EQUAL["loss"]:
        return ", at an equal loss"
    return f"; their loss is {abs(value):.3f} nats {'lower' if value > 0 else 'higher'}"


def _drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Not every epoch of a long run, but the marked one always."""
    kept: Any = set(thin(range(len(table)), MOST_POINTS)) | set(np.flatnonzero(table["best"]).tolist())
    return table.iloc[sorted(kept)]

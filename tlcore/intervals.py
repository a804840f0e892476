"""How sure a figure is: 95 % intervals of headline figures and of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.calibration import error_if_calibrated
from tlcore.proportions import LEVEL, exact, wilson
from tlcore.resampling import resampled


class Interval(NamedTuple):
    """Where the true figure lies with 95 % confidence; both ends belong to it."""

    low: float
    high: float


def intervals(labels: np.ndarray, probabilities: np.ndarray, drawn: Mapping[str, np.ndarray] | None = None) -> dict[str, Interval | None]:
    """An interval for each of `metrics.FIGURES`: percentiles of a stratified bootstrap, given the size of each class.

    Shapes: labels (n,), probabilities (n, k). drawn: what `resampled` gave for them, where the caller has it already.
    None where the pictures can't tell: no such figure, or no spread at all.

    Where no picture, or every one, is mistaken, the pictures drawn never differ: the figures of the confusion matrix
    then get the exact interval of a proportion (Clopper and Pearson 1934). The ECE is biased upwards, on redrawn
    pictures once more: its interval is reflected about the figure, and reaches down to 0 where a perfectly calibrated
    model would show as much.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    figures = metrics.evaluate(labels, probabilities)
    drawn = resampled(labels, [probabilities])[0] if drawn is None else drawn
    found: dict[str, Interval | None] = {name: _percentiles(drawn.get(name), figures[name]) for name in metrics.FIGURES}
    if figures["accuracy"] in (0, 1) or np.bincount(labels).max() == 1:
        found |= _without_spread(figures, len(labels))
    if found["ece"] is not None:
        found["ece"] = _reflected(drawn["ece"], float(figures["ece"] or 0), error_if_calibrated(probabilities))
    return found


def table(figures: Mapping[str, float | None], around: Mapping[str, Interval | None]) -> dict[str, dict[str, float | None]]:
    """Figures with their intervals as JSON: value, low, high."""
    return {name: {"value": figures[name], **as_json(around.get(name))} for name in metrics.FIGURES}


def as_json(interval: Interval | None) -> dict[str, Any]:
    return {"low": None, "high": None} if interval is None else interval._asdict()


def per_class(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """`metrics.per_class` with columns precision_low, precision_high and so on; NaN where a class gives no figure.

    Recall and precision are proportions (Wilson 1927). F1 = 2J / (1 + J) rises with J = TP / (TP + FP + FN), a
    proportion of the pictures that are of the class or taken for it, and takes over its interval.
    """
    frame = metrics.per_class(labels, predicted, classes)
    matrix = metrics.confusion(labels, predicted, len(classes))
    hits, taken, support = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    ends = {name: wilson(hits, whole) for name, whole in (("precision", taken), ("recall", support), ("f1", taken + support - hits))}
    ends["f1"] = tuple(2 * end / (1 + end) for end in ends["f1"])  # type: ignore[assignment]
    columns = ["class"]
    for name, (low, high) in ends.items():
        frame[f"{name}_low"], frame[f"{name}_high"] = low, high
        columns += [name, f"{name}_low", f"{name}_high"]
    return frame[[*columns, "support"]]


def _percentiles(drawn: np.ndarray | None, figure: float | None) -> Interval | None:
    if drawn is None or figure is None or np.ptp(drawn) < 1e-12:
        return None
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _reflected(drawn: np.ndarray, figure: float, if_calibrated: tuple[float, float]) -> Interval:
    low, high = 2 * figure - np.quantile(drawn, [(1 + LEVEL) / 2, (1 - LEVEL) / 2])
    low = 0.0 if figure <= if_calibrated[1] else max(0.0, float(low))
    return Interval(low, float(np.clip(high, max(low, 0.0), 1)))


def _without_spread(figures: Mapping[str, float | None], n: int) -> dict[str, Interval | None]:
    """Intervals of the confusion matrix's figures where the pictures drawn are always alike."""
    right = round(float(figures["accuracy"] or 0) * n)
    if right in (0, n):
        return dict.fromkeys(metrics.OF_COUNTS, Interval(*exact(right, n)))
    return {**dict.fromkeys(metrics.OF_COUNTS), "accuracy": Interval(*exact(right, n))}

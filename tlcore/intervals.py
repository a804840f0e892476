"""How sure a figure is: 95% intervals of headline figures and of each class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.calibration import error_if_calibrated
from tlcore.proportions import Z, exact, wilson
from tlcore.resampling import NO_SPREAD, resampled

Scale = Callable[[float], float]
SCALES: dict[str, tuple[Scale, Scale, Scale]] = {
    "auc": (lambda p: math.log(p / (1 - p)), lambda p: 1 / (p * (1 - p)), lambda x: 1 / (1 + math.exp(min(-x, 700)))),
    "log_loss": (math.log, lambda loss: 1 / loss, lambda x: math.exp(min(x, 700))),
}
"""For each figure with a scale of its own: to that scale, its slope there, and back."""


class Interval(NamedTuple):
    """Where the true figure lies with 95% confidence; both ends belong to it."""

    low: float
    high: float


def intervals(labels: np.ndarray, probabilities: np.ndarray, drawn: Mapping[str, np.ndarray] | None = None) -> dict[str, Interval | None]:
    """An interval for each of `metrics.FIGURES` from a stratified bootstrap, given the size of each class.

    Shapes: labels (n,), probabilities (n, k). drawn: what `resampled` gave for them, where the caller has it already.
    None where the pictures can't tell: no such figure, or no spread at all.

    What a confusion matrix gives: bias-corrected percentiles; where no picture, or every one, is mistaken, what is drawn never differs,
    and they get the exact interval of a proportion. AUC and log loss: the bootstrap's standard error on the scale of the
    logit and of the logarithm, since they are skewed near their best values. The ECE is biased upwards, and on redrawn
    pictures once more: the interval lies about the figure less that bias, counts the bias as an error of its own, and
    reaches down to 0 where a perfectly calibrated model would show as much.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    figures = metrics.evaluate(labels, probabilities)
    drawn = resampled(labels, [probabilities])[0] if drawn is None else drawn
    found: dict[str, Interval | None] = dict.fromkeys(metrics.FIGURES)
    for name, each in drawn.items():
        figure = figures[name]
        if figure is not None and np.ptp(each) > NO_SPREAD:
            found[name] = _transformed(name, each, figure) if name in SCALES else _percentiles(each, figure)
    if figures["accuracy"] in (0, 1) or np.bincount(labels).max() == 1:
        found |= _without_spread(figures, len(labels))
    if found["ece"] is not None:
        found["ece"] = _unbiased(drawn["ece"], float(figures["ece"] or 0), error_if_calibrated(probabilities)[1])
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


def _percentiles(drawn: np.ndarray, figure: float) -> Interval:
    """Moved by how far the middle of what was drawn lies from the figure (bias-corrected percentiles, Efron 1981)."""
    below = ((drawn < figure).mean() + (drawn <= figure).mean()) / 2
    normal, few = NormalDist(), 1 / len(drawn)
    shift = 2 * normal.inv_cdf(min(max(float(below), few), 1 - few))
    low, high = np.quantile(drawn, [normal.cdf(shift - Z), normal.cdf(shift + Z)])
    return Interval(float(low), float(high))


def _transformed(name: str, drawn: np.ndarray, figure: float) -> Interval | None:
    """The delta method: g(figure) ± z · error · g'(figure), and back."""
    there, slope, back = SCALES[name]
    if figure <= 0 or (name == "auc" and figure >= 1):
        return None
    middle, half = there(figure), Z * float(drawn.std()) * slope(figure)
    return Interval(back(middle - half), back(middle + half))


def _unbiased(drawn: np.ndarray, figure: float, if_calibrated: float) -> Interval:
    bias, error = float(drawn.mean()) - figure, float(drawn.std())
    half = Z * math.hypot(error, bias)
    low = 0.0 if figure <= if_calibrated else max(0.0, figure - bias - half)
    return Interval(low, min(1.0, max(low, figure - bias + half)))


def _without_spread(figures: Mapping[str, float | None], n: int) -> dict[str, Interval | None]:
    """Intervals of the confusion matrix's figures where the pictures drawn are always alike."""
    right = round(float(figures["accuracy"] or 0) * n)
    if right in (0, n):
        return dict.fromkeys(metrics.OF_COUNTS, Interval(*exact(right, n)))
    return {**dict.fromkeys(metrics.OF_COUNTS), "accuracy": Interval(*exact(right, n))}

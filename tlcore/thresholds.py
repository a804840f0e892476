"""What could be had at other thresholds: ROC and precision-recall curves, and for two classes the cost of each error."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlcore import metrics

STEPS = 200  # Of a drawn axis: points closer together than this are left out.
MACRO, MICRO = "macro average", "micro average"


def roc_curves(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """ROC of each class against the rest, then the averages: columns curve, kind (class | average), x (false alarms), y (found), area.

    macro: mean of the classes' curves at each rate of false alarms (Fawcett 2006); micro: every picture and class as one
    decision. A class without pictures, or with all, has none. Thinned for drawing; `area` is of all points.
    """
    from sklearn.metrics import auc, roc_curve

    grid, heights, parts = np.linspace(0, 1, STEPS + 1), [], []
    for name, own, scores in _one_against_rest(labels, probabilities, classes):
        x, y, _ = roc_curve(own, scores)
        heights.append(np.interp(grid, x, y))
        heights[-1][0] = 0.0  # Where the curve rises at once, `interp` takes its top.
        parts.append(_curve(name, "class", x, y, auc(x, y)))
    if parts:
        x, y, _ = roc_curve(*_as_one(labels, probabilities))
        areas = [part["area"].iloc[0] for part in parts]
        parts += [_curve(MACRO, "average", grid, np.mean(heights, axis=0), float(np.mean(areas))), _curve(MICRO, "average", x, y, auc(x, y))]
    return _joined(parts)


def precision_recall_curves(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Precision over recall, columns as of `roc_curves`: x (recall), y (precision), area (average precision, not interpolated)."""
    from sklearn.metrics import precision_recall_curve

    grid, heights, parts = np.linspace(0, 1, STEPS + 1), [], []
    for name, own, scores in _one_against_rest(labels, probabilities, classes):
        y, x, _ = precision_recall_curve(own, scores)
        heights.append(np.interp(grid, x[::-1], y[::-1]))
        parts.append(_curve(name, "class", x[::-1], y[::-1], _average_precision(x, y)))
    if parts:
        own, scores = _as_one(labels, probabilities)
        y, x, _ = precision_recall_curve(own, scores)
        areas = [part["area"].iloc[0] for part in parts]
        parts.append(_curve(MACRO, "average", grid, np.mean(heights, axis=0), float(np.mean(areas))))
        parts.append(_curve(MICRO, "average", x[::-1], y[::-1], _average_precision(x, y)))
    return _joined(parts)


def areas(roc: pd.DataFrame, precision_recall: pd.DataFrame) -> pd.DataFrame:
    """The areas of both kinds of curve, one row a curve, classes as in the dataset, then averages: kind, curve, auc, average_precision."""
    ours, theirs = (curves.drop_duplicates(["kind", "curve"])[["kind", "curve", "area"]] for curves in (roc, precision_recall))
    return ours.rename(columns={"area": "auc"}).merge(theirs.rename(columns={"area": "average_precision"}), on=["kind", "curve"])


@dataclasses.dataclass(frozen=True)
class Decision:
    """What a threshold does: a picture is taken for the positive class from this probability on."""

    threshold: float
    found: int  # True positives.
    missed: int
    false_alarms: int
    rejected: int  # True negatives.

    @property
    def accuracy(self) -> float:
        return (self.found + self.rejected) / (self.found + self.missed + self.false_alarms + self.rejected)

    @property
    def recall(self) -> float:
        return self.found / max(1, self.found + self.missed)

    @property
    def precision(self) -> float:
        return self.found / max(1, self.found + self.false_alarms)

    def cost(self, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> float:
        """Of all errors together, in the unit of the two prices."""
        return self.missed * of_a_miss + self.false_alarms * of_a_false_alarm

    def to_json(self, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> dict[str, Any]:
        figures = {"accuracy": self.accuracy, "recall": self.recall, "precision": self.precision}
        return dataclasses.asdict(self) | figures | {"cost": self.cost(of_a_miss, of_a_false_alarm)}


def decide(labels: np.ndarray, probabilities: np.ndarray, threshold: float, positive: int = 1) -> Decision:
    """The decisions on pictures of two classes. Shapes: (n,), (n, 2)."""
    own, taken = labels == positive, _scores(probabilities, positive) >= threshold
    return Decision(threshold, *(int(np.sum(part)) for part in (own & taken, own & ~taken, ~own & taken, ~own & ~taken)))


def threshold_table(labels: np.ndarray, probabilities: np.ndarray, positive: int = 1, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> pd.DataFrame:
    """What each threshold does, lowest first: the columns of `Decision.to_json`; at most some 200 rows, the cheapest one among them."""
    every = _decisions(labels, probabilities, positive)
    cost = every.missed * of_a_miss + every.false_alarms * of_a_false_alarm
    keep = np.unique(np.append(np.linspace(0, len(cost) - 1, STEPS).round().astype(int), int(cost.argmin())))
    return pd.DataFrame([every.at(place).to_json(of_a_miss, of_a_false_alarm) for place in keep])


def cheapest_threshold(labels: np.ndarray, probabilities: np.ndarray, positive: int = 1, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> float:
    """The threshold with the lowest cost, the one nearest to 1/2 where several have it; choose it on validation pictures."""
    every = _decisions(labels, probabilities, positive)
    cost = every.missed * of_a_miss + every.false_alarms * of_a_false_alarm
    return float(every.threshold[np.lexsort((np.abs(every.threshold - 0.5), cost))[0]])


@dataclasses.dataclass(frozen=True, eq=False)
class _Decisions:
    """Many at once: the fields of `Decision` as arrays (m,)."""

    threshold: np.ndarray
    found: np.ndarray
    missed: np.ndarray
    false_alarms: np.ndarray
    rejected: np.ndarray

    def at(self, place: int) -> Decision:
        return Decision(float(self.threshold[place]), *(int(each[place]) for each in (self.found, self.missed, self.false_alarms, self.rejected)))


def _decisions(labels: np.ndarray, probabilities: np.ndarray, positive: int) -> _Decisions:
    """At 0, and halfway between each two scores that follow each other, and at 1."""
    scores, own = _scores(probabilities, positive), labels == positive
    order = np.argsort(scores, kind="stable")
    values, first = np.unique(scores[order], return_index=True)
    rejected = np.append(first, len(scores))  # All pictures below each threshold.
    missed = np.concatenate([[0], np.cumsum(own[order])])[rejected]
    places = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [np.nextafter(1.0, 2.0)]])
    total = int(own.sum())
    return _Decisions(places, total - missed, missed, len(scores) - rejected - (total - missed), rejected - missed)


def _scores(probabilities: np.ndarray, positive: int) -> np.ndarray:
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.shape[1] != 2:
        raise ValueError(f"a threshold divides two classes, not {probabilities.shape[1]}")
    scores: np.ndarray = probabilities[:, positive] / probabilities.sum(axis=1)
    return scores


def _one_against_rest(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    labels, probabilities = metrics.checked(labels, probabilities)
    if np.isfinite(probabilities).all():
        for c, name in enumerate(classes):
            own = labels == c
            if 0 < own.sum() < len(own):
                yield name, own, probabilities[:, c]


def _average_precision(recall: np.ndarray, precision: np.ndarray) -> float:
    """Σ (Rᵢ − Rᵢ₋₁) · Pᵢ, as scikit-learn's `average_precision_score`, which would compute the curve once more."""
    return float(-(np.diff(recall) * precision[:-1]).sum())


def _as_one(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities = np.asarray(probabilities, np.float64)
    return (labels[:, None] == np.arange(probabilities.shape[1])).ravel(), probabilities.ravel()


def _curve(name: str, kind: str, x: np.ndarray, y: np.ndarray, area: float) -> pd.DataFrame:
    """Of points that would be drawn in one place the first stays; so do both ends."""
    places = np.round(x * STEPS).astype(int) * (STEPS + 1) + np.round(y * STEPS).astype(int)
    keep = np.append(True, places[1:] != places[:-1])
    keep[-1] = True
    return pd.DataFrame({"curve": name, "kind": kind, "x": x[keep], "y": y[keep], "area": float(area)})


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["curve", "kind", "x", "y", "area"])

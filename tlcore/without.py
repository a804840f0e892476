"""The accuracy on some test pictures and on the others, and how much the some of them change it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tlcore.intervals import Interval
from tlcore.proportions import wilson
from tlcore.results import Predictions


@dataclasses.dataclass(frozen=True)
class Share:
    """Recognised pictures of so many, with the 95% interval of the share (Wilson 1927)."""

    right: int
    pictures: int
    interval: Interval

    @property
    def accuracy(self) -> float:
        return self.right / self.pictures

    @classmethod
    def of(cls, right: np.ndarray) -> Share | None:
        """None of no pictures. Shapes: bool (n,)."""
        if not len(right):
            return None
        low, high = wilson(np.array([right.sum()]), np.array([len(right)]))
        return cls(int(right.sum()), len(right), Interval(float(low[0]), float(high[0])))


@dataclasses.dataclass(frozen=True)
class Without:
    """All test pictures, those concerned, and the rest; None where there are no such pictures.

    `raised`: accuracy on all less that on the rest; `raised_interval`: where that truly lies with 95% confidence.
    """

    everything: Share
    concerned: Share | None
    rest: Share | None

    @property
    def raised(self) -> float | None:
        return None if self.rest is None else self.everything.accuracy - self.rest.accuracy

    @property
    def raised_interval(self) -> Interval | None:
        """That difference is the share of those concerned times by how much they fare better than the rest: two independent shares.

        Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
        """
        one, other = self.concerned, self.rest
        if one is None or other is None:
            return None
        difference, part = one.accuracy - other.accuracy, one.pictures / self.everything.pictures
        below = math.hypot(one.accuracy - one.interval.low, other.interval.high - other.accuracy)
        above = math.hypot(one.interval.high - one.accuracy, other.accuracy - other.interval.low)
        return Interval(part * (difference - below), part * (difference + above))


def accuracy_without(predictions: Predictions, rows: np.ndarray) -> Without:
    """Of a run's test pictures, with and without those in some rows of the dataset."""
    right, inside = predictions.predicted == predictions.labels, np.isin(predictions.rows, rows)
    everything = Share.of(right)
    assert everything is not None
    return Without(everything, Share.of(right[inside]), Share.of(right[~inside]))

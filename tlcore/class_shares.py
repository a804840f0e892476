"""How different are the class shares of two sets of pictures?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class ShareChange:
    """The distance of two sets' class shares, and the class whose share changes most.

    `distance`: total variation, 0 (equal) to 1 (no class in common): that share of the pictures would have to change
    class. `by_chance`: what two random samples of as many pictures from one stock would show on average.
    """

    distance: float
    by_chance: float
    largest: str
    share_before: float
    share_after: float

    @property
    def beyond_chance(self) -> bool:
        """Whether it is clearly more than random samples of one stock would show."""
        return self.distance > 2 * self.by_chance


def share_change(before: np.ndarray, after: np.ndarray, classes: Sequence[str]) -> ShareChange | None:
    """From the pictures of each class in one set to those in another; None where a set is empty. Shapes: (k,), (k,)."""
    if not before.sum() or not after.sum():
        return None
    p, q = before / before.sum(), after / after.sum()
    at = int(np.abs(p - q).argmax())
    return ShareChange(total_variation(p, q), expected_by_chance(before, after), classes[at], float(p[at]), float(q[at]))


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """½ Σ |p − q| of two distributions. Shapes: (k,), (k,)."""
    return float(np.abs(np.asarray(p) - np.asarray(q)).sum() / 2)


def expected_by_chance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean total variation of two random samples, of these sizes, from the stock that both together are.

    The difference of a class's shares is about normal with variance s (1 − s) (1/n + 1/m), and E|x| = σ √(2/π).
    """
    n, m = int(one.sum()), int(other.sum())
    shares = (np.asarray(one) + np.asarray(other)) / (n + m)
    return float(np.sqrt(shares * (1 - shares) * (1 / n + 1 / m)).sum() * math.sqrt(2 / math.pi) / 2)

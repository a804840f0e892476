"""Which classes may it be? Sets of classes that hold the true one as often as is asked.

Source: split conformal prediction, Vovk et al. 2005; the sets: Sadinle, Lei and Wasserman 2019, Least Ambiguous
Set-Valued Classifiers with Bounded Error Levels, arXiv:1609.00451.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tlcore import metrics

ROUNDING = 1e-9  # 0.9 · 10 is a little more than 9 in floating point.


@dataclasses.dataclass(frozen=True, eq=False)
class Conformal:
    """What pictures that weren't learnt from tell about probabilities.

    `scores` (n,): 1 less the probability of each picture's true class, ascending.
    The sets keep their promise on average over pictures like these; of pictures of another kind they promise nothing.
    """

    scores: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, probabilities: np.ndarray) -> Conformal | None:
        """From pictures with labels; None where a probability is no number. Shapes: (n,), (n, k)."""
        labels, probabilities = metrics.checked(labels, probabilities)
        given = probabilities[np.arange(len(labels)), labels]
        return cls(np.sort(1 - given.astype(np.float64))) if np.isfinite(probabilities).all() else None

    def limit(self, coverage: float) -> float:
        """The ⌈(n + 1) · coverage⌉-th smallest score; infinite where there are too few pictures to promise that much."""
        assert 0 < coverage < 1
        rank = math.ceil((len(self.scores) + 1) * coverage - ROUNDING)
        return float(self.scores[rank - 1]) if rank <= len(self.scores) else math.inf

    def sets(self, probabilities: np.ndarray, coverage: float) -> np.ndarray:
        """Whether each class is in the set of each picture, bool (n, k).

        In it are classes whose score is within the limit, and always the most probable one: that makes the sets right
        more often, never less.
        """
        inside = 1 - probabilities.astype(np.float64) <= self.limit(coverage)
        inside[np.arange(len(inside)), probabilities.argmax(axis=1)] = True
        return inside


def fewest_pictures(coverage: float) -> int:
    """How many pictures it takes to promise a coverage with sets that leave anything out."""
    return math.ceil(coverage / (1 - coverage) - ROUNDING)

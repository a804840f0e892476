"""Which learning rate? What the loss did while the rate rose from mini-batch to mini-batch, and what to take from it.

Source: the range test of Smith 2015, Cyclical Learning Rates for Training Neural Networks, arXiv:1506.01186, section 3.3;
on a logarithmic axis, and the rate where the loss falls fastest, as in Howard and Gugger 2020, fastai, arXiv:2002.04688.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 140  # 20 mini-batches for each factor of ten.
FEWEST_STEPS, MOST_STEPS = 20, 2_000
NEIGHBOURS = 0.03  # Standard deviation of the smoothing weights, as a share of the steps.
AT_START = 0.1  # Share of the steps in which the rate is too small to change the loss.
CEILING = 2.0  # As a multiple of the loss at the start: what lies above counts as much, and there the test ends.
LATEST = 3  # Mini-batches in a row that must be as bad, before it ends.
LEAST_FALL = 0.05  # Of the loss at the start; less is noise of mini-batches.


@dataclasses.dataclass(frozen=True)
class RateRange:
    """What a range test found: the loss (nats) of each mini-batch at the rate with which it was learnt.

    planned: mini-batches that there would have been, had the loss not run away.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    planned: int

    @functools.cached_property
    def smooth(self) -> np.ndarray:
        """The losses without most of their noise. Shapes: (n,)."""
        return smoothed(np.minimum(np.nan_to_num(np.array(self.losses), nan=np.inf), CEILING * self.start), NEIGHBOURS * self.planned)

    @property
    def start(self) -> float:
        """The loss before the rate is large enough to change it."""
        return start_level(self.losses, self.planned)

    @property
    def lowest(self) -> int:
        """Where the smoothed loss is least."""
        return int(self.smooth.argmin())

    @property
    def fall(self) -> float:
        """How far the smoothed loss comes down (nats)."""
        return self.start - float(self.smooth[self.lowest])

    @functools.cached_property
    def suggested(self) -> int | None:
        """Where the smoothed loss falls fastest; None where it never really falls."""
        if self.fall < LEAST_FALL * self.start or self.lowest == 0:
            return None
        return int(np.gradient(self.smooth)[: self.lowest + 1].argmin())  # Rates are evenly spaced on the axis.

    @property
    def suggestion(self) -> float | None:
        """The rate to begin with, with two digits."""
        return None if self.suggested is None else two_digits(self.rates[self.suggested])

    @property
    def diverges(self) -> float | None:
        """The first rate after the lowest loss at which half of the fall is lost again; None where that doesn't happen."""
        after = self.smooth[self.lowest :] > self.smooth[self.lowest] + self.fall / 2
        return self.rates[self.lowest + int(after.argmax())] if self.fall > 0 and after.any() else None

    def to_json(self) -> dict[str, Any]:
        """As JSON; a loss that is no number any more is None there."""
        return {"rates": list(self.rates), "losses": [loss if math.isfinite(loss) else None for loss in self.losses], "planned": self.planned}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> RateRange:
        """From `to_json`."""
        return cls(tuple(stored["rates"]), tuple(math.inf if loss is None else loss for loss in stored["losses"]), stored["planned"])


def rising(low: float = LOWEST, high: float = HIGHEST, steps: int = STEPS) -> np.ndarray:
    """Rates from `low` to `high`, each larger than the one before by the same factor. Shapes: (steps,)."""
    return np.geomspace(low, high, steps)


def smoothed(losses: np.ndarray, spread: float) -> np.ndarray:
    """The mean of each value and its neighbours on both sides, which weigh exp(−d² / 2s²) at the distance d.

    A running average of what came before, as is often taken, would lag behind and suggest too large a rate.
    Shapes: (n,), spread s in places → (n,).
    """
    places = np.arange(len(losses))
    weights = np.exp(-((places[:, None] - places) ** 2) / (2 * spread**2))
    return (weights @ losses) / weights.sum(axis=1)


def start_level(losses: Sequence[float], planned: int) -> float:
    """The mean loss of the first tenth of the planned mini-batches, without what is no number; infinite where none is one."""
    first = [loss for loss in losses[: max(1, round(AT_START * planned))] if math.isfinite(loss)]
    return float(np.mean(first)) if first else math.inf


def has_run_away(losses: Sequence[float], planned: int) -> bool:
    """Whether nothing is to be learnt from larger rates: the loss is no number, or stays far above that of the start."""
    if losses and not math.isfinite(losses[-1]):
        return True
    if len(losses) < round(AT_START * planned) + LATEST:
        return False
    return min(losses[-LATEST:]) > CEILING * start_level(losses, planned)


def in_words(found: RateRange) -> list[str]:
    """What was found, in sentences; the first one is the suggestion."""
    lowest, tested = found.rates[found.lowest], f"{two_digits(found.rates[0]):g} to {two_digits(found.rates[-1]):g}"
    if not math.isfinite(found.start):
        return [f"The loss was no number at a rate of {two_digits(found.rates[0]):g} already. Look at the pictures and the loss: no rate mends that."]
    if found.suggestion is None:
        return [f"No rate from {tested} lowered the loss by much: it began at {found.start:.2f} and was {found.smooth[found.lowest]:.2f} at best. These settings learn little from {len(found.rates)} mini-batches."]
    said = [f"Try a learning rate of {found.suggestion:g}: there the loss falls fastest."]
    if found.diverges is None:
        return [*said, f"The loss is lowest at {two_digits(lowest):g}, and up to {two_digits(found.rates[-1]):g} it doesn't run away."]
    return [*said, f"The loss is lowest at {two_digits(lowest):g}; from {two_digits(found.diverges):g} on training becomes unstable."]


def two_digits(value: float) -> float:
    """`0.0032` of 0.003162: a range test tells no more."""
    return float(f"{value:.1e}")

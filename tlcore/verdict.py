"""Is a run better than doing nothing? Its accuracy and how sure that is, held against the baselines, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tlcore.baselines import CENTROID, MAJORITY
from tlcore.proportions import wilson

BASELINES = {MAJORITY: "always giving the most frequent class", CENTROID: "the nearest centroid on the frozen layers' features"}
BETTER, UNSURE, WORSE = "better than", "not surely better than", "worse than"


def in_words(pictures: str, n: int, accuracy: float, interval: tuple[float, float] | None, baselines: Mapping[str, float]) -> str:
    """One sentence. pictures: what the n are called, as `test pictures`; baselines: accuracies on the same ones, by name."""
    between = f" (with 95% confidence between {interval[0]:.1%} and {interval[1]:.1%})" if interval else ""
    said = f"It recognises {accuracy:.1%} of {n:,} {pictures} that it has never seen{between}"
    told: dict[str, list[str]] = {}
    for name, theirs in baselines.items():
        told.setdefault(against(interval, _ends(name, theirs, n)), []).append(f"{BASELINES[name]} ({theirs:.1%})")
    parts = [f"{word} {' and '.join(told[word])}" for word in (BETTER, UNSURE, WORSE) if word in told]
    return f"{said}: {', '.join(parts)}." if parts else f"{said}."


def against(interval: tuple[float, float] | None, baseline: tuple[float, float]) -> str:
    """`better than`, `worse than`, or `not surely better than` where the interval and the baseline's ends overlap.

    Both answer the same pictures, but of the baseline only the figure is known: with no paired test the careful way is
    to ask that the intervals lie apart.
    """
    if interval is None:
        return UNSURE
    return BETTER if interval[0] > baseline[1] else WORSE if interval[1] < baseline[0] else UNSURE


def _ends(name: str, accuracy: float, n: int) -> tuple[float, float]:
    """Where a baseline's accuracy may lie. That of a constant answer is the share of a class, which resampling keeps."""
    if name == MAJORITY:
        return accuracy, accuracy
    low, high = wilson(np.array([accuracy * n]), np.array([n]))
    return float(low[0]), float(high[0])

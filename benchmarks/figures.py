"""What is computed from measured seconds and accuracies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

DEVIATIONS = 2.0  # Of the difference of two accuracies: 19 of 20 equal pairs lie within.


def comparison(ours_s: Sequence[float], peer_s: Sequence[float], target: float) -> dict[str, object]:
    """How many times as fast as the peer: the median of the rounds' ratios, with every figure behind it."""
    ratios = [peer / ours for ours, peer in zip(ours_s, peer_s, strict=True)]
    middle = statistics.median(ratios)
    return {
        "ratio": round(middle, 2), "target": target, "reached": middle >= target, "ratios": [round(each, 2) for each in ratios],
        "ours_s": [round(each, 3) for each in ours_s], "peer_s": [round(each, 3) for each in peer_s],
    }


def accuracy_check(ours: Sequence[float], peer: Sequence[float], pictures: int) -> dict[str, object]:
    """Whether the means of both sides' test accuracies are equal within the noise of `pictures` test pictures.

    The noise is that of one drawing: all rounds are tested on the same pictures.
    Source: standard error of a binomial share, sqrt(p (1 - p) / n), of both sides added in squares.
    """
    mine, other = statistics.fmean(ours), statistics.fmean(peer)
    allowed = DEVIATIONS * math.sqrt(sum(share * (1 - share) / pictures for share in (mine, other)))
    return {
        "ours": round(mine, 4), "peer": round(other, 4), "test_pictures": pictures,
        "allowed_difference": round(allowed, 4), "same_accuracy": abs(mine - other) <= allowed,
    }


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each phase's seconds over the rounds, in the order of the first."""
    names = dict.fromkeys(name for phases in rounds for name in phases)
    return {name: round(statistics.median(phases.get(name, 0.0) for phases in rounds), 3) for name in names}


def exponent(pictures: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log seconds over log pictures by least squares: 1 where twice the pictures take twice as long."""
    return float(np.polyfit(np.log(pictures), np.log(seconds), 1)[0])


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Figures of several things as lines of text, a column each."""
    names = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    cells = [["", *names], *([row, *(f"{figures[name]:,}" if name in figures else "" for name in names)] for row, figures in rows.items())]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names) + 1)]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]) for line in cells)

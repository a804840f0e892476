"""When a trial has no prospect: rules on its validation figure by epoch against that of the trials before."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import accumulate

from tlcore.tuning.study import METRICS, Goal

FIRST_EPOCH = 3  # Before it nobody is judged: the start says little.
FEWEST = 4  # Trials that must have been there to be compared with.
FIRST_RUNG, REDUCTION = 3, 3  # Epochs 3, 9, 27 …; a third goes on.


def below_median(own: Sequence[float], others: Iterable[Sequence[float]], goal: Goal) -> str | None:
    """Why a trial is stopped after its latest epoch by the median rule; None where it goes on.

    Its best figure so far must not be worse than the median of the others' best up to the same epoch. One of
    these that ended earlier by itself counts with the best that it reached.
    own, others: the goal's figure by epoch, oldest first.
    Source: Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization", section 3.2.2.
    """
    epoch = len(own)
    reached = [_best(each[:epoch], goal) for each in others if each]
    if epoch < FIRST_EPOCH or len(reached) < FEWEST:
        return None
    best, median = _best(own, goal), statistics.median(reached)
    if not goal.better(median, best):
        return None
    return _told(epoch, best, goal, f"worse than the median of {len(reached)} trials there, {_figure(median, goal)}")


def not_in_the_best_third(own: Sequence[float], others: Iterable[Sequence[float]], goal: Goal) -> str | None:
    """The same by successive halving without waiting: at epochs 3, 9, 27 and so on only the best third of those that came so far goes on.

    Source: Li et al. 2018, "A System for Massively Parallel Hyperparameter Tuning" (ASHA), arXiv:1810.05934.
    """
    epoch, rung = len(own), FIRST_RUNG
    while rung < epoch:
        rung *= REDUCTION
    reached = [_best(each[:epoch], goal) for each in others if len(each) >= epoch]
    if rung != epoch or len(reached) + 1 < REDUCTION:
        return None
    best = _best(own, goal)
    ahead, kept = sum(goal.better(other, best) for other in reached), (len(reached) + 1) // REDUCTION
    if ahead < kept:
        return None
    return _told(epoch, best, goal, f"and {ahead} of {len(reached)} trials were better there, of which a third goes on")


RULES = {"median": below_median, "halving": not_in_the_best_third}


def _best(figures: Sequence[float], goal: Goal) -> float:
    """What is no number is as bad as can be."""
    worst = math.inf if goal.lower else -math.inf
    known = (worst if math.isnan(each) else each for each in figures)
    return list(accumulate(known, min if goal.lower else max))[-1]


def _told(epoch: int, best: float, goal: Goal, why: str) -> str:
    return f"Stopped by the study: after epoch {epoch} its {METRICS[goal.metric]} was {_figure(best, goal)} at best, {why}."


def _figure(value: float, goal: Goal) -> str:
    return f"{value:.4f}" if goal.lower else f"{value:.1%}"

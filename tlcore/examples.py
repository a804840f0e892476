"""Some of a run's test pictures to try it with."""

from __future__ import annotations

import numpy as np

from tlcore.results import Predictions


def examples(given: Predictions, count: int, turn: int = 0) -> np.ndarray:
    """Positions of `count` pictures, the classes taking turns, each turn of the wheel other ones until all were shown, int64.

    The same for the same turn. Of fewer pictures all are given.
    """
    rng = np.random.default_rng(0)
    order = rng.permutation(len(given))
    labels = given.labels[order]
    rank = np.empty(len(order), np.int64)  # How many of its class come before a picture.
    for label in np.unique(labels):
        of_class = labels == label
        rank[of_class] = np.arange(of_class.sum())
    laid = order[np.lexsort((labels, rank))]
    return np.roll(laid, -(turn * count % max(1, len(laid))))[:count]

"""Sets of classes hold the true one as often as they promise, and no more classes than that takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlcore.conformal import Conformal, fewest_pictures

TRUE_CLASS_GETS = [0.9, 0.8, 0.6, 0.3]  # Scores 0.1, 0.2, 0.4, 0.7.


def two_classes(shares: list[float]) -> np.ndarray:
    return np.array([[share, 1 - share] for share in shares])


def test_the_limit_is_the_score_of_the_rank_worked_out_by_hand():
    given = Conformal.of(np.zeros(4, int), two_classes(TRUE_CLASS_GETS))
    np.testing.assert_allclose(given.scores, [0.1, 0.2, 0.4, 0.7])
    assert given.limit(0.6) == pytest.approx(0.4)  # ⌈5 · 0.6⌉ = 3.
    assert given.limit(0.8) == pytest.approx(0.7)  # ⌈5 · 0.8⌉ = 4, exactly.
    assert given.limit(0.81) == math.inf  # ⌈4.05⌉ = 5, of 4 pictures.
    assert fewest_pictures(0.8) == 4 and fewest_pictures(0.9) == 9 and fewest_pictures(0.99) == 99


def test_classes_within_the_limit_are_in_the_set_and_always_the_most_probable():
    given = Conformal.of(np.zeros(4, int), two_classes(TRUE_CLASS_GETS))
    asked = np.array([[0.62, 0.30, 0.08], [0.45, 0.40, 0.15], [0.34, 0.33, 0.33]])
    assert given.sets(asked, 0.8).tolist() == [[True, True, False], [True, True, False], [True, True, True]]
    assert given.sets(asked, 0.4).tolist() == [[True, False, False], [True, False, False], [True, False, False]]
    assert given.sets(asked, 0.9).all(), "too few pictures to leave any class out"


def test_probabilities_that_are_no_numbers_promise_nothing():
    assert Conformal.of(np.array([0]), np.array([[np.nan, 1.0]])) is None


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_in_simulation_the_true_class_is_in_the_set_as_often_as_promised(coverage):
    """A model that is far too sure, 100 calibrations each: the promise holds on average, and isn't kept by sets of everything."""
    rng, held, sizes = np.random.default_rng(0), [], []
    for _ in range(100):
        labels, probabilities = _too_sure(rng, 1_200)
        given = Conformal.of(labels[:200], probabilities[:200])
        sets = given.sets(probabilities[200:], coverage)
        held.append(sets[np.arange(1_000), labels[200:]].mean())
        sizes.append(sets.sum(axis=1).mean())
    assert coverage - 0.01 < np.mean(held) < coverage + 0.03, np.mean(held)
    assert np.mean(sizes) < 4


def _too_sure(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of 5 classes, and probabilities sharpened threefold."""
    logits = rng.normal(size=(count, 5)) * 1.5
    fair = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (fair.cumsum(1) > rng.random((count, 1))).argmax(1)
    sharp = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)
    return labels, sharp.astype(np.float32)

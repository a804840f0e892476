"""Accuracy with and without some test pictures, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.proportions import wilson
from tlcore.results import Predictions
from tlcore.without import accuracy_without


def answers(right: list[bool]) -> Predictions:
    labels = np.zeros(len(right), np.int64)
    probabilities = np.where(np.array(right)[:, None], [[0.9, 0.1]], [[0.2, 0.8]]).astype(np.float32)
    return Predictions("test", np.arange(100, 100 + len(right)), np.array([str(i) for i in range(len(right))]), labels, probabilities, ("a", "b"))


def test_the_rest_counts_without_those_concerned():
    given = answers([True] * 10 + [True] * 60 + [False] * 30)
    found = accuracy_without(given, np.arange(100, 110))
    assert (found.everything.right, found.everything.pictures) == (70, 100)
    assert (found.concerned.accuracy, found.concerned.pictures) == (1.0, 10)
    assert found.rest.accuracy == pytest.approx(60 / 90)
    assert found.raised == pytest.approx(0.7 - 60 / 90)
    low, high = (float(end[0]) for end in wilson(np.array([60]), np.array([90])))
    assert found.rest.interval == pytest.approx((low, high))


def test_the_interval_of_what_they_change_is_newcombes_by_hand():
    # Newcombe 1998, table II: 56/70 less 48/80 is 0.2, by method 10 between 0.0524 and 0.3339. Here times 70/150.
    given = answers([True] * 56 + [False] * 14 + [True] * 48 + [False] * 32)
    found = accuracy_without(given, np.arange(100, 170))
    assert found.raised == pytest.approx(0.2 * 70 / 150)
    assert found.raised_interval == pytest.approx((0.0524 * 70 / 150, 0.3339 * 70 / 150), abs=5e-5)


def test_without_any_concerned_nothing_changes_and_without_the_rest_nothing_is_told():
    given = answers([True, False])
    none, all_of_them = accuracy_without(given, np.array([], np.int64)), accuracy_without(given, given.rows)
    assert none.concerned is None and none.raised == 0 and none.raised_interval is None
    assert all_of_them.rest is None and all_of_them.raised is None and all_of_them.raised_interval is None

"""Test pictures to try a run with."""

from __future__ import annotations

import numpy as np

from tlcore.examples import examples
from tlcore.results import Predictions


def given(labels: list[int]) -> Predictions:
    rows = np.arange(len(labels)) + 100
    return Predictions("test", rows, rows.astype(str), np.array(labels), np.full((len(labels), 3), 1 / 3, np.float32), ("a", "b", "c"))


def test_the_classes_take_turns_and_turning_on_shows_every_picture_before_one_comes_again():
    of = given([0] * 4 + [1] * 4 + [2] * 4)
    first, second = examples(of, 6), examples(of, 6, 1)
    assert sorted(of.labels[first]) == [0, 0, 1, 1, 2, 2] and len(set(of.labels[first[:3]])) == 3
    assert set(first) | set(second) == set(range(12))
    np.testing.assert_array_equal(examples(of, 6), first)
    np.testing.assert_array_equal(examples(of, 6, 2), first)


def test_of_fewer_pictures_all_are_given():
    assert sorted(examples(given([0, 2, 2]), 8)) == [0, 1, 2]
    assert len(examples(given([0, 2, 2]), 8, 5)) == 3


def test_a_turn_of_any_size_is_found_at_once():
    of = given([0, 1, 2] * 4)  # Twelve pictures: a multiple of as many turns leads back to the start.
    np.testing.assert_array_equal(examples(of, 5, 12 * 10**20 + 1), examples(of, 5, 1))

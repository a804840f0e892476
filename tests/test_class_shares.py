"""The distance of class shares by hand, and what chance alone would show by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.class_shares import expected_by_chance, share_change, total_variation


def test_total_variation_by_hand():
    # ½ (|0.5 − 0.2| + |0.3 − 0.3| + |0.2 − 0.5|)
    assert total_variation([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]) == pytest.approx(0.3)
    assert total_variation([1, 0], [0, 1]) == 1.0 and total_variation([0.4, 0.6], [0.4, 0.6]) == 0.0


def test_the_class_that_changes_most_is_named():
    found = share_change(np.array([50, 30, 20]), np.array([5, 3, 12]), ("cat", "dog", "bird"))
    assert found.distance == pytest.approx(0.4), "½ (0.25 + 0.15 + 0.4)"
    assert (found.largest, found.share_before, found.share_after) == ("bird", pytest.approx(0.2), pytest.approx(0.6))
    assert found.beyond_chance


def test_an_empty_set_has_no_shares():
    assert share_change(np.array([0, 0]), np.array([1, 2]), ("a", "b")) is None


def test_chance_alone_is_what_random_samples_show():
    rng, stock = np.random.default_rng(0), np.array([0.5, 0.3, 0.15, 0.05])
    shown = [total_variation(rng.multinomial(200, stock) / 200, rng.multinomial(80, stock) / 80) for _ in range(4000)]
    assert expected_by_chance(200 * stock, 80 * stock) == pytest.approx(np.mean(shown), rel=0.03)
    assert not share_change(np.array([52, 48]), np.array([45, 55]), ("a", "b")).beyond_chance

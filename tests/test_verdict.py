"""Better than doing nothing? Said in one sentence, and never more surely than the pictures can tell."""

from __future__ import annotations

import pytest

from tlcore.baselines import CENTROID, MAJORITY
from tlcore.verdict import BETTER, UNSURE, WORSE, against, in_words


def test_one_sentence_says_how_good_on_what_how_sure_and_against_what():
    said = in_words("test pictures", 1000, 0.9, (0.88, 0.917), {MAJORITY: 0.1, CENTROID: 0.7})
    assert said == (
        "It recognises 90.0% of 1,000 test pictures that it has never seen (with 95% confidence between 88.0% and 91.7%): "
        "better than always giving the most frequent class (10.0%) and the nearest centroid on the frozen layers' features (70.0%)."
    )


def test_a_baseline_within_reach_is_not_surely_beaten():
    said = in_words("test pictures", 100, 0.9, (0.83, 0.94), {MAJORITY: 0.5, CENTROID: 0.8})
    # Wilson's interval of 80 in 100 reaches to 0.867.
    assert "better than always giving the most frequent class (50.0%), not surely better than the nearest centroid" in said
    assert "worse than the nearest centroid" in in_words("test pictures", 1000, 0.5, (0.47, 0.53), {CENTROID: 0.8})


@pytest.mark.parametrize(
    ("interval", "expected"), [((0.4, 0.6), BETTER), ((0.1, 0.15), WORSE), ((0.15, 0.4), UNSURE), ((0.3, 0.6), UNSURE), (None, UNSURE)]
)
def test_intervals_must_lie_apart(interval, expected):
    assert against(interval, (0.2, 0.3)) == expected


def test_without_baselines_or_an_interval_only_the_figure_is_told():
    assert in_words("test pictures", 1, 1.0, None, {}) == "It recognises 100.0% of 1 test pictures that it has never seen."

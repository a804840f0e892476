"""Curves and thresholds against scikit-learn's and numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.finished_run import digits_predictions
from tests.simulated import model
from tlcore import metrics
from tlcore.thresholds import (
    MACRO,
    MICRO,
    areas,
    cheapest_threshold,
    decide,
    precision_recall_curves,
    roc_curves,
    threshold_table,
)

# Scores of the second class: 0.1 no, 0.4 no, 0.35 yes, 0.8 yes.
LABELS = np.array([0, 0, 1, 1])
SCORES = np.array([0.1, 0.4, 0.35, 0.8])
PROBABILITIES = np.stack([1 - SCORES, SCORES], axis=1)


def test_curves_of_digits_have_the_areas_of_scikit_learn_and_few_points():
    given = digits_predictions()
    roc, pr = (draw(given.labels, given.probabilities, given.classes) for draw in (roc_curves, precision_recall_curves))
    areas, precisions = roc.groupby("curve")["area"].first(), pr.groupby("curve")["area"].first()
    flat = (given.labels[:, None] == np.arange(10)).ravel(), given.probabilities.ravel()
    for c, name in enumerate(given.classes):
        assert areas[name] == pytest.approx(roc_auc_score(given.labels == c, given.probabilities[:, c]))
        assert precisions[name] == pytest.approx(average_precision_score(given.labels == c, given.probabilities[:, c]))
    assert areas[MACRO] == pytest.approx(metrics.mean_auc(given.labels, given.probabilities), abs=1e-6)
    assert areas[MICRO] == pytest.approx(roc_auc_score(*flat)) and precisions[MICRO] == pytest.approx(average_precision_score(*flat))


def test_areas_of_both_kinds_stand_in_one_row():
    # 0.35 and 0.8 are the positives' scores: 3 of 4 pairs in order; precision 1 at 0.8, then 2/3 at 0.35.
    given = areas(*(draw(LABELS, PROBABILITIES, ["no", "yes"]) for draw in (roc_curves, precision_recall_curves)))
    assert given["kind"].tolist() == ["class"] * 2 + ["average"] * 2 and given["curve"].tolist() == ["no", "yes", MACRO, MICRO]
    assert given.set_index("curve").loc["yes", ["auc", "average_precision"]].tolist() == pytest.approx([0.75, (1 + 2 / 3) / 2])


def test_thinned_curves_keep_their_shape_and_their_ends():
    labels, probabilities = model(np.random.default_rng(0), [5000, 5000], 1.0)
    roc = roc_curves(labels, probabilities, ["a", "b"])
    for name, curve in roc.groupby("curve"):
        assert len(curve) < 450, name
        assert curve[["x", "y"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
        assert np.trapezoid(curve["y"], curve["x"]) == pytest.approx(curve["area"].iloc[0], abs=0.004)
    assert len(precision_recall_curves(labels, probabilities, ["a", "b"])) < 2500


def test_a_class_without_pictures_has_no_curve_and_one_alone_leaves_none():
    labels, probabilities = model(np.random.default_rng(0), [20, 20, 0], 1.0)
    assert set(roc_curves(labels, probabilities, ["a", "b", "c"])["curve"]) == {"a", "b", MACRO, MICRO}
    for draw in (roc_curves, precision_recall_curves):
        assert draw(np.zeros(3, int), probabilities[:3], ["a", "b", "c"]).empty
        assert draw(labels, probabilities * np.nan, ["a", "b", "c"]).empty


def test_decisions_by_hand():
    at = decide(LABELS, PROBABILITIES, 0.375)
    assert (at.found, at.missed, at.false_alarms, at.rejected) == (1, 1, 1, 1)
    assert (at.accuracy, at.recall, at.precision, at.cost(5, 2)) == (0.5, 0.5, 0.5, 7)
    everything = decide(LABELS, PROBABILITIES, 0.0)
    assert (everything.found, everything.false_alarms, everything.recall, everything.precision) == (2, 2, 1, 0.5)


def test_the_table_agrees_with_each_decision():
    frame = threshold_table(LABELS, PROBABILITIES, 1, 3, 1)
    assert frame["threshold"].tolist() == pytest.approx([0, 0.225, 0.375, 0.6, 1])
    assert frame["cost"].tolist() == [2, 1, 4, 3, 6]
    for row in frame.to_dict("records"):
        expected = decide(LABELS, PROBABILITIES, row["threshold"]).to_json(3, 1)
        assert row == expected


def test_a_dear_miss_lowers_the_threshold():
    labels, probabilities = model(np.random.default_rng(0), [2000, 2000], 1.0)
    plain, careful = cheapest_threshold(labels, probabilities), cheapest_threshold(labels, probabilities, of_a_miss=10)
    # Of calibrated scores the best is cost / (cost + miss), Elkan 2001.
    assert plain == pytest.approx(0.5, abs=0.1) and careful == pytest.approx(1 / 11, abs=0.04)
    frame = threshold_table(labels, probabilities, of_a_miss=10)
    assert len(frame) <= 201 and frame["cost"].min() == decide(labels, probabilities, careful).cost(10)


def test_perfect_scores_are_cut_near_the_middle():
    labels = np.array([0, 0, 1, 1])
    assert cheapest_threshold(labels, np.eye(2)[labels]) == 0.5


def test_a_threshold_needs_two_classes():
    with pytest.raises(ValueError, match="two classes, not 3"):
        decide(LABELS, np.ones((4, 3)) / 3, 0.5)

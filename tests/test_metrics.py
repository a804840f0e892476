"""Figures against numbers worked out by hand, and against scikit-learn on real digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from tests.finished_run import digits_predictions
from tlcore import metrics

# Seven pictures of a, a, a, b, b, c, c, taken for a, a, b, b, b, c, a:
#   a: TP 2, FP 1, FN 1   precision 2/3, recall 2/3, F1 4/6
#   b: TP 2, FP 1, FN 0   precision 2/3, recall 1,   F1 4/5
#   c: TP 1, FP 0, FN 1   precision 1,   recall 1/2, F1 2/3
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 2, 0])
PROBABILITIES = np.full((7, 3), 0.2)
PROBABILITIES[np.arange(7), PREDICTED] = 0.6


def test_confusion_counts_true_classes_by_row():
    assert metrics.confusion(LABELS, PREDICTED, 3).tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]


def test_per_class_equals_the_numbers_by_hand():
    table = metrics.per_class(LABELS, PREDICTED, ["a", "b", "c"]).set_index("class")
    assert table.loc["a"].tolist() == pytest.approx([2 / 3, 2 / 3, 4 / 6, 3])
    assert table.loc["b"].tolist() == pytest.approx([2 / 3, 1, 4 / 5, 2])
    assert table.loc["c"].tolist() == pytest.approx([1, 1 / 2, 2 / 3, 2])


def test_headline_figures_equal_the_numbers_by_hand():
    figures = metrics.evaluate(LABELS, PROBABILITIES)
    assert figures["accuracy"] == pytest.approx(5 / 7)
    assert figures["balanced_accuracy"] == figures["recall"] == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert figures["precision"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert figures["macro_f1"] == pytest.approx((4 / 6 + 4 / 5 + 2 / 3) / 3)
    assert figures["weighted_f1"] == pytest.approx((3 * 4 / 6 + 2 * 4 / 5 + 2 * 2 / 3) / 7)
    assert figures["log_loss"] == pytest.approx(-(5 * math.log(0.6) + 2 * math.log(0.2)) / 7)


def test_area_under_the_curve_by_hand():
    # Of the 2 x 2 pairs (positive, negative) three are in order and none is tied: 3/4, the same for both classes.
    positive = np.array([0.1, 0.4, 0.35, 0.8])
    assert metrics.mean_auc(np.array([0, 0, 1, 1]), np.stack([1 - positive, positive], 1)) == pytest.approx(0.75)


def test_one_class_alone_has_no_area_under_the_curve():
    assert metrics.evaluate(np.zeros(3, int), PROBABILITIES[:3])["auc"] is None


def test_a_certain_mistake_costs_a_finite_loss():
    assert 15 < metrics.log_loss(np.array([1]), np.array([[1.0, 0.0]])) < 17


def test_a_class_seen_nowhere_counts_in_no_average():
    assert metrics.macro_f1(LABELS, PREDICTED, 5) == metrics.macro_f1(LABELS, PREDICTED, 3)
    assert metrics.macro_f1(np.array([], int), np.array([], int), 3) == 0


def test_a_label_outside_the_classes_is_refused():
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        metrics.confusion(LABELS, PREDICTED, 2)
    with pytest.raises(ValueError, match="belong together"):
        metrics.evaluate(LABELS, PROBABILITIES[:3])


def test_figures_equal_those_of_scikit_learn():
    predictions = digits_predictions()
    labels, probabilities = predictions.labels, predictions.probabilities
    predicted = probabilities.argmax(1)
    figures = metrics.evaluate(labels, probabilities)
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
        "macro_f1": reference.f1_score(labels, predicted, average="macro"),
        "weighted_f1": reference.f1_score(labels, predicted, average="weighted"),
        "precision": reference.precision_score(labels, predicted, average="macro"),
        "recall": reference.recall_score(labels, predicted, average="macro"),
        "auc": reference.roc_auc_score(labels, probabilities / probabilities.sum(1, keepdims=True), multi_class="ovr"),
        "log_loss": reference.log_loss(labels, probabilities / probabilities.sum(1, keepdims=True)),
    }
    assert figures.pop("ece") > 0  # scikit-learn has none; tested by hand.
    assert figures == pytest.approx(expected, abs=1e-6)

"""Intervals that cover as often as they say, from draws that equal a plain bootstrap."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from tests.finished_run import digits_predictions
from tests.simulated import model, true_figures
from tlcore import metrics
from tlcore.intervals import Interval, intervals, per_class, table
from tlcore.proportions import exact, wilson
from tlcore.resampling import resampled


def coverage(sizes: list[int], skill: float, sharpness: float, times: int) -> dict[str, float]:
    """How often each figure's interval holds the truth."""
    truth, hits = true_figures(sizes, skill, sharpness), dict.fromkeys(metrics.FIGURES, 0)
    for seed in range(times):
        labels, probabilities = model(np.random.default_rng(100 + seed), sizes, skill, sharpness)
        found = intervals(labels, probabilities, resampled(labels, [probabilities], 400)[0])
        for name in hits:
            interval = found[name]
            hits[name] += interval is not None and interval.low <= truth[name] <= interval.high
    return {name: hit / times for name, hit in hits.items()}


def test_intervals_cover_the_truth_as_often_as_they_say():
    for name, share in coverage([120, 80, 60], 2.0, 1.0, 250).items():
        assert 0.90 <= share <= 0.985, name


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "skill", "sharpness"), [([200, 200], 1.5, 1.5), ([100, 100, 100], 2.0, 4.0), ([40] * 10, 3.0, 1.0), ([8] * 20, 3.0, 3.0)])
def test_intervals_cover_the_truth_whatever_the_model(sizes, skill, sharpness):
    for name, share in coverage(sizes, skill, sharpness, 600).items():
        assert (0.90 if max(sizes) > 8 else 0.88) <= share <= 0.985, name


def plain_bootstrap(labels: np.ndarray, probabilities: np.ndarray, times: int) -> dict[str, np.ndarray]:
    """As in a textbook: draw as many pictures of each class as it has, and evaluate them."""
    rng, rows = np.random.default_rng(5), []
    for _ in range(times):
        at = np.concatenate([rng.choice(own, len(own)) for own in (np.flatnonzero(labels == c) for c in np.unique(labels))])
        rows.append(metrics.evaluate(labels[at], probabilities[at]))
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


def test_draws_at_once_scatter_like_draws_one_by_one():
    labels, probabilities = model(np.random.default_rng(0), [80, 60, 60], 1.5)
    at_once, one_by_one = resampled(labels, [probabilities], 2000)[0], plain_bootstrap(labels, probabilities, 1000)
    for name in metrics.FIGURES:
        error = one_by_one[name].std()
        assert at_once[name].std() == pytest.approx(error, rel=0.1), name
        assert at_once[name].mean() == pytest.approx(one_by_one[name].mean(), abs=0.1 * error + 2e-4), name


def test_the_spread_of_a_small_class_is_not_made_smaller():
    # Four pictures of each class, three and two of them recognised: a mean's variance is Σ s² / n with s² over n − 1.
    labels = np.repeat([0, 1], 4)
    probabilities = np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]] + [[0.1, 0.9]] * 2 + [[0.9, 0.1]] * 2)
    recalls = resampled(labels, [probabilities], 40_000)[0]["balanced_accuracy"]
    by_hand = (3 / 4 * 1 / 4 * 4 / 3 / 4 + 2 / 4 * 2 / 4 * 4 / 3 / 4) / 4
    assert recalls.var() == pytest.approx(by_hand, rel=0.03)
    assert recalls.mean() == pytest.approx(5 / 8, abs=0.002)


def test_the_same_pictures_give_the_same_interval_and_every_model_the_same_draws():
    labels, probabilities = model(np.random.default_rng(3), [30, 30])
    assert intervals(labels, probabilities) == intervals(labels, probabilities)
    alone, [first, again] = resampled(labels, [probabilities])[0], resampled(labels, [probabilities, probabilities])
    for name in metrics.FIGURES:
        assert np.allclose(first[name], alone[name]) and np.allclose(first[name], again[name])


def test_ten_thousand_pictures_take_a_fraction_of_a_second():
    """0.2 s on one idle core; processor time, since the machine may be busy."""
    labels, probabilities = model(np.random.default_rng(0), [1000] * 10, 3.0)
    probabilities = probabilities.astype(np.float32)
    spent = []
    for _ in range(2):
        began = time.process_time()
        found = intervals(labels, probabilities)
        spent.append(time.process_time() - began)
    assert all(found.values())
    assert min(spent) < 1.2


def test_a_hundred_classes_on_real_sizes_have_all_figures():
    labels, probabilities = model(np.random.default_rng(0), [5] * 100, 4.0)
    figures, found = metrics.evaluate(labels, probabilities), intervals(labels, probabilities)
    for name, interval in found.items():
        assert interval is not None and interval.low <= interval.high, name
    assert found["macro_f1"].low < figures["macro_f1"] < found["macro_f1"].high
    assert len(per_class(labels, probabilities.argmax(1), [str(c) for c in range(100)])) == 100


def test_a_class_without_test_pictures_leaves_the_others_figures():
    labels, probabilities = model(np.random.default_rng(2), [40, 40, 0], 1.5)
    found = intervals(labels, probabilities)
    assert all(found.values()) and 0 not in resampled(labels, [probabilities])[0]["macro_f1"]
    row = per_class(labels, probabilities.argmax(1), ["a", "b", "c"]).set_index("class").loc["c"]
    assert row["support"] == 0 and np.isnan(row["recall_low"]) and row["precision_low"] == 0


def test_no_mistake_is_no_certainty():
    # 20 of 20: the rule of three's exact form, 0.025 ^ (1 / 20).
    labels = np.repeat([0, 1], 10)
    found = intervals(labels, np.eye(2)[labels] * 0.8 + 0.1)
    for name in metrics.OF_COUNTS:
        assert found[name] == pytest.approx((0.025 ** (1 / 20), 1)), name
    assert found["auc"] is None and found["log_loss"] is None, "nothing varies"


def test_all_wrong_is_no_certainty_either():
    labels = np.repeat([0, 1], 10)
    assert intervals(labels, np.eye(2)[1 - labels])["accuracy"] == pytest.approx((0, 1 - 0.025 ** (1 / 20)))


def test_one_picture_says_next_to_nothing():
    found = intervals(np.array([1]), np.array([[0.2, 0.8]]))
    assert found["accuracy"] == pytest.approx((0.025, 1)) and found["log_loss"] is found["auc"] is found["ece"] is None
    found = intervals(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))  # One of two.
    assert found["accuracy"] == pytest.approx(tuple(stats.binomtest(1, 2).proportion_ci(method="exact"))) and found["macro_f1"] is None


def test_probabilities_that_are_no_numbers_leave_what_counts_give():
    labels, probabilities = model(np.random.default_rng(2), [40, 40], 1.5)
    probabilities[3] = np.nan
    figures, found = metrics.evaluate(labels, probabilities), intervals(labels, probabilities)
    assert figures["auc"] is figures["log_loss"] is figures["ece"] is None
    assert found["auc"] is found["log_loss"] is found["ece"] is None and found["accuracy"] is not None
    assert table(figures, found)["ece"] == {"value": None, "low": None, "high": None}


def test_a_calibrated_model_may_have_no_calibration_error():
    labels, calibrated = model(np.random.default_rng(7), [300, 300], 1.0, 1.0)
    _, too_sure = model(np.random.default_rng(7), [300, 300], 1.0, 4.0)
    assert intervals(labels, calibrated)["ece"].low == 0 < metrics.evaluate(labels, calibrated)["ece"]
    assert intervals(labels, too_sure)["ece"].low > 0.1


def test_shares_have_the_intervals_of_scipy():
    parts, wholes = np.array([0, 3, 10, 45]), np.array([10, 10, 10, 50])
    for part, whole, low, high in zip(parts, wholes, *wilson(parts, wholes), strict=True):
        assert (low, high) == pytest.approx(tuple(stats.binomtest(part, whole).proportion_ci(method="wilson")), abs=1e-6)
        assert exact(part, whole) == pytest.approx(tuple(stats.binomtest(part, whole).proportion_ci(method="exact")), abs=1e-9)


def test_each_class_has_intervals_about_its_figures():
    predictions = digits_predictions()
    frame = per_class(predictions.labels, predictions.predicted, predictions.classes)
    assert list(frame.columns[:4]) == ["class", "precision", "precision_low", "precision_high"]
    for name in ("precision", "recall", "f1"):
        assert (frame[f"{name}_low"] <= frame[name] + 1e-12).all() and (frame[name] <= frame[f"{name}_high"] + 1e-12).all()
        assert (frame[f"{name}_high"] > frame[f"{name}_low"]).all()


def test_f1_of_a_class_is_covered_as_often_as_said():
    sizes, hits = [80, 60, 60], []
    labels, probabilities = model(np.random.default_rng(1), [size * 200 for size in sizes], 1.5)
    truth = metrics.per_class(labels, probabilities.argmax(1), "abc")
    for seed in range(150):
        labels, probabilities = model(np.random.default_rng(seed), sizes, 1.5)
        frame = per_class(labels, probabilities.argmax(1), "abc")
        hits.append([((frame[f"{name}_low"] <= truth[name]) & (truth[name] <= frame[f"{name}_high"])).mean() for name in ("precision", "recall", "f1")])
    assert (np.mean(hits, axis=0) > 0.92).all() and (np.mean(hits, axis=0) < 0.995).all()


def test_an_interval_is_a_pair():
    assert Interval(0.1, 0.2)._asdict() == {"low": 0.1, "high": 0.2}

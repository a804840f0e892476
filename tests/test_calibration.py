"""Calibration against numbers by hand, and on models whose temperature is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.finished_run import digits_predictions
from tests.simulated import model
from tlcore import metrics
from tlcore.calibration import (
    LOWEST,
    calibrate,
    error_if_calibrated,
    fit_temperature,
    reliability,
    with_temperature,
)

# Two bins of fifteen: (12/15, 13/15] holds 0.85, right and wrong; (8/15, 9/15] holds 0.6, 0.6, both right.
SURE = np.array([0.85, 0.85, 0.6, 0.6])
PROBABILITIES = np.stack([SURE, 1 - SURE], axis=1)
LABELS = np.array([0, 1, 0, 0])


def test_calibration_error_by_hand():
    # |1/2 − 0.85| for two of four pictures, |1 − 0.6| for the others.
    assert metrics.calibration_error(LABELS, PROBABILITIES) == pytest.approx(0.5 * 0.35 + 0.5 * 0.4)


def test_a_bin_holds_its_upper_end():
    # 1/15 and 1 as in Guo et al.; 0.6 = 9/15 lies in the ninth.
    assert metrics.confidence_bins(np.array([1 / 15, 0.6, 0.61, 1.0, 0.0])).tolist() == [0, 8, 9, 14, 0]


def test_reliability_by_hand():
    frame = reliability(LABELS, PROBABILITIES)
    assert frame[["confidence", "accuracy", "count"]].to_numpy().tolist() == [[pytest.approx(0.6), 1, 2], [pytest.approx(0.85), 0.5, 2]]
    assert frame["low"].tolist() == pytest.approx([8 / 15, 12 / 15]) and (frame["accuracy_low"] < frame["accuracy"]).all()
    assert reliability(LABELS, PROBABILITIES * np.nan).empty


def test_reliability_adds_up_to_the_error():
    predictions = digits_predictions()
    frame = reliability(predictions.labels, predictions.probabilities)
    error = (frame["count"] * (frame["accuracy"] - frame["confidence"]).abs()).sum() / frame["count"].sum()
    assert error == pytest.approx(metrics.calibration_error(predictions.labels, predictions.probabilities.astype(float)))


def test_a_temperature_by_hand():
    # Logits ln 9 and 0 at temperature 2: 3 against 1.
    assert with_temperature(np.array([[0.9, 0.1]]), 2.0) == pytest.approx(np.array([[0.75, 0.25]]))
    # 90 % sure, right in 3 of 4: ln 9 / T = ln 3.
    labels = np.array([0, 0, 0, 1])
    assert fit_temperature(labels, np.tile([0.9, 0.1], (4, 1))) == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found_again(temperature):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), 20_000)
    labels = (rng.random((20_000, 1)) > shares.cumsum(axis=1)).sum(axis=1)  # Drawn from them: calibrated.
    assert fit_temperature(labels, with_temperature(shares, 1 / temperature)) == pytest.approx(temperature, rel=0.04)


def test_temperature_mends_a_model_that_is_too_sure_and_keeps_its_answers():
    val, test = model(np.random.default_rng(0), [300] * 3, 1.0, 4.0), model(np.random.default_rng(1), [300] * 3, 1.0, 4.0)
    found = calibrate(*val, *test)
    assert found.temperature > 2 and found.fitted_on == 900
    assert found.ece > 0.1 > found.ece_after and found.log_loss_after < found.log_loss
    assert np.array_equal(with_temperature(test[1], found.temperature).argmax(1), test[1].argmax(1))
    assert "too sure" in found.in_words and f"{found.ece_after:.3f}" in found.in_words
    assert found.to_json()["if_calibrated"]["high"] == found.if_calibrated[1]


def test_a_calibrated_model_shows_as_much_as_chance_gives():
    rng, errors = np.random.default_rng(0), []
    shares = rng.dirichlet(np.ones(3), 300)
    for _ in range(300):
        labels = (rng.random((300, 1)) > shares.cumsum(axis=1)).sum(axis=1)
        errors.append(metrics.calibration_error(labels, shares))
    mean, limit = error_if_calibrated(shares)
    assert mean == pytest.approx(np.mean(errors), rel=0.05) and np.mean(np.array(errors) > limit) == pytest.approx(0.05, abs=0.035)
    assert "as far as these pictures can tell" in calibrate(labels, shares, labels, shares).in_words


def test_where_no_validation_picture_is_mistaken_no_temperature_is_told():
    labels = np.repeat([0, 1], 50)
    shares = np.where(np.eye(2)[labels] > 0, 0.7, 0.3)
    found = calibrate(labels, shares, labels, shares)
    assert found.at_limit and "too few mistakes" in found.in_words
    assert calibrate(labels, shares, labels, shares * np.nan) is None
    surer = np.where(np.eye(2)[labels] > 0, 1 - 1e-4, 1e-4)  # So sure that rounding ends the fall of the loss above the lowest temperature.
    assert fit_temperature(labels, surer) == LOWEST and calibrate(labels, surer, labels, surer).at_limit


def test_probabilities_that_underflowed_are_taken():
    found = calibrate(np.array([0, 1, 1]), np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([0]), np.array([[1.0, 0.0]]))
    assert np.isfinite([found.temperature, found.log_loss_after, found.ece_after]).all()


def test_a_temperature_of_another_domain_does_not_say_which_way_these_pictures_err():
    sure_of_its_own = np.repeat([[0.6, 0.4]], 200, 0), np.zeros(200, int)  # Always right, 60 % sure: not sure enough there.
    here, labels = np.repeat([[0.9, 0.1]], 200, 0), np.arange(200) % 2  # Half right, 90 % sure.
    found = calibrate(sure_of_its_own[1], sure_of_its_own[0], labels, here, other_domain=True)
    assert found.temperature < 1 and found.surplus == pytest.approx(0.4)
    assert "too sure of its answers, by 0.400" in found.in_words

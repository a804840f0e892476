"""Each score against a number worked out by hand, and against what it means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from tlcore.ranking import scores


def test_log_evidence_by_hand():
    # One feature (1, 0), target (2, 1): with t = α/β the fixed point is 3t² + 2t - 1 = 0, so t = 1/3, α = 1/3, β = 1;
    # log p / n = ½ [log(1 / 2π) - ½ log(1 + 1/t) - 1].
    found = scores.log_evidence(np.array([[1.0], [0.0]]), np.array([2.0, 1.0]))
    assert found == pytest.approx((np.log(1 / (2 * np.pi)) - np.log(4) / 2 - 1) / 2, abs=1e-6)
    assert found == pytest.approx(-1.765512, abs=1e-6)


@pytest.mark.parametrize("shape", [(30, 4), (8, 20)])
def test_log_evidence_is_the_maximum_of_the_likelihood(shape):
    rng = np.random.default_rng(0)
    features = rng.normal(size=shape)
    target = features[:, 0] + rng.normal(scale=0.5, size=len(features))

    def minus_log_p(logs):
        alpha, beta = np.exp(logs)
        cov = np.eye(len(target)) / beta + features @ features.T / alpha
        return -multivariate_normal(cov=cov).logpdf(target)

    best = minimize(minus_log_p, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9})
    assert scores.log_evidence(features, target) == pytest.approx(-best.fun / len(target), abs=1e-5)


def test_log_me_is_the_mean_over_classes():
    features, labels = np.array([[1.0, 0.2], [0.9, 0.1], [0.1, 1.0], [0.0, 0.7], [0.5, 0.5]]), np.array([0, 0, 1, 1, 2])
    each = [scores.log_evidence(features, (labels == c).astype(float)) for c in range(3)]
    assert scores.log_me(features, labels) == pytest.approx(np.mean(each))


def test_h_score_by_hand():
    # One feature, which nothing shrinks: variance between means 4, of all 5.
    assert scores.h_score(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([0, 0, 1, 1])) == pytest.approx(0.8)
    # Σ = diag(2, ½), mean variance 5/4; Ledoit-Wolf shrinks by (17/32) / (9/16) = 17/18 to diag(23.25, 21.75) / 18;
    # class means ±(1, ½): trace = 1/18 · (18 / 23.25 + ¼ · 18 / 21.75).
    features = np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert scores.h_score(features, np.array([0, 1, 0, 1])) == pytest.approx(1 / 23.25 + 0.25 / 21.75)


def test_nce_by_hand():
    # Answers a, a, b, b; labels 0, 1, 1, 1: half of the pictures have an answer after which both labels are as likely.
    assert scores.nce(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx(0.5 * np.log(0.5))
    assert scores.nce(np.array([4, 2, 4]), np.array([0, 1, 0])) == 0


def test_leep_by_hand():
    # p(y=0, z) = (0.4, 0.1), p(y=1, z) = (0.2, 0.3): p(0|z) = (2/3, 1/4), p(1|z) = (1/3, 3/4). Both pictures come to 7/12.
    assert scores.leep(np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1])) == pytest.approx(np.log(7 / 12))
    # A head that is sure makes the same of it as NCE.
    answers, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert scores.leep(np.eye(2)[answers], labels) == pytest.approx(scores.nce(answers, labels))


def test_nearest_neighbours_by_hand():
    # By the angle, whatever the length: the one at 25 degrees is nearest to one of class 0, the others to one of their own.
    angles = np.deg2rad([0, 10, 25, 85, 90])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([1, 5, 2, 3, 1])[:, None]
    labels = np.array([0, 0, 1, 1, 1])
    assert scores.nearest_neighbours(features, labels, 1) == pytest.approx(0.8)
    # Two votes, 0 and 1, for the first two: the nearer one's counts.
    assert scores.nearest_neighbours(features, labels, 2) == pytest.approx(0.8)
    # All others vote: 1 to 3 against the first two, 2 to 2 for the rest, where the nearest decides.
    assert scores.nearest_neighbours(features, labels, 9) == pytest.approx(0.4)


def test_logistic_regression_judges_pictures_that_it_has_not_seen():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 40)
    apart = rng.normal(size=(80, 3)) + 6 * labels[:, None]
    assert scores.logistic_regression(apart, labels) == 1.0
    noise = rng.normal(size=(80, 60))  # Enough features to learn any labels by heart.
    assert 0.3 < scores.logistic_regression(noise, labels) < 0.7
    assert scores.logistic_regression(apart[36:], labels[36:]) is None  # Four pictures can't lie in five folds.


@pytest.mark.parametrize("score", [scores.log_me, scores.h_score, scores.nearest_neighbours, scores.logistic_regression])
def test_features_that_tell_the_classes_apart_score_higher(score):
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 30)
    noise = rng.normal(size=(90, 16)).astype(np.float32)
    means = rng.normal(size=(3, 16))
    found = [score((noise + strength * means[labels]).astype(np.float32), labels) for strength in (0.0, 0.7, 2.0)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("score", [scores.log_me, scores.h_score, scores.nearest_neighbours, scores.logistic_regression])
def test_features_that_are_all_alike_are_no_trouble(score):
    assert np.isfinite(score(np.ones((20, 5), np.float32), np.repeat([0, 1], 10)))
    assert np.isfinite(score(np.zeros((20, 5), np.float32), np.repeat([0, 1], 10)))

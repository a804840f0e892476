"""Losses and their parts against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tlcore.nn import losses
from tlcore.nn.draws import Draws, balanced, repeated
from tlcore.nn.strategy import class_weights


def test_smoothed_targets_keep_a_share_for_every_class():
    np.testing.assert_allclose(losses.soft_targets(tf.constant([1]), 4, 0.2), [[0.05, 0.85, 0.05, 0.05]], rtol=1e-6)
    np.testing.assert_array_equal(losses.soft_targets(tf.constant([1, -1]), 2), [[0, 1], [0, 0]])


def test_cross_entropy_of_known_probabilities():
    logits = tf.math.log([[0.25, 0.75], [0.5, 0.5]])
    found = losses.cross_entropy(tf.constant([[0.0, 1.0], [0.5, 0.5]]), logits)
    np.testing.assert_allclose(found, [-np.log(0.75), np.log(2)], rtol=1e-6)


def test_mixing_blends_a_picture_with_its_mirror_in_the_batch():
    x, targets = losses.mixed_up(tf.constant([[0.0], [4.0], [10.0]]), tf.constant([[1.0, 0], [0, 1.0], [0, 1.0]]), tf.constant(0.75))
    np.testing.assert_allclose(x, [[2.5], [4.0], [7.5]])
    np.testing.assert_allclose(targets, [[0.75, 0.25], [0, 1], [0.25, 0.75]])
    pixels, _ = losses.mixed_up(tf.constant([[0], [255]], tf.uint8), tf.zeros((2, 2)), tf.constant(0.9))
    assert pixels.dtype == tf.uint8
    np.testing.assert_array_equal(pixels, [[26], [230]])  # 25.5 and 229.5, to even.


def test_coral_is_the_distance_of_covariances():
    source = tf.constant([[1.0, 0.0], [-1.0, 0.0]])  # Covariance [[2, 0], [0, 0]].
    target = tf.constant([[0.0, 3.0], [0.0, 1.0]])  # Covariance [[0, 0], [0, 2]]; its mean doesn't matter.
    assert float(losses.coral(source, target)) == pytest.approx((4 + 4) / (4 * 4))
    assert float(losses.coral(source, source + 5)) == pytest.approx(0, abs=1e-9)


def test_mmd_of_two_points_and_of_equal_ones():
    # Squared distances 0, 0 within and 4, 4 across: mean 2, so exponents are −4 / (2 w).
    across = sum(np.exp(-2 / w) for w in losses.KERNEL_WIDTHS)
    found = losses.mmd(tf.constant([[0.0]]), tf.constant([[2.0]]))
    assert float(found) == pytest.approx(2 - 2 * across / len(losses.KERNEL_WIDTHS), rel=1e-5)
    same = tf.random.stateless_normal((6, 3), [1, 2])
    assert float(losses.mmd(same, same)) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(float(losses.mmd(tf.ones((3, 2)), tf.ones((3, 2)))))


def test_the_gradient_comes_back_reversed():
    x = tf.constant([2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = losses.reverse_gradient(x, tf.constant(0.5))
        loss = tf.reduce_sum(y * y)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_allclose(tape.gradient(loss, x), [-2.0, -3.0])


@pytest.mark.parametrize(("progress", "strength"), [(0.0, 0.0), (0.1, 2 / (1 + np.exp(-1)) - 1), (1.0, 2 / (1 + np.exp(-10)) - 1)])
def test_the_adversary_gains_strength_as_in_the_paper(progress, strength):
    assert float(losses.adversary_strength(tf.constant(progress), 10.0)) == pytest.approx(strength, rel=1e-5, abs=1e-7)


def test_rare_classes_weigh_more_and_the_mean_stays():
    weights = class_weights(np.array([0, 0, 0, 2]))  # Class 1 doesn't occur.
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2])
    assert weights.mean() == pytest.approx(1)


def test_balanced_sampling_draws_every_class_alike():
    labels = np.array([0] * 90 + [1] * 10)
    order = balanced(0, 1, labels)
    assert len(order) == 100 and np.bincount(labels[order]).tolist() == [50, 50]
    assert set(order[labels[order] == 1]) == set(range(90, 100)), "all of the rare ones come"
    assert (order != balanced(0, 2, labels)).any()
    np.testing.assert_array_equal(order, balanced(0, 1, labels))


def test_repeated_pictures_come_in_rounds():
    order = repeated(3, 1, 4, 10, stream=2)
    assert sorted(order[:4]) == sorted(order[4:8]) == [0, 1, 2, 3]


def test_mixing_shares_follow_their_distribution():
    shares = np.array([float(Draws(tf.constant([0, 1]), tf.constant(step)).mixing_share(0.4)) for step in range(400)])
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares.mean() == pytest.approx(0.5, abs=0.06)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.15)  # Of Beta(α, α).

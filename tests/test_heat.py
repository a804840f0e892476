"""The heat of a picture adds up to what the head makes of it, and lies where the evidence is."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.heat import Head

# One map of 1 × 2 positions and 2 channels; two classes.
MAP = np.array([[[1.0, 0.0], [3.0, 2.0]]], np.float32)
KERNEL = np.array([[1.0, -1.0], [0.5, 0.0]], np.float32)  # Less its mean over classes: ±1 and ±0.25.
BIAS = np.array([0.3, -0.2], np.float32)


def test_an_averaged_map_as_worked_out_by_hand():
    """Half of 1·1 + 0.25·0 at the first position, half of 1·3 + 0.25·2 at the second."""
    head = Head("avg", ((KERNEL, BIAS),))
    np.testing.assert_allclose(head.logits([MAP]), [2 * 1 + 1 * 0.5 + 0.3, -2 - 0.2])
    np.testing.assert_allclose(head.heat([MAP], 0), [[0.5, 1.75]])
    np.testing.assert_allclose(head.heat([MAP], 1), [[-0.5, -1.75]])


def test_of_a_maximum_the_position_that_holds_it_counts():
    tied = np.array([[[3.0, 0.0], [3.0, 2.0]]], np.float32)
    head = Head("max", ((KERNEL, BIAS),))
    np.testing.assert_allclose(head.heat([MAP], 0), [[0, 3 + 0.5]])
    np.testing.assert_allclose(head.heat([tied], 0), [[1.5, 1.5 + 0.5]])  # Both hold it: half each.


def test_kept_positions_have_weights_of_their_own():
    kernel = np.zeros((4, 2), np.float32)
    kernel[0, 0] = 2.0  # The first channel at the first position speaks for the first class.
    np.testing.assert_allclose(Head("flatten", ((kernel, BIAS),)).heat([MAP], 0), [[1, 0]])


def test_two_maps_add_up_side_by_side():
    head = Head("avg", ((np.vstack([KERNEL, KERNEL]), BIAS),))
    np.testing.assert_allclose(head.heat([MAP, 2 * MAP], 0), [[3 * 0.5, 3 * 1.75]])


@pytest.mark.parametrize("pooling", ["avg", "max", "flatten"])
def test_the_heat_of_a_linear_head_sums_to_the_logit_less_the_mean_of_all(pooling):
    rng = np.random.default_rng(0)
    maps = [rng.random((5, 4, 6), np.float32) for _ in range(2)]
    kernel, bias = rng.normal(size=(12 if pooling != "flatten" else 240, 3)), rng.normal(size=3)
    head = Head(pooling, ((kernel, bias),))
    logits = head.logits(maps) - bias
    for chosen in range(3):
        assert head.heat(maps, chosen).sum() == pytest.approx(logits[chosen] - logits.mean(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("pooling", ["avg", "max", "flatten"])
def test_under_hidden_layers_the_heat_is_what_the_gradient_tells(pooling):
    """Where a channel at a position is raised a little, the logit changes by its gradient: found by trying it out."""
    rng = np.random.default_rng(1)
    given = rng.random((3, 2, 4))
    width = 4 if pooling != "flatten" else 24
    dense = tuple((rng.normal(size=shape), rng.normal(size=shape[1])) for shape in ((width, 7), (7, 5), (5, 3)))
    head, step = Head(pooling, dense), 1e-6
    expected = np.zeros((3, 2))
    for y, x, c in np.ndindex(3, 2, 4):
        raised = given.copy()
        raised[y, x, c] += step
        change = (head.logits([raised]) - head.logits([given])) / step
        expected[y, x] += given[y, x, c] * (change[1] - change.mean())
    np.testing.assert_allclose(head.heat([given], 1), expected, rtol=1e-3, atol=1e-4)
    assert not head.is_linear

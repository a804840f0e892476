"""Heat laid over a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tlcore.heat import Heat
from tlcore.heat_picture import AGAINST, FOR, STRONGEST, heat_picture


def test_what_speaks_for_and_against_is_coloured_by_its_size_over_the_centre_square():
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    picture.paste((100, 100, 100), (10, 0, 30, 20))  # The network sees this square alone.
    laid = np.asarray(heat_picture(picture, Heat(np.array([[2.0, -1.0], [0.0, 0.0]], np.float32), True), 20))
    assert laid.shape == (20, 20, 3)
    np.testing.assert_allclose(laid[0, 0], 100 * (1 - STRONGEST) + STRONGEST * np.array(FOR), atol=1)
    np.testing.assert_allclose(laid[0, -1], 100 * (1 - STRONGEST / 2) + STRONGEST / 2 * np.array(AGAINST), atol=1)
    np.testing.assert_array_equal(laid[-1, 0], [100, 100, 100])


def test_without_any_heat_the_picture_is_grey():
    laid = np.asarray(heat_picture(Image.new("RGB", (8, 8), (0, 255, 0)), Heat(np.zeros((2, 2), np.float32), False), 16))
    assert (laid == laid[0, 0, 0]).all()

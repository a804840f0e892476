"""Small pictures of large and tiny ones, of a size that is sent as it is."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from pages.ui.thumbnails import thumbnail


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (32, 20), (60, 60), (88, 88), (640, 480), (31, 4000)])
@pytest.mark.parametrize("side_px", [52, 72, 88, 128, 220])
def test_a_thumbnail_is_square_and_no_wider_than_it_is_shown(size, side_px):
    made = Image.open(io.BytesIO(thumbnail(Image.new("RGB", size, "red"), side_px)))
    assert made.format == "PNG" and made.width == made.height <= side_px


def test_the_pixels_of_a_tiny_picture_stay_sharp():
    picture = Image.new("L", (2, 1))
    picture.putpixel((1, 0), 255)
    made = Image.open(io.BytesIO(thumbnail(picture.convert("RGB"), 88)))
    assert {colour for _, colour in made.getcolors()} == {(0, 0, 0, 0), (0, 0, 0, 255), (255, 255, 255, 255)}

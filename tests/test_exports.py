"""The script beside an exported file; tests/nn/test_exporting.py makes real ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.strange_pictures import RED, TAKEN, half_clear, photo, saved
from tlcore.exports import FORMATS, Kind
from tlcore.images import decode, to_pixels

SIDE_PX = 24
ODD = {
    "wide": saved(photo(96, 41), "PNG"), "tall": saved(photo(33, 64), "JPEG"), "its own size": saved(photo(SIDE_PX, SIDE_PX), "PNG"),
    "half clear, grey": saved(half_clear("LA"), "PNG"), "a clear colour": saved(half_clear("RGBA").convert("RGB"), "PNG", transparency=RED[:3]),
}  # fmt: skip


@pytest.mark.parametrize("kind", [*TAKEN, *ODD])
def test_the_script_gives_the_network_the_pixels_that_it_learnt_from(tmp_path, monkeypatch, kind):
    data, named = (TAKEN | ODD)[kind], Kind(FORMATS["onnx"])
    (tmp_path / "picture").write_bytes(data)
    monkeypatch.setattr(sys, "argv", ["example.py", str(tmp_path / "picture")])
    reading, loading, _ = named.example(SIDE_PX).partition(named.format.loading)
    assert loading
    given: dict = {}
    exec(reading, given)
    np.testing.assert_array_equal(given["pixels"], to_pixels(decode(data, kind).image, SIDE_PX)[None])

"""What would do without learning, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize

from tlcore import baselines
from tlcore.activations import HeldRows


def test_the_majority_by_hand():
    # Learnt from 3 : 1, tested on 2 : 2: half are right; every answer costs −ln 3/4 or −ln 1/4.
    figures = baselines.majority(np.array([0, 0, 1, 0]), np.array([0, 0, 1, 1]), 2)
    assert figures["accuracy"] == 0.5 and figures["auc"] == 0.5 and figures["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert figures["log_loss"] == pytest.approx(-(np.log(3 / 4) + np.log(1 / 4)) / 2)


@pytest.fixture(scope="module")
def digits():
    pixels, labels = load_digits(return_X_y=True)
    return pixels.astype(np.float32), labels


def test_the_nearest_centroid_is_scikit_learns(digits, monkeypatch):
    pixels, labels = digits
    reference = NearestCentroid().fit(normalize(pixels[:1200]), labels[:1200]).predict(normalize(pixels[1200:]))
    monkeypatch.setattr(baselines, "BLOCK_BYTES", 100 * 256)  # Several blocks.
    learnt = [(HeldRows(pixels[:700]), labels[:700]), (HeldRows(pixels[700:1200]), labels[700:1200])]  # Two domains.
    found = baselines.nearest_centroid(learnt, {"test": HeldRows(pixels[1200:])}, 10)
    assert np.array_equal(found["test"], reference)
    figures = baselines.figures(labels[1200:], found["test"], 10)
    assert figures["accuracy"] == pytest.approx((reference == labels[1200:]).mean()) and figures["accuracy"] > 0.8


def test_feature_maps_are_averaged_and_a_class_without_pictures_is_never_nearest():
    maps = np.array([[[[2.0, 0]], [[0, 0]]], [[[0, 1]], [[0, 3]]]], np.float16)  # (2, 2, 1, 2): directions (1, 0) and (0, 1).
    found = baselines.nearest_centroid([(HeldRows(maps), np.array([0, 2]))], {"test": HeldRows(maps)}, 3)
    assert found["test"].tolist() == [0, 2]


def test_of_much_only_some_is_read(digits, monkeypatch):
    pixels, labels = digits
    rows = HeldRows(pixels[:1200])
    monkeypatch.setattr(baselines, "MOST_BYTES", rows.nbytes // 2)
    found = baselines.nearest_centroid([(rows, labels[:1200])], {"test": HeldRows(pixels[1200:1700])}, 10)
    reference = NearestCentroid().fit(normalize(pixels[:1200:2]), labels[:1200:2]).predict(normalize(pixels[1200:1700]))
    assert np.array_equal(found["test"], reference)
    monkeypatch.setattr(baselines, "MOST_BYTES", rows.nbytes // 2 - 1)
    assert baselines.nearest_centroid([(rows, labels[:1200])], {"test": rows}, 10) is None

"""Labels that are wrong are found; right ones are mostly left alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlcore import label_errors
from tlcore.errors import InputError

CLASSES = [str(c) for c in range(10)]


@pytest.fixture(scope="module")
def digits():
    """A thousand digits, thirty of them with the label of the next class."""
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = pixels[:1000] / 16, labels[:1000].copy()
    wrong = np.random.default_rng(3).choice(1000, 30, replace=False)
    labels[wrong] = (labels[wrong] + 1) % 10
    return pixels, labels, wrong


def test_most_of_the_suspects_are_wrong_and_most_of_the_wrong_are_suspects(digits):
    pixels, labels, wrong = digits
    told = []
    rows, ids = np.arange(1000) + 5, np.array([f"{row:064x}" for row in range(1000)])
    found = label_errors.find(pixels, labels, rows, ids, CLASSES, tell=told.append)
    suspects = set((found.table["row"] - 5).tolist())
    assert len(suspects & set(wrong.tolist())) >= 20
    assert len(suspects - set(wrong.tolist())) <= 10
    assert found.pictures == 1000 and found.accuracy > 0.85 and told == [0, 0.2, 0.4, 0.6, 0.8]
    first = found.table.iloc[0]
    at = int(first["row"]) - 5
    assert first["content_id"] == ids[at] and first["label"] == CLASSES[labels[at]] and first["suggested"] == CLASSES[(labels[at] - 1) % 10]
    assert found.table["confidence_label"].is_monotonic_increasing and (found.table["label"] != found.table["suggested"]).all()


def test_a_copy_is_never_judged_by_its_twin():
    # Two equal pictures with opposite labels: whoever had learnt one would be sure of the other.
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 2)), np.arange(60) % 2
    ids = np.array([f"{row // 2:064x}" for row in range(60)])
    features[1::2] = features[::2]
    given = label_errors.out_of_fold(features * 100, labels, ids, 2, seed=0)
    np.testing.assert_allclose(given[::2], given[1::2], atol=1e-9)
    np.testing.assert_allclose(given.sum(axis=1), 1)


def test_pictures_of_a_burst_are_never_judged_by_one_another():
    rng = np.random.default_rng(0)
    features, labels = np.repeat(rng.normal(size=(40, 60)), 3, axis=0), np.repeat(np.arange(40) % 2, 3)
    ids, bursts = np.array([f"{row:064x}" for row in range(120)]), np.array([f"{row // 3:064x}" for row in range(120)])
    alone = label_errors.find(features, labels, np.arange(120), ids, ["cat", "dog"])
    apart = label_errors.find(features, labels, np.arange(120), ids, ["cat", "dog"], together=bursts)
    assert alone.accuracy > apart.accuracy + 0.2  # Labels by chance: only whoever has learnt a twin knows them.


def test_a_class_with_too_few_different_pictures_is_named():
    ids = np.array(["a"] * 4 + [f"b{i}" for i in range(8)])
    with pytest.raises(InputError, match="class 'cat' has 1 different pictures; to judge labels each class needs 5"):
        label_errors.find(np.zeros((12, 3)), np.array([0] * 4 + [1] * 8), np.arange(12), ids, ["cat", "dog"])


def test_what_was_found_comes_back_and_a_damaged_file_is_as_none(tmp_path, digits):
    pixels, labels, _ = digits
    assert label_errors.load_label_errors(tmp_path) is None
    found = label_errors.find(pixels[:300], labels[:300], np.arange(300), np.array([f"{row:064x}" for row in range(300)]), CLASSES)
    label_errors.save_label_errors(tmp_path, found)
    loaded = label_errors.load_label_errors(tmp_path)
    assert loaded.pictures == 300 and loaded.accuracy == found.accuracy and loaded.table.to_dict("list") == found.table.to_dict("list")
    (tmp_path / label_errors.LABEL_ERRORS).write_text('{"pictures": 3')
    assert label_errors.load_label_errors(tmp_path) is None

"""A run's predictions come back from its files as they went in."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tests.finished_run import digits_predictions
from tlcore import results
from tlcore.errors import NotFoundError

PETS = results.Predictions(
    split="test",
    rows=np.array([10, 11, 12, 13, 14]),
    content_ids=np.array(["a", "b", "c", "d", "e"]),
    labels=np.array([0, 0, 1, 1, 1]),
    probabilities=np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2], [0.1, 0.9]], np.float32),
    classes=("cat", "dog"),
)


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "000007"
    folder.mkdir()
    test = digits_predictions()
    results.save_predictions(folder, [dataclasses.replace(test, split="val", rows=test.rows[::-1]), test])
    (folder / results.SUMMARY).write_text(json.dumps({"classes": test.classes}))
    return folder


def test_predictions_come_back_by_split(run_dir):
    test, loaded = digits_predictions(), results.load_predictions(run_dir)
    for field in ("rows", "content_ids", "labels", "probabilities"):
        assert np.array_equal(getattr(loaded, field), getattr(test, field)), field
    assert loaded.classes == test.classes
    assert np.array_equal(results.load_predictions(run_dir, "val").rows, test.rows[::-1])


def test_worst_mistakes_are_the_surest_wrong_answers():
    worst = PETS.worst_mistakes(5)
    assert worst["row"].tolist() == [13, 11]
    assert worst["predicted"].tolist() == ["cat", "dog"]
    assert worst["confidence"].tolist() == pytest.approx([0.8, 0.6])
    assert PETS.worst_mistakes(1)["row"].tolist() == [13]


def test_confusion_cells_by_row_and_by_column():
    # cat: one right, one taken for dog; dog: two right of three that are taken for dog, one taken for cat.
    by_row, by_column = PETS.confusion_cells("row"), PETS.confusion_cells("column")
    assert by_row[["true", "predicted", "count"]].values.tolist() == [["cat", "cat", 1], ["cat", "dog", 1], ["dog", "cat", 1], ["dog", "dog", 2]]
    assert by_row["share"].tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 3, 2 / 3])
    assert by_column["share"].tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 2, 2 / 3])
    assert by_row["kind"].tolist() == ["right", "mistaken", "mistaken", "right"]


def test_a_cell_holds_its_pictures():
    assert PETS.in_cell("dog", "dog")["row"].tolist() == [14, 12]
    assert PETS.in_cell("dog", "cat")["row"].tolist() == [13]


def test_a_run_without_result_says_what_to_do(tmp_path):
    with pytest.raises(NotFoundError, match="run 7: no result yet"):
        results.load_summary(tmp_path / "000007")


def test_altered_predictions_are_named(run_dir):
    (run_dir / results.PREDICTIONS).write_bytes(b"not parquet")
    with pytest.raises(NotFoundError, match="run 7: its predictions can't be read"):
        results.load_predictions(run_dir)


def test_a_missing_split_is_named(run_dir):
    results.save_predictions(run_dir, [digits_predictions()])
    with pytest.raises(NotFoundError, match="no predictions for the val pictures"):
        results.load_predictions(run_dir, "val")

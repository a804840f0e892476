"""Points of a map: where they lie, what they are, whether they were recognised, and which are left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlcore.embedding import Embedding
from tlcore.map_points import points
from tlcore.results import Predictions
from tlcore.tsne import Map, principal_map

CLASSES = ("cat", "dog")


def embedding(parts: list[str], rows: list[int], labels: list[int]) -> Embedding:
    n = len(parts)
    vectors = np.stack([np.arange(n), -np.arange(n), np.ones(n)], 1).astype(np.float32)
    return Embedding(vectors, np.array(parts), np.array(rows), np.array(labels), np.ones(3))


def predictions(part: str, rows: list[int], predicted: list[int]) -> Predictions:
    return Predictions(part, np.array(rows), np.array([str(row) for row in rows]), np.zeros(len(rows), np.int64), np.eye(2, dtype=np.float32)[predicted], CLASSES)


GIVEN = embedding(["train", "test", "test", "source_val", "source_train", "test"], [3, 9, 7, 7, 1, 20], [0, 0, 1, 1, 0, 1])


def test_each_point_is_told_with_its_answer():
    answers = {"test": predictions("test", [7, 9], [1, 1]), "source_val": predictions("source_val", [7], [1])}
    table = points(GIVEN, principal_map(GIVEN), answers, CLASSES).table
    assert table["x"].tolist() == [0, 1, 2, 3, 4, 5] and table["y"].tolist() == [0, -1, -2, -3, -4, -5]
    assert table["kind"].tolist() == ["training", "test", "test", "validation", "training", "test"]
    assert table["domain"].tolist() == ["target"] * 3 + ["source"] * 2 + ["target"]
    assert table["row"].tolist() == [3, 9, 7, 7, 1, 20] and table["label"].tolist() == ["cat", "cat", "dog", "dog", "cat", "dog"]
    assert table["answer"].tolist() == ["", "dog", "dog", "dog", "", ""]
    assert table["outcome"].tolist() == ["not asked", "wrong", "right", "right", "not asked", "not asked"]


def test_each_kind_has_its_share_where_not_all_are_drawn():
    found = points(GIVEN, principal_map(GIVEN), {}, CLASSES, most=4)
    assert found.table["kind"].value_counts().to_dict() == {"test": 2, "training": 1, "validation": 1}
    assert found.whole == {"test": 3, "validation": 1, "training": 2} and found.left_out == {"test": 1, "training": 1}


def test_only_the_kinds_that_are_wanted_and_on_the_map_are_drawn():
    laid = Map(np.array([0, 1, 4]), np.array([[5, 6], [7, 8], [9, 10]], np.float32))
    found = points(GIVEN, laid, {}, CLASSES, ["training"])
    assert found.table[["x", "y", "row"]].values.tolist() == [[5, 6, 3], [9, 10, 1]]
    assert found.whole == {"training": 2} and not found.left_out
    assert isinstance(points(GIVEN, laid, {}, CLASSES, []).table, pd.DataFrame)

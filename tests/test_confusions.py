"""Confused classes side by side, worst pairs, and what changes from model to model."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.test_results import PETS
from tlcore.confusions import (
    class_table,
    difference,
    disagreements,
    order_by_confusion,
    worst_pairs,
)

# The second model mends picture 11 (a cat) and spoils picture 14 (a dog).
AFTER = dataclasses.replace(PETS, probabilities=np.array([[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.8, 0.2], [0.6, 0.4]], np.float32))


def test_classes_that_are_taken_for_each_other_lie_together():
    # 0 with 3 and 1 with 4 are confused in one direction, 2 with none.
    matrix = np.eye(5, dtype=int) * 20
    matrix[0, 3], matrix[4, 1] = 10, 12
    order = order_by_confusion(matrix).tolist()
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert abs(order.index(0) - order.index(3)) == abs(order.index(1) - order.index(4)) == 1


def test_any_matrix_has_an_order():
    assert order_by_confusion(np.array([[3, 0], [0, 2]])).tolist() == [0, 1]
    for matrix in (np.zeros((4, 4), int), np.eye(3, dtype=int), np.random.default_rng(0).integers(0, 9, (100, 100))):
        assert sorted(order_by_confusion(matrix)) == list(range(len(matrix)))


def test_the_worst_pairs_come_first():
    # One cat of two and one dog of three are mistaken: as many, but a larger share of the cats.
    assert worst_pairs(PETS).to_numpy().tolist() == [["cat", "dog", 1, 1 / 2], ["dog", "cat", 1, 1 / 3]]
    assert len(worst_pairs(PETS, 1)) == 1


def test_only_cells_that_change_are_told_and_whether_for_the_better():
    cells = difference(PETS, AFTER).set_index(["true", "predicted"])
    assert cells.loc[("cat", "cat")].tolist() == [1, 2, 1, "better"] and cells.loc[("cat", "dog")].tolist() == [1, 0, -1, "better"]
    assert cells.loc[("dog", "dog")].tolist() == [2, 1, -1, "worse"] and cells.loc[("dog", "cat")].tolist() == [1, 2, 1, "worse"]
    assert difference(PETS, PETS).empty


def test_disagreements_begin_with_the_widest():
    frame = disagreements({7: PETS, 9: AFTER})
    # The true class's probability falls by 0.5 on picture 14 and rises by 0.3 on picture 11.
    assert frame[["row", "label", "right", "7", "9"]].to_numpy().tolist() == [[14, "dog", 1, "dog", "cat"], [11, "cat", 1, "dog", "cat"]]
    assert frame["content_id"].tolist() == ["e", "b"]
    assert disagreements({7: PETS, 8: PETS}).empty


def test_classes_of_all_models_in_one_table():
    frame = class_table({7: PETS, 9: AFTER})
    assert frame["run"].tolist() == [7, 7, 9, 9] and frame["class"].tolist() == ["cat", "dog"] * 2
    assert frame["recall"].tolist() == [1 / 2, 2 / 3, 1, 1 / 3]
    assert frame["recall_high"].tolist()[2] == 1 and (frame["recall_low"] < frame["recall"]).all()

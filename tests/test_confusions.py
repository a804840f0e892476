"""Confused classes side by side, worst pairs, and what changes from model to model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from tests.test_results import PETS
from tlcore.confusions import (
    Zoom,
    class_table,
    classes_that_change,
    difference,
    disagreements,
    order_by_confusion,
    worst_classes,
    worst_pairs,
)
from tlcore.results import Predictions

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


# Of a, b, c, d: an a taken for b, a b right, two c (one right, one for d), and two d (for a and right).
FOUR = Predictions(
    "test", np.arange(6), np.array(list("uvwxyz")), np.array([0, 1, 2, 2, 3, 3]), np.eye(4, dtype=np.float32)[[1, 1, 2, 3, 0, 3]], ("a", "b", "c", "d")
)


def test_a_zoom_sums_the_other_classes_up_and_leaves_their_own_matrix_out():
    zoom = Zoom(FOUR, ("b", "a"))
    assert zoom.names == ("b", "a", "2 others")
    cells = zoom.cells().set_index(["true", "predicted"])
    # The row of the others: one of four goes to a; the column of a holds that one alone.
    assert cells.to_dict("index") == {
        ("b", "b"): {"count": 1, "share": 1, "kind": "right"}, ("a", "b"): {"count": 1, "share": 1, "kind": "mistaken"},
        ("2 others", "a"): {"count": 1, "share": 1 / 4, "kind": "mistaken"},
    }
    assert zoom.cells("column").set_index(["true", "predicted"])["share"].to_dict() == {("b", "b"): 1 / 2, ("a", "b"): 1 / 2, ("2 others", "a"): 1}
    assert zoom.in_cell("2 others", "a")["row"].tolist() == [4] and zoom.in_cell("a", "b")["row"].tolist() == [0]
    assert zoom.in_cell("3 others", "a").empty and zoom.in_cell("2 others", "2 others").empty and zoom.in_cell("c", "d").empty


def test_with_all_classes_a_zoom_is_the_matrix_itself():
    zoom = Zoom(FOUR, FOUR.classes)
    assert zoom.names == FOUR.classes
    for by in ("row", "column"):
        assert zoom.cells(by).equals(FOUR.confusion_cells(by))


def test_what_is_summed_up_has_a_name_that_no_class_has():
    named = dataclasses.replace(FOUR, classes=("a", "b", "3 others", "d"))
    assert Zoom(named, ("b",)).names == ("b", "3 others…") and Zoom(named, ("a", "b", "d")).names[-1] == "1 other"


def test_the_worst_classes_are_those_of_the_most_frequent_mistakes():
    assert worst_classes(FOUR) == ("a", "b", "c", "d")
    most = dataclasses.replace(FOUR, labels=np.array([3, 3, 3, 2, 0, 1]), probabilities=np.eye(4, dtype=np.float32)[[1, 1, 1, 2, 2, 1]])
    assert worst_classes(most, 2) == ("b", "d")


def test_only_cells_that_change_are_told_and_whether_for_the_better():
    cells = difference(PETS, AFTER).set_index(["true", "predicted"])
    assert cells.loc[("cat", "cat")].tolist() == [1, 2, 1, "better"] and cells.loc[("cat", "dog")].tolist() == [1, 0, -1, "better"]
    assert cells.loc[("dog", "dog")].tolist() == [2, 1, -1, "worse"] and cells.loc[("dog", "cat")].tolist() == [1, 2, 1, "worse"]
    assert difference(PETS, PETS).empty


def test_classes_in_which_most_changes_are_kept_in_their_order():
    # Moved: a 5 + 1, b 5 + 2, c 1, d 2; where d must be shown, b has the one place that is left.
    cells = pd.DataFrame({"true": ["b", "a", "d"], "predicted": ["a", "c", "b"], "difference": [-5, 1, 2]})
    assert classes_that_change(cells, ["a", "b", "c", "d"], 2) == ("a", "b")
    assert classes_that_change(cells, ["a", "b", "c", "d"], 2, ["d", "d"]) == ("b", "d")


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

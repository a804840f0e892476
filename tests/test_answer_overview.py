"""Answers to many pictures at a glance."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.answer_overview import chosen, overview
from tlcore.predict import Answer, Verdict


def verdict(cat: float, unlike: bool = False, classes=("cat", "dog")) -> Verdict:
    return Verdict(classes, np.array([cat, 1 - cat], np.float32), distance=0.5, unlike=unlike)


@pytest.fixture
def table():
    answers = [
        Answer("cat/1.png", verdicts={"a": verdict(0.9), "b": verdict(0.6)}),
        Answer("dog/2.png", verdicts={"a": verdict(0.8), "b": verdict(0.3, unlike=True)}),
        Answer("broken.png", error="broken.png: empty."),
        Answer("loose.png", verdicts={"a": verdict(0.1), "b": verdict(0.2)}),
    ]
    return overview(answers, ["a", "b"])


def test_each_usable_picture_is_a_row_with_what_each_model_says(table):
    assert table.index.tolist() == [0, 1, 3]
    assert table["true class"].tolist() == ["cat", "dog", ""]
    assert table["class 0"].tolist() == ["cat", "cat", "dog"] and table["class 1"].tolist() == ["cat", "dog", "dog"]
    assert table["sure"].tolist() == pytest.approx([0.6, 0.7, 0.8])
    assert table["mistaken"].tolist() == table["models differ"].tolist() == [False, True, False]
    assert table["unlike"].tolist() == [False, True, False] and table["unlike 0"].tolist() == [False] * 3


def test_pictures_are_chosen_by_how_sure_the_least_sure_model_is_and_by_flags(table):
    assert chosen(table, 0, 1, ()).index.tolist() == [0, 1, 3]
    assert chosen(table, 0, 0.75, ()).index.tolist() == [0, 1]
    assert chosen(table, 0, 1, ["unlike", "mistaken"]).index.tolist() == [1]
    assert chosen(table, 0, 0.65, ["models differ"]).empty


def test_a_model_that_does_not_know_the_folders_class_is_not_mistaken():
    told = overview([Answer("cat/1.png", verdicts={"a": verdict(0.9), "b": verdict(0.9, classes=("bird", "ship"))})], ["a", "b"])
    assert told["true class"].tolist() == ["cat"] and not told["mistaken"].any() and told["models differ"].all()


def test_of_nothing_there_is_an_empty_table():
    assert chosen(overview([Answer("broken.png", error="no")], ["a"]), 0, 1, ["unlike"]).empty

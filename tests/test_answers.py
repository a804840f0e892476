"""Answers as rows, as a document, and against the folders the pictures came in."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlcore.answers import COLUMNS, answers_document, answers_table, judged, true_class
from tlcore.conformal import Conformal
from tlcore.grounds import Grounds
from tlcore.predict import Answer, Verdict

GROUNDS = {"m": Grounds(temperature=2.0, conformal=Conformal(np.linspace(0, 0.65, 9)))}


def verdict(*given: float, **more: object) -> Verdict:
    return Verdict(("cat", "dog", "=2+3"), np.array(given, np.float32), np.array(given) ** 0.5, **more)


ANSWERS = [
    Answer("pets/cat/a.png", verdicts={"m": verdict(0.7, 0.3, 0.0)}),
    Answer("pets/dog/b.png", verdicts={"m": verdict(0.6, 0.4, 0.0, distance=0.8, unlike=True)}),
    Answer("pets/sofa/c.png", verdicts={"m": verdict(0.2, 0.1, 0.7)}),
    Answer("notes.txt", error="notes.txt: not a picture."),
]


def test_the_innermost_folder_with_a_class_name_is_the_true_class():
    assert true_class("cat/dog/a.png", ("cat", "dog")) == "dog"
    assert true_class("cat/2024/a.png", ("cat", "dog")) == "cat"
    assert true_class("cat", ("cat",)) is None and true_class("sofa/cat.png", ("cat",)) is None


def test_the_table_has_a_row_for_each_answer_and_each_error():
    table = answers_table(ANSWERS, GROUNDS)
    assert list(table.columns) == COLUMNS
    assert table["true class"].tolist() == ["cat", "dog", "", ""]
    assert table["class"].tolist() == ["cat", "cat", "=2+3", ""]
    assert table["probability"].tolist()[:3] == pytest.approx([0.7, 0.6, 0.7]) and np.isnan(table["probability"][3])
    assert table["possible"].tolist() == ["cat", "cat; dog", "=2+3", ""]  # The limit at 90 % is the largest score, 0.65.
    assert table["unlike"].tolist()[:2] == [None, True] and table["error"][3] == "notes.txt: not a picture."
    assert "true class" not in answers_table([Answer("a.png", verdicts={"m": verdict(1, 0, 0)})], GROUNDS)
    assert list(answers_table([], GROUNDS).columns) == [name for name in COLUMNS if name != "true class"]


def test_the_document_holds_every_class_and_is_json():
    document = json.loads(json.dumps(answers_document(ANSWERS, GROUNDS)))
    assert document["models"]["m"] == {"temperature": 2.0, "limit": None, "not_told": []}
    first = document["pictures"][0]["verdicts"]["m"]
    assert list(first["probabilities"]) == ["cat", "dog", "=2+3"] and first["class"] == "cat" and first["unlike"] is None
    assert document["pictures"][-1] == {"file": "notes.txt", "error": "notes.txt: not a picture."}


def test_pictures_in_class_folders_judge_the_model():
    found = judged(ANSWERS, "m")
    assert found.rows.tolist() == [0, 1] and found.labels.tolist() == [0, 1] and found.predicted.tolist() == [0, 0]
    assert found.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert judged(ANSWERS[2:], "m") is None and judged([], "m") is None and judged(ANSWERS, "other") is None

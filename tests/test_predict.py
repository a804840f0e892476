"""Files from outside, decoded and put to several models; a bad one doesn't hold up the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.finished_run import png
from tlcore.predict import Seen, answers_table, predict


class Linear:
    """A linear classifier of real digits behind a model's interface."""

    side_px = 8

    def __init__(self, digits: tuple[int, ...]) -> None:
        pixels, labels = load_digits(return_X_y=True)
        known = np.isin(labels, digits)
        self.classes = tuple(str(digit) for digit in digits)
        self.model = LogisticRegression(C=0.1, max_iter=200).fit(pixels[known] / 16, labels[known])

    def look(self, pixels: np.ndarray) -> Seen:
        flat = pixels[..., 0].reshape(len(pixels), -1) / 255
        return Seen(self.model.predict_proba(flat).astype(np.float32), flat)


@pytest.fixture(scope="module")
def models():
    return {"all": Linear(tuple(range(10))), "few": Linear((0, 3, 8))}


@pytest.fixture(scope="module")
def three() -> bytes:
    images, labels = load_digits(return_X_y=True)
    pixels = images[np.flatnonzero(labels == 3)[0]].reshape(8, 8) / 16 * 255
    return png(Image.fromarray(pixels.astype(np.uint8)))


def test_each_model_answers_for_each_good_file(models, three):
    answers = predict(models, [("three.png", three), ("broken.png", three[:40]), ("three again.png", three)])
    assert [answer.file for answer in answers] == ["three.png", "broken.png", "three again.png"]
    good, bad = answers[0], answers[1]
    assert max(good.probabilities["all"], key=good.probabilities["all"].get) == "3"
    assert set(good.probabilities["few"]) == {"0", "3", "8"}
    assert good.probabilities == answers[2].probabilities
    assert "broken.png" in bad.error and bad.image is None and not bad.probabilities


def test_the_top_holds_the_best_of_all_models(models, three):
    [answer] = predict(models, [("three.png", three)])
    top = answer.top(4)
    assert list(top.columns) == ["class", "all", "few"]
    assert top["class"].iloc[0] == "3" and len(top) == 4
    assert top.set_index("class")["few"].isna().sum() == len(set(top["class"]) - {"0", "3", "8"})


def test_the_table_has_a_row_for_each_answer_and_each_error(models, three):
    table = answers_table(predict(models, [("three.png", three), ("notes.txt", b"no picture")]))
    assert table["file"].value_counts().to_dict() == {"three.png": 13, "notes.txt": 1}
    assert table.iloc[0][["model", "class"]].tolist() == ["all", "3"]
    assert "notes.txt" in table.iloc[-1]["error"]


def test_no_usable_file_asks_no_model(three):
    class Unasked:
        classes, side_px = ("a", "b"), 8

        def look(self, pixels):
            raise AssertionError("asked about nothing")

    assert predict({"m": Unasked()}, [("a.txt", b"no")])[0].error


def test_large_pictures_are_kept_small_and_many_stay_in_order(models, three):
    large = png(Image.new("RGB", (3000, 1200), "white"))
    files = [("large.png", large), *((f"{i}.png", three) for i in range(8)), ("bad", b"?")]
    answers = predict({"few": models["few"]}, files)
    assert [answer.file for answer in answers] == [name for name, _ in files]
    assert answers[0].size_px == (3000, 1200) and max(answers[0].image.size) <= 512
    assert answers[1].image.size == answers[1].size_px == (8, 8)
    assert answers[-1].error and all(answer.probabilities["few"] == answers[1].probabilities["few"] for answer in answers[1:9])

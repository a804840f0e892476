"""Files from outside, decoded and put to several models; a bad one doesn't hold up the rest."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.finished_run import png
from tlcore import predict as predicting
from tlcore.calibration import with_temperature
from tlcore.conformal import Conformal
from tlcore.grounds import Grounds
from tlcore.heat import Head
from tlcore.predict import Model, Seen, predict


class Linear:
    """A linear classifier of real digits behind a network's interface: its one feature map is the picture."""

    side_px = 8

    def __init__(self, digits: tuple[int, ...]) -> None:
        pixels, labels = load_digits(return_X_y=True)
        known = np.isin(labels, digits)
        self.classes = tuple(str(digit) for digit in digits)
        self.asked: list[int] = []
        self.learn(pixels[known] / 16, labels[known])

    def learn(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.model = LogisticRegression(C=0.1, max_iter=200).fit(pixels, labels)
        self.head = Head("flatten", ((self.model.coef_.T, self.model.intercept_),))

    def look(self, pixels: np.ndarray, closely: bool = False) -> Seen:
        self.asked.append(len(pixels))
        map_ = pixels[..., :1] / 255
        flat = map_.reshape(len(pixels), -1)
        return Seen(self.model.predict_proba(flat).astype(np.float32), flat, (map_,) if closely else ())


@pytest.fixture(scope="module")
def models():
    return {"all": Model(Linear(tuple(range(10)))), "few": Model(Linear((0, 3, 8)))}


@pytest.fixture(scope="module")
def three() -> bytes:
    images, labels = load_digits(return_X_y=True)
    pixels = images[np.flatnonzero(labels == 3)[0]].reshape(8, 8) / 16 * 255
    return png(Image.fromarray(pixels.astype(np.uint8)))


def test_each_model_answers_for_each_good_file(models, three):
    answers = list(predict(models, [("three.png", three), ("broken.png", three[:40]), ("three again.png", three)]))
    assert [answer.file for answer in answers] == ["three.png", "broken.png", "three again.png"]
    good, bad = answers[0].verdicts, answers[1]
    assert good["all"].answer == "3" and good["few"].classes == ("0", "3", "8")
    assert np.array_equal(good["few"].given, answers[2].verdicts["few"].given)
    assert "broken.png" in bad.error and bad.image is None and not bad.verdicts
    assert not good["all"].heats and good["all"].distance is None


def test_a_temperature_changes_how_sure_and_never_which(models, three):
    mild = Model(models["all"].predictor, Grounds(temperature=3.0))
    verdict = next(predict({"m": mild}, [("three.png", three)])).verdicts["m"]
    np.testing.assert_allclose(verdict.calibrated, with_temperature(verdict.given[None], 3.0)[0])
    assert verdict.answer == "3" and verdict.confidence == verdict.calibrated[3] < verdict.given[3]
    assert verdict.ranked(2)[0] == ("3", verdict.confidence) and len(verdict.ranked()) == 10


def test_the_possible_classes_come_from_the_networks_own_probabilities(models, three):
    verdict = next(predict(models, [("three.png", three)])).verdicts["few"]
    assert verdict.possible(Grounds(), 0.9) is None
    strict = Grounds(temperature=9.0, conformal=Conformal(np.linspace(0, 0.01, 99)))
    assert verdict.possible(strict, 0.9) == ["3"]
    assert verdict.possible(Grounds(conformal=Conformal(np.ones(99))), 0.9) == [name for name, _ in verdict.ranked()]


def test_looked_at_closely_the_heat_of_the_likeliest_classes_is_there(models, three):
    verdict = next(predict(models, [("three.png", three)], closely=True)).verdicts["all"]
    assert list(verdict.heats) == [name for name, _ in verdict.ranked(5)]
    head, heat = models["all"].predictor.head, verdict.heats["3"]
    assert heat.exact and heat.values.shape == (8, 8)
    without_bias = np.log(verdict.given) - head.dense[0][1]
    assert heat.values.sum() == pytest.approx(without_bias[3] - without_bias.mean(), rel=1e-3)


def test_no_usable_file_asks_no_model(three):
    class Unasked:
        classes, side_px, head = ("a", "b"), 8, None

        def look(self, pixels, closely=False):
            raise AssertionError("asked about nothing")

    assert next(predict({"m": Model(Unasked())}, [("a.txt", b"no")])).error


def test_large_pictures_are_kept_small_and_many_stay_in_order_and_are_read_when_needed(monkeypatch, three):
    monkeypatch.setattr(predicting, "AT_ONCE", 4)
    few, read = Linear((0, 3, 8)), []

    def files():
        for name in ("large.png", *(f"{i}.png" for i in range(8)), "bad"):
            read.append(name)
            yield name, png(Image.new("RGB", (3000, 1200), "white")) if name == "large.png" else b"?" if name == "bad" else three

    answered = predict({"few": Model(few)}, files())
    first = next(answered)
    assert len(read) == 4, "no more than one group is in memory"
    answers = [first, *answered]
    assert [answer.file for answer in answers] == read and few.asked == [4, 4, 1]
    assert answers[0].size_px == (3000, 1200) and max(answers[0].image.size) <= 512
    assert answers[1].image.size == answers[1].size_px == (8, 8)
    assert answers[-1].error and all(np.array_equal(answer.verdicts["few"].given, answers[1].verdicts["few"].given) for answer in answers[1:9])

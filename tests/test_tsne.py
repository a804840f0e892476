"""A map of a run's pictures: classes that are apart lie apart on it, and it stops when asked to."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from tlcore import tsne
from tlcore.embedding import Embedding, save_embedding
from tlcore.errors import Cancelled, InputError, NotFoundError
from tlcore.reporter import NullReporter


def digits_embedding(count: int) -> Embedding:
    pixels, labels = load_digits(return_X_y=True)
    vectors = PCA(20, random_state=0).fit(pixels).transform(pixels[:count]).astype(np.float32)
    part = np.repeat(["test", "train"], [count // 4, count - count // 4])
    return Embedding(vectors, part, np.arange(count), labels[:count], np.zeros(20))


class Heard(NullReporter):
    def __init__(self, stop_at: float = 2.0) -> None:
        super().__init__()
        self.told, self._stop_at = [], stop_at

    def progress(self, fraction: float, message: str = "") -> None:
        self.told.append(fraction)

    def check(self) -> None:
        if self.told and self.told[-1] >= self._stop_at:
            raise Cancelled("Cancelled.")


def test_like_digits_lie_together_and_the_map_comes_back(tmp_path):
    save_embedding(tmp_path, digits_embedding(400))
    heard = Heard()
    laid, loaded = tsne.compute(tmp_path, heard), tsne.load_map(tmp_path)
    assert np.array_equal(laid.positions, np.arange(400)) and np.array_equal(laid.xy, loaded.xy)
    labels = digits_embedding(400).labels
    assert KNeighborsClassifier(2).fit(laid.xy[::2], labels[::2]).score(laid.xy[1::2], labels[1::2]) > 0.85
    assert heard.told[0] == 0 and heard.told[-1] == 1 and heard.told == sorted(heard.told)


def test_it_stops_between_two_steps_and_leaves_nothing(tmp_path):
    save_embedding(tmp_path, digits_embedding(100))
    with pytest.raises(Cancelled):
        tsne.compute(tmp_path, Heard(stop_at=0.1))
    assert tsne.load_map(tmp_path) is None


def test_too_few_pictures_or_none_kept_are_refused(tmp_path):
    with pytest.raises(NotFoundError, match="kept no map"):
        tsne.compute(tmp_path, NullReporter())
    save_embedding(tmp_path, digits_embedding(9))
    with pytest.raises(InputError, match="9 pictures are too few"):
        tsne.compute(tmp_path, NullReporter())


def test_of_many_pictures_each_part_has_its_share_and_what_one_does_not_need_goes_to_the_others():
    embedding = digits_embedding(400)  # 100 of them tested, 300 learned from, none to validate.
    for most, tested in ((400, 100), (260, 100), (60, 30)):
        shown = tsne.some_of_each(embedding, most)
        assert len(shown) == len(set(shown.tolist())) == most and (shown < 100).sum() == tested
    assert np.array_equal(tsne.some_of_each(embedding, 500), np.arange(400))


def test_the_principal_map_is_the_first_two_components():
    embedding = digits_embedding(40)
    laid = tsne.principal_map(embedding)
    assert np.array_equal(laid.xy, embedding.vectors[:, :2]) and np.array_equal(laid.positions, np.arange(40))
    one = Embedding(embedding.vectors[:, :1], embedding.part, embedding.rows, embedding.labels, embedding.explained[:1])
    assert np.array_equal(tsne.principal_map(one).xy[:, 1], np.zeros(40))

"""Pictures of classes that were never shown lie farther from the training pictures than known ones do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from tlcore.embedding import Embedding, placed, unit
from tlcore.unknown import FEWEST, Familiarity, distances

LEARNT = (0, 1, 2, 3, 4, 5, 6)


def test_the_distance_worked_out_by_hand():
    """To the fifth nearest of six on a line, and the square of what is left beside it."""
    trained = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [90, 0]])
    np.testing.assert_allclose(distances(np.array([[0.0, 3.0]]), np.array([11.0]), trained), [6])  # √(4² + 3² + 11).


@pytest.fixture(scope="module")
def digits() -> tuple[Embedding, np.ndarray, np.ndarray]:
    """What a run on seven digits keeps, then test pictures of these and pictures of the three others."""
    pixels, labels = load_digits(return_X_y=True)
    known, other = np.flatnonzero(np.isin(labels, LEARNT)), np.flatnonzero(~np.isin(labels, LEARNT))
    train, val, test = np.split(np.random.default_rng(0).permutation(known), [800, 1000])
    fitted = PCA(16, random_state=0).fit(unit(pixels[train]))
    rows = np.concatenate([train, val])
    vectors, rest = placed(pixels[rows], fitted.mean_, fitted.components_)
    parts = np.repeat(["train", "val"], [len(train), len(val)])
    embedding = Embedding(vectors, parts, rows, labels[rows], fitted.explained_variance_ratio_, fitted.mean_, fitted.components_, rest)
    return embedding, pixels[test], pixels[other]


def test_known_pictures_pass_as_often_as_promised_and_others_seldom(digits):
    embedding, known, other = digits
    given = Familiarity.of(embedding)
    assert given is not None and not given.elsewhere
    assert (given.known <= given.limit).mean() == pytest.approx(0.95, abs=0.01)
    assert (given.distances(known) <= given.limit).mean() > 0.9
    caught = (given.distances(other) > given.limit).mean()
    assert caught > 0.5, caught
    noise = np.random.default_rng(1).random((50, 64))
    assert (given.distances(noise) > given.limit).all()


def test_the_share_that_lies_as_far_is_counted(digits):
    given = dataclasses.replace(Familiarity.of(digits[0]), known=np.array([0.1, 0.2, 0.2, 0.4]))
    assert [given.share_as_far(distance) for distance in (0.0, 0.2, 0.3, 0.4, 0.5)] == [1, 0.75, 0.25, 0.25, 0]


def test_without_a_way_to_place_pictures_or_enough_of_them_there_is_none(digits):
    embedding = digits[0]
    assert Familiarity.of(dataclasses.replace(embedding, components=np.zeros((0, 0)))) is None
    few = np.concatenate([embedding.at("train"), embedding.at("val")[: FEWEST - 1]])
    assert Familiarity.of(dataclasses.replace(embedding, vectors=embedding.vectors[few], part=embedding.part[few], rest=embedding.rest[few])) is None


def test_where_no_label_of_the_target_may_be_read_the_source_sets_the_limit(digits):
    embedding = digits[0]
    of_source = Familiarity.of(dataclasses.replace(embedding, part=np.char.add("source_", embedding.part)))
    assert of_source is not None and of_source.elsewhere

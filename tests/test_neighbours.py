"""The training pictures nearest to a picture, of both domains."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.embedding import Embedding
from tlcore.errors import NotFoundError
from tlcore.neighbours import neighbours

GIVEN = Embedding(
    np.array([[0, 0], [3, 4], [0.1, 0], [0, 1], [0, 0.2]], np.float32), np.array(["test", "train", "val", "source_train", "train"]), np.array([7, 7, 1, 2, 9]), np.array([0, 1, 1, 0, 1]), np.ones(2)
)


def test_the_nearest_come_first_and_only_what_was_learned_from():
    found = neighbours(GIVEN, "test", 7, 2)
    assert found[["part", "domain", "row", "label"]].values.tolist() == [["train", "target", 9, 1], ["source_train", "source", 2, 0]]
    assert found["distance"].tolist() == pytest.approx([0.2, 1.0])
    assert neighbours(GIVEN, "test", 7, 9)["distance"].tolist() == pytest.approx([0.2, 1.0, 5.0])


def test_a_picture_that_is_not_on_the_map_is_named():
    with pytest.raises(NotFoundError, match="picture 9 is not on the run's map"):
        neighbours(GIVEN, "test", 9, 2)

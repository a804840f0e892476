"""What a run keeps of how its network sees the pictures comes back, and finds the most similar ones."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore import embedding
from tlcore.embedding import Embedding, load_embedding, nearest, save_embedding
from tlcore.errors import NotFoundError


def test_the_nearest_are_found_with_their_distances_nearest_first():
    among = np.array([[0, 0], [3, 4], [1, 0], [0, 2]], np.float32)
    positions, distances = nearest(np.array([[0, 0], [3, 3]], np.float32), among, 3)
    assert positions.tolist() == [[0, 2, 3], [1, 3, 2]]
    np.testing.assert_allclose(distances, [[0, 1, 2], [1, 10**0.5, 13**0.5]], rtol=1e-5)
    assert nearest(among, among[:2], 5)[0].shape == (4, 2) and nearest(among, among[:0], 5)[0].shape == (4, 0)


def test_many_are_looked_up_in_blocks_as_one_by_one(monkeypatch):
    rng = np.random.default_rng(0)
    vectors, among = rng.random((25, 3), np.float32), rng.random((40, 3), np.float32)
    monkeypatch.setattr(embedding, "BLOCK_ROWS", 10)
    expected = np.argsort(np.linalg.norm(vectors[:, None] - among[None], axis=2), axis=1)[:, :4]
    assert np.array_equal(nearest(vectors, among, 4)[0], expected)


def test_it_comes_back_as_it_was_kept(tmp_path):
    kept = Embedding(
        np.array([[0.5, -1], [0.25, 2], [0, 1]], np.float32), np.array(["test", "train", "source_train"]), np.array([7, 3, 7]), np.array([1, 0, 1]), np.array([0.75, 0.25]),
        np.array([0.5, 0, 0.25], np.float32), np.array([[1, 0, 0], [0, 0, -1]], np.float32), np.array([0.5, 0, 0.25], np.float32),
    )
    save_embedding(tmp_path, kept)
    found = load_embedding(tmp_path)
    for name in ("vectors", "part", "rows", "labels", "explained", "mean", "components", "rest"):
        assert np.array_equal(getattr(found, name), getattr(kept, name)), name
    assert found.domain.tolist() == ["target", "target", "source"] and found.at("train").tolist() == [1]
    # (3, 0, 4) has length 5: (0.6, 0, 0.8) less the mean is (0.1, 0, 0.55). (0, 2, 0) becomes (-0.5, 1, -0.25).
    vectors, rest = found.place(np.array([[3.0, 0, 4], [0, 2, 0]], np.float32))
    np.testing.assert_allclose(vectors, [[0.1, -0.55], [-0.5, 0.25]], atol=1e-6)
    np.testing.assert_allclose(rest, [0, 1], atol=1e-6)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short"])
def test_a_missing_or_damaged_file_is_one_sentence(tmp_path, content):
    folder = tmp_path / "000012"
    folder.mkdir()
    if content is not None:
        (folder / embedding.EMBEDDING).write_bytes(content)
    with pytest.raises(NotFoundError, match="run 12 kept no map of its pictures"):
        load_embedding(folder)

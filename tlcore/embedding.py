"""How a run's network sees its pictures: what its output layer is given, reduced to a few numbers a picture.

Pages draw maps and find similar pictures from it, without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np

from tlcore.errors import NotFoundError
from tlcore.workspace import whole_file

EMBEDDING = "embedding.npz"
MOST_COMPONENTS = 64
BLOCK_ROWS = 1024


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Pictures of a run as points: near each other where the network finds them alike.

    `vectors` (n, c ≤ 64) float32: principal components, the most telling first, of representations of length 1. `part`:
    "train", "val", "test", or the same of the source as "source_train" …. `rows` and `labels` (n,): the row in the dataset
    of that domain, and the index into the run's classes. Of many training pictures it holds some, evenly chosen.
    `explained`: the share of the variance that each component holds (c,). `mean` (d,) and `components` (c, d) of the
    representations say how a new picture is placed, `rest` (n,) what the components leave of each picture: the squared length of
    that. All three are empty where they weren't kept.
    """

    vectors: np.ndarray
    part: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    explained: np.ndarray
    mean: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    components: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0), np.float32))
    rest: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def domain(self) -> np.ndarray:
        """Of each picture "target" or "source", str (n,)."""
        return np.where(np.char.startswith(self.part, "source_"), "source", "target")

    def at(self, part: str) -> np.ndarray:
        """Positions of the pictures of one part, int64."""
        return np.flatnonzero(self.part == part)

    @property
    def learnt(self) -> np.ndarray:
        """Positions of the training pictures of both domains, int64."""
        return np.flatnonzero(np.isin(self.part, ["train", "source_train"]))

    @property
    def takes_more(self) -> bool:
        """Whether a new picture can be placed."""
        return self.components.size > 0

    def place(self, representations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where pictures lie, and their rest, of which this is what the output layer is given. Shapes: (n, d) → (n, c), (n,)."""
        assert self.takes_more
        return placed(representations, self.mean, self.components)


def placed(representations: np.ndarray, mean: np.ndarray, components: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Representations of length 1 by their components, and the squared length of what these leave. Shapes: (n, d), (d,), (c, d) → (n, c), (n,)."""
    centred = unit(representations) - mean
    vectors = centred @ components.T
    return vectors, np.maximum((centred**2).sum(axis=1) - (vectors**2).sum(axis=1), 0)


def unit(rows: np.ndarray) -> np.ndarray:
    """Each row scaled to length 1; zeros stay zeros. Shapes: (n, d)."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def save_embedding(run_dir: Path, embedding: Embedding) -> Path:
    """Write it into a run's folder; the file appears whole."""
    path, names = run_dir / EMBEDDING, np.unique(embedding.part)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file, vectors=embedding.vectors.astype(np.float16), names=names, part=np.searchsorted(names, embedding.part).astype(np.int8),
            rows=embedding.rows.astype(np.int64), labels=embedding.labels.astype(np.int32), explained=embedding.explained.astype(np.float32),
            mean=embedding.mean.astype(np.float32), components=embedding.components.astype(np.float16), rest=embedding.rest.astype(np.float32),
        )
    return path


def load_embedding(run_dir: Path) -> Embedding:
    """What a finished run kept. Raises NotFoundError where it kept none, or the file is damaged."""
    try:
        with np.load(run_dir / EMBEDDING, allow_pickle=False) as stored:
            vectors, part = stored["vectors"].astype(np.float32), stored["names"][stored["part"]]
            placing = {name: stored[name].astype(np.float32) for name in ("mean", "components", "rest") if name in stored}
            return Embedding(vectors, part, stored["rows"], stored["labels"].astype(np.int64), stored["explained"], **placing)
    except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile):
        number = run_dir.name.lstrip("0") or run_dir.name
        raise NotFoundError(f"run {number} kept no map of its pictures. Clone it and train it again to get one.") from None


def nearest(vectors: np.ndarray, among: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest of `among` to each vector, nearest first: positions (n, count) int64 and distances (n, count).

    Shapes: vectors (n, c), among (m, c). With fewer than `count` there are m columns.
    """
    count = min(count, len(among))
    positions, distances = np.empty((len(vectors), count), np.int64), np.empty((len(vectors), count), np.float32)
    squares = (among**2).sum(axis=1)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        away = squares - 2 * block @ among.T + (block**2).sum(axis=1, keepdims=True)
        chosen = np.argpartition(away, count - 1, axis=1)[:, :count] if count else np.empty((len(block), 0), np.int64)
        away = np.take_along_axis(away, chosen, axis=1)
        order = np.argsort(away, axis=1, kind="stable")
        positions[start : start + BLOCK_ROWS] = np.take_along_axis(chosen, order, axis=1)
        distances[start : start + BLOCK_ROWS] = np.sqrt(np.maximum(np.take_along_axis(away, order, axis=1), 0))
    return positions, distances

"""A t-SNE map of a run's pictures, from the embedding that the run kept; no TensorFlow.

Source: van der Maaten and Hinton 2008; openTSNE, Poličar, Stražar and Zupan 2019, with its start from principal components.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tlcore import machine
from tlcore.embedding import Embedding, load_embedding
from tlcore.errors import InputError
from tlcore.reporter import Reporter
from tlcore.workspace import whole_file

MAP = "tsne.npz"
MOST_PICTURES = 10_000
FEWEST_PICTURES = 10
ITERATIONS, EARLY_ITERATIONS, REPORTED_EVERY = 500, 250, 10
PERPLEXITY = 30.0


@dataclasses.dataclass(frozen=True)
class Map:
    """Where pictures lie on a map. Shapes: positions in the embedding (m,) int64, xy (m, 2) float32."""

    positions: np.ndarray
    xy: np.ndarray


def compute(run_dir: Path, reporter: Reporter, seed: int = 0) -> Map:
    """Lay the map of a finished run and keep it in its folder.

    Of more than 10,000 pictures those of each part are evenly chosen, see `some_of_each`.
    Raises: NotFoundError where the run kept no embedding, InputError for too few pictures, what `reporter.check` raises.
    """
    from openTSNE import TSNE  # Not above: pages read maps without it.

    reporter.phase("map")
    embedding = load_embedding(run_dir)
    if len(embedding) < FEWEST_PICTURES:
        raise InputError(f"{len(embedding)} pictures are too few for a map; it needs {FEWEST_PICTURES}.")
    positions = some_of_each(embedding, MOST_PICTURES)
    done = 0

    def tell(_iteration: int, _error: float, _xy: Any) -> None:
        nonlocal done  # Each of the two parts of the work counts from one.
        done += REPORTED_EVERY
        reporter.check()
        reporter.progress(done / (EARLY_ITERATIONS + ITERATIONS), f"step {done:,} of {EARLY_ITERATIONS + ITERATIONS:,}")

    reporter.progress(0.0, f"{len(positions):,} pictures")
    layout = TSNE(
        perplexity=min(PERPLEXITY, (len(positions) - 1) / 3), n_iter=ITERATIONS, early_exaggeration_iter=EARLY_ITERATIONS,
        n_jobs=machine.cores(), random_state=seed, callbacks=tell, callbacks_every_iters=REPORTED_EVERY,
    ).fit(embedding.vectors[positions])
    found = Map(positions, np.asarray(layout, np.float32))
    with whole_file(run_dir / MAP) as temporary, temporary.open("wb") as file:
        np.savez(file, positions=found.positions, xy=found.xy)
    return found


def load_map(run_dir: Path) -> Map | None:
    """The map that was laid of a run; None where none was, or the file is damaged."""
    try:
        with np.load(run_dir / MAP, allow_pickle=False) as stored:
            return Map(stored["positions"], stored["xy"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def principal_map(embedding: Embedding, most: int = MOST_PICTURES) -> Map:
    """The first two principal components: there at once, and distances on it are true where two components tell much."""
    positions = some_of_each(embedding, most)
    two = np.zeros((len(positions), 2), np.float32)
    given = embedding.vectors[positions, :2]
    two[:, : given.shape[1]] = given
    return Map(positions, two)


def some_of_each(embedding: Embedding, most: int) -> np.ndarray:
    """Positions of at most so many pictures, ascending, evenly chosen: a third for each of test, validation and training, and what one doesn't need for the others."""
    kinds = sorted((np.flatnonzero(np.char.endswith(embedding.part, kind)) for kind in ("test", "val", "train")), key=len)
    chosen: list[np.ndarray] = []
    for place, at in enumerate(kinds):
        room = (most - sum(map(len, chosen))) // (len(kinds) - place)
        chosen.append(at if len(at) <= room else at[np.linspace(0, len(at) - 1, room).astype(np.int64)])
    return np.sort(np.concatenate(chosen))


"""What the output layer sees of a run's pictures, reduced to principal components."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from tlcore.activations import Rows
from tlcore.embedding import MOST_COMPONENTS, Embedding, placed, unit
from tlcore.nn.trainer import Check, Trainer

# Of each part at most, evenly chosen: a map shows no more, and a neighbour among so many is near enough.
MOST = {"train": 20_000, "val": 5_000, "test": 10_000}
MOST_COMPUTED = 2_000  # Of training pictures that must go through the frozen layers once more.
MOST_EXACT = 2_048  # Numbers a picture up to which the exact components come sooner than approximate ones.
FITTED_ROWS, FITTED_BYTES, BLOCK_ROWS = 4_096, 256 * 2**20, 1_024


class Pictures(NamedTuple):
    """One part of a run: what the network is given, and the row in the dataset and label of each."""

    given: Rows
    rows: np.ndarray
    labels: np.ndarray


class _Chosen:
    """Some of the rows, in the order of `positions`."""

    def __init__(self, rows: Rows, positions: np.ndarray) -> None:
        self.layout, self._rows, self._positions = rows.layout, rows, positions

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def nbytes(self) -> int:
        return len(self) * self.layout.row_bytes

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        return self._rows.take(self._positions[positions])


def embedding(trainer: Trainer, parts: Mapping[str, Pictures], cached: bool, seed: int, check: Check = lambda: None) -> Embedding | None:
    """The pictures of each part as the trained network sees them; None where it gives no finite numbers.

    cached: whether training pictures cost no more than what is trained.
    Every representation is scaled to length 1, so that distances are those of directions; principal components
    are of a sample of the pictures that were learnt from.
    """
    chosen = {name: _evenly(len(part.rows), _most(name, cached)) for name, part in parts.items()}
    seen: Callable[[str, np.ndarray], np.ndarray] = lambda name, at: trainer.representations(_Chosen(parts[name].given, at), check)  # noqa: E731
    fitted = {name: chosen[name] for name in _fitted_on(parts)}
    total = sum(map(len, fitted.values()))
    limit = min(FITTED_ROWS, max(2, FITTED_BYTES // (4 * trainer.representation_width)))
    sample = np.concatenate([unit(seen(name, at[_evenly(len(at), -(-limit * len(at) // total))])) for name, at in fitted.items()])
    if not np.isfinite(sample).all() or len(sample) < 2:
        return None
    # Representations that are all alike, of a head that died, have no variance to share.
    with np.errstate(invalid="ignore"), threadpool_limits(1, "blas"):  # Small products: more threads wait for each other, a hundred times as long on a busy machine.
        solver = "covariance_eigh" if sample.shape[1] <= MOST_EXACT else "randomized"
        found = PCA(min(MOST_COMPONENTS, *sample.shape), svd_solver=solver, random_state=seed).fit(sample)
        mean, components = found.mean_, found.components_.astype(np.float16).astype(np.float32)  # As they are kept.
        blocks = [placed(seen(name, at[start : start + BLOCK_ROWS]), mean, components) for name, at in chosen.items() for start in range(0, len(at), BLOCK_ROWS)]
    vectors, rest = (np.concatenate(each).astype(np.float32) for each in zip(*blocks, strict=True))
    if not np.isfinite(vectors).all():
        return None
    return Embedding(
        vectors,
        np.repeat(list(chosen), [len(at) for at in chosen.values()]),
        np.concatenate([parts[name].rows[at] for name, at in chosen.items()]),
        np.concatenate([parts[name].labels[at] for name, at in chosen.items()]),
        np.nan_to_num(found.explained_variance_ratio_),
        mean,
        components,
        rest,
    )


def _fitted_on(parts: Mapping[str, Pictures]) -> list[str]:
    """Those that were learnt from, so that what the components leave tells of any other picture the same.

    Where no picture of the target was, the tested ones must do: else the map would not show how the domains differ.
    """
    learnt = [name for name in parts if name.removeprefix("source_") == "train"]
    return learnt if "train" in parts or "test" not in parts else [*learnt, "test"]


def _most(name: str, cached: bool) -> int:
    kind = name.removeprefix("source_")
    return MOST[kind] if cached or kind != "train" else MOST_COMPUTED


def _evenly(count: int, most: int) -> np.ndarray:
    """At most so many positions below `count`, evenly spread."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


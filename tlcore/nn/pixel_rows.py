"""Rows that are no stored activations: decoded pixels, changed ones, and what frozen layers make of those each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tlcore.activations import ActivationCache, CachedRows, Layout, Rows, content_keys
from tlcore.augment import augmented
from tlcore.cache import make_room
from tlcore.config import AugmentConfig
from tlcore.cuts import key_of, pixels_about
from tlcore.nn.features import DECODERS, Pixels, ahead, clipped, fill
from tlcore.nn.prefix import Engine
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace

ROWS_A_TASK = 32


def decoded(
    pixels: Pixels,
    content_ids: Sequence[str] | np.ndarray,
    side_px: int,
    workspace: Workspace,
    reporter: Reporter,
    report: Callable[[float], None] = lambda fraction: None,
) -> CachedRows:
    """Pixels at the input size, uint8 (side, side, 3) a row, decoded and resized once and kept as activations are."""
    about = pixels_about(side_px)
    cache, ids = ActivationCache(workspace.activations / key_of(about), reporter.log), content_keys(content_ids)
    missing = np.array(cache.missing(ids), np.int64)
    if len(missing):
        layout = Layout((side_px, side_px, 3), "uint8")
        make_room(workspace, cache, ids, len(missing) * layout.stored_bytes, f"pictures of {side_px} px", reporter.log)
        cache.create(layout, about)
        fill(cache, _AsItIs(), lambda part: pixels(missing[part]), [ids[i] for i in missing], reporter, lambda done: report(done / len(missing)))
    return cache.rows(ids)


class _AsItIs:
    """An engine of no layers: pixels in, pixels out."""

    name, batch_images, row_shape = "none", 64, ()

    def start(self, batch: np.ndarray, position: int, sink: Callable[[int, np.ndarray], None]) -> None:
        sink(position, batch)

    def wait(self) -> None:
        """Every batch is done when `start` returns."""


class AugmentedRows:
    """One view of pictures whose pixels are `base`; computed at each `take`, on all cores."""

    def __init__(self, base: Rows, content_ids: np.ndarray, settings: AugmentConfig, view: int) -> None:
        self.layout, self._base, self._ids, self._settings, self._view = base.layout, base, content_ids, settings, view

    def __len__(self) -> int:
        return len(self._base)

    @property
    def nbytes(self) -> int:
        return self._base.nbytes

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        pixels, ids = self._base.take(positions), self._ids[positions]
        parts = [slice(start, start + ROWS_A_TASK) for start in range(0, len(ids), ROWS_A_TASK)]
        if len(parts) < 2:
            return augmented(pixels, ids, self._settings, self._view)
        with ThreadPoolExecutor(DECODERS) as pool:
            return np.concatenate(list(pool.map(lambda part: augmented(pixels[part], ids[part], self._settings, self._view), parts)))


class FrozenRows:
    """What the frozen layers give for `pixels`, computed at each `take` and not kept."""

    def __init__(self, pixels: Rows, engine: Engine, dtype: str) -> None:
        self.layout, self._pixels, self._engine = Layout(engine.row_shape, dtype), pixels, engine

    def __len__(self) -> int:
        return len(self._pixels)

    @property
    def nbytes(self) -> int:
        return len(self) * self.layout.row_bytes

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        where = np.arange(len(self))[positions]
        out = np.empty((len(where), *self.layout.row_shape), self.layout.dtype)

        def sink(position: int, values: np.ndarray) -> None:
            out[position : position + len(values)] = clipped(values, out.dtype)

        begun = 0
        with ThreadPoolExecutor(DECODERS) as pool:
            for batch in ahead(pool, lambda part: self._pixels.take(where[part]), len(where), self._engine.batch_images):
                self._engine.start(batch, begun, sink)
                begun += len(batch)
        self._engine.wait()
        return out

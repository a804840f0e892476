"""The activation cache: what the frozen prefix gives for each picture, computed once and kept."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tlcore.activations import ActivationCache, CachedRows, Layout, content_keys
from tlcore.errors import ResourceError
from tlcore.nn.models import FLOAT16_MAX
from tlcore.nn.prefix import Prefix
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace, free_bytes

SEGMENT_BYTES = 64 * 2**20
SEGMENT_SECONDS = 10.0  # A killed worker loses no more than this.
DECODE_AHEAD_BATCHES = 8
DECODERS = 2

# Positions in the list of pictures → uint8 (n, side, side, 3).
Pixels = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass
class CacheUse:
    """How much was there already and how much was computed."""

    hits: int = 0
    computed: int = 0
    bytes: int = 0

    def add(self, other: CacheUse) -> None:
        self.hits, self.computed, self.bytes = self.hits + other.hits, self.computed + other.computed, self.bytes + other.bytes


def activations(
    prefix: Prefix,
    pixels: Pixels,
    content_ids: Sequence[str] | np.ndarray,
    workspace: Workspace,
    reporter: Reporter,
    report: Callable[[float], None] = lambda fraction: None,
) -> tuple[CachedRows, CacheUse]:
    """The prefix's rows for all pictures, in order; only those without a stored row are computed.

    `pixels(positions)` gives the pixels of pictures by their position in `content_ids`; it is called
    from other threads. Raises ResourceError when the disk can't hold the rows.
    """
    ids = content_keys(content_ids)
    planned = prefix.key
    cache, missing = _opened(prefix, ids, workspace, reporter)
    if len(missing):
        layout = Layout(prefix.engine.row_shape, prefix.cut.dtype)
        if prefix.key != planned:  # OpenVINO can't take the network: TensorFlow's rows are kept apart.
            cache, missing = _opened(prefix, ids, workspace, reporter)
        _check_disk(workspace, len(missing) * layout.row_bytes, prefix)
        cache.create(layout, prefix.identity.about())
        _fill(cache, prefix, pixels, missing, ids, reporter, report)
    rows = cache.rows(ids)
    return rows, CacheUse(len(ids) - len(missing), len(missing), rows.nbytes)


def _opened(prefix: Prefix, ids: list[bytes], workspace: Workspace, reporter: Reporter) -> tuple[ActivationCache, np.ndarray]:
    """The folder of the prefix's rows, and the positions of pictures that it lacks."""
    cache = ActivationCache(workspace.activations / prefix.key, reporter.log)
    return cache, np.array(cache.missing(ids), np.int64)


class PixelRows:
    """Pixels in the place of activations, for a network of which nothing is frozen."""

    def __init__(self, pixels: Pixels, positions: np.ndarray, side_px: int) -> None:
        self.layout = Layout((side_px, side_px, 3), "uint8")
        self._pixels, self._positions = pixels, positions

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def nbytes(self) -> int:
        return len(self) * self.layout.row_bytes

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        return self._pixels(self._positions[positions])

    def part(self, positions: np.ndarray | slice) -> PixelRows:
        return PixelRows(self._pixels, self._positions[positions], self.layout.row_shape[0])


def _fill(
    cache: ActivationCache,
    prefix: Prefix,
    pixels: Pixels,
    missing: np.ndarray,
    ids: list[bytes],
    reporter: Reporter,
    report: Callable[[float], None],
) -> None:
    """Decode ahead, infer and write in segments; what is complete is kept when the job is stopped."""
    assert cache.layout is not None
    engine, keys = prefix.engine, [ids[position] for position in missing]
    segment_rows = engine.batch_images * max(1, SEGMENT_BYTES // cache.layout.row_bytes // engine.batch_images)
    with ThreadPoolExecutor(DECODERS, "decode") as pool:
        batches = _decoded(pool, pixels, missing, engine.batch_images)
        done = 0
        while done < len(missing):
            rows = np.empty((min(segment_rows, len(missing) - done), *cache.layout.row_shape), cache.layout.dtype)
            filled, until = 0, time.monotonic() + SEGMENT_SECONDS
            try:
                while filled < len(rows) and time.monotonic() < until:
                    reporter.check()
                    batch = next(batches)
                    engine.start(batch, filled, functools.partial(_store, rows))
                    filled += len(batch)
                    report((done + filled) / len(missing))
            finally:
                engine.wait()
                cache.append(keys[done : done + filled], rows[:filled])
            done += filled


def _store(rows: np.ndarray, position: int, values: np.ndarray) -> None:
    if rows.dtype == np.float16:
        values = np.clip(values, -FLOAT16_MAX, FLOAT16_MAX)
    rows[position : position + len(values)] = values


def _decoded(pool: ThreadPoolExecutor, pixels: Pixels, positions: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Batches of pixels in order, a bounded number of them decoded ahead."""
    parts = iter([positions[start : start + count] for start in range(0, len(positions), count)])
    ahead = collections.deque(pool.submit(pixels, part) for part in itertools.islice(parts, DECODE_AHEAD_BATCHES))
    while ahead:
        ready = ahead.popleft().result()
        ahead.extend(pool.submit(pixels, part) for part in itertools.islice(parts, 1))
        yield ready


def _check_disk(workspace: Workspace, needed_bytes: int, prefix: Prefix) -> None:
    free = free_bytes(workspace.activations)
    if needed_bytes > free:
        raise ResourceError(
            f"The disk is too full: the activations of {prefix.backbone.spec.name} need {needed_bytes / 1e9:.1f} GB and {free / 1e9:.1f} GB are free. "
            "Free some space, or lower split.train_fraction, backbone.input_size or freeze.trainable_blocks."
        )

"""The activation cache: what the frozen prefix gives for each picture, computed once and kept."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from tlcore import machine
from tlcore.activations import ActivationCache, CachedRows, Layout, content_keys
from tlcore.cache import make_room
from tlcore.errors import ResourceError
from tlcore.nn.models import row_shape
from tlcore.nn.openvino_graph import FLOAT16_MAX
from tlcore.nn.prefix import Engine, Prefix
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace

SEGMENT_BYTES = 64 * 2**20
SEGMENT_SECONDS = 10.0  # A killed worker loses no more than this.
SEGMENTS_AHEAD = 2  # That are being computed or written at once.
DECODERS = max(2, machine.cores())
DECODE_AHEAD_BATCHES = 4 * DECODERS

# Positions in the list of pictures → uint8 (n, side, side, 3).
Pixels = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass
class CacheUse:
    """How much was there already, and how much was computed: in all, and of that from stored feature maps; and how long that took."""

    hits: int = 0
    computed: int = 0
    bytes: int = 0
    onward: int = 0
    seconds: float = 0.0

    def add(self, other: CacheUse) -> None:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


def activations(
    prefix: Prefix,
    pixels: Pixels,
    content_ids: Sequence[str] | np.ndarray,
    workspace: Workspace,
    reporter: Reporter,
    report: Callable[[float], None] = lambda fraction: None,
) -> tuple[CachedRows, CacheUse]:
    """The prefix's rows for all pictures, in order; only those without a stored row are computed.

    Where `prefix.via` is set, pictures with stored feature maps there go on from those.
    `pixels(positions)` gives the pixels of pictures by their position in `content_ids`; it is called
    from other threads. Raises ResourceError when budget or disk can't hold the rows.
    """
    ids = content_keys(content_ids)
    if not ids:
        return CachedRows(Layout(row_shape(prefix.backbone, prefix.cut), prefix.identity.dtype), (), np.empty((0, 2), np.int64)), CacheUse()
    planned = prefix.key
    cache, missing = _opened(prefix, ids, workspace, reporter)
    from_maps, began = 0, time.perf_counter()
    if len(missing):
        layout = Layout(prefix.engine.row_shape, prefix.identity.dtype)
        if prefix.key != planned:  # OpenVINO can't take the network: TensorFlow's rows are kept apart.
            cache, missing = _opened(prefix, ids, workspace, reporter)
        room = functools.partial(make_room, workspace, cache, ids, len(missing) * layout.stored_bytes, prefix.backbone.spec.name, reporter.log)
        with_maps, maps = _stored_maps(prefix, ids, missing, workspace, reporter)  # In use from here on: they aren't what makes room.
        try:
            room()
        except ResourceError:
            if not len(with_maps):
                raise
            with_maps, maps = missing[:0], pixels  # Let go of: there is room for these or for what goes on from them.
            room()
        cache.create(layout, prefix.identity.about())
        go = functools.partial(fill, cache, reporter=reporter)
        from_maps, whole = len(with_maps), len(missing)
        began = time.perf_counter()  # Until here it was about getting ready.
        if from_maps:
            go(prefix.onward, maps, [ids[i] for i in with_maps], report=lambda done: report(done / whole))
        rest = np.setdiff1d(missing, with_maps)
        go(prefix.engine, lambda part: pixels(rest[part]), [ids[i] for i in rest], report=lambda done: report((from_maps + done) / whole))
    seconds = time.perf_counter() - began if len(missing) else 0.0
    rows = cache.rows(ids)
    return rows, CacheUse(len(ids) - len(missing), len(missing), rows.nbytes, from_maps, seconds)


def _opened(prefix: Prefix, ids: list[bytes], workspace: Workspace, reporter: Reporter) -> tuple[ActivationCache, np.ndarray]:
    """The folder of the prefix's rows, and the positions of pictures that it lacks."""
    cache = ActivationCache(workspace.activations / prefix.key, reporter.log)
    return cache, np.array(cache.missing(ids), np.int64)


def _stored_maps(prefix: Prefix, ids: list[bytes], missing: np.ndarray, workspace: Workspace, reporter: Reporter) -> tuple[np.ndarray, Pixels]:
    """Which of the missing pictures have stored maps at `via`, and those maps in float32 by position among them."""
    if prefix.via is None:
        return missing[:0], lambda part: np.empty(0)
    cache = ActivationCache(workspace.activations / prefix.upto(prefix.via).key, reporter.log)
    wanted = [ids[i] for i in missing]
    lacks = {wanted[i] for i in cache.missing(wanted)} if cache.layout else set(wanted)
    found = np.array([i for i in missing if ids[i] not in lacks], np.int64)
    if not len(found):
        return found, lambda part: np.empty(0)
    rows = cache.rows([ids[i] for i in found])
    return found, lambda part: rows.take(part).astype(np.float32)


@dataclasses.dataclass
class _Segment:
    """Rows that are being computed; `whole` is set when the last one has arrived."""

    ids: list[bytes]
    rows: np.ndarray
    begun: int = 0
    arrived: int = 0
    sealed: bool = False
    whole: threading.Event = dataclasses.field(default_factory=threading.Event)
    _turn: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def put(self, position: int, values: np.ndarray) -> None:
        """Called by the engine, from its own threads."""
        self.rows[position : position + len(values)] = clipped(values, self.rows.dtype)
        with self._turn:
            self.arrived += len(values)
            self._look()

    def seal(self) -> None:
        """No more rows will be begun."""
        with self._turn:
            self.sealed = True
            self._look()

    def _look(self) -> None:
        if self.sealed and self.arrived == self.begun:
            self.whole.set()

    def keep(self, cache: ActivationCache) -> None:
        """Wait for the last row, then write; nothing where the engine failed."""
        self.whole.wait()
        if self.arrived == self.begun:
            cache.append(self.ids[: self.begun], self.rows[: self.begun])


def fill(
    cache: ActivationCache, engine: Engine, inputs: Pixels, ids: list[bytes], reporter: Reporter, report: Callable[[int], None]
) -> None:
    """Decode ahead, infer, and write in segments beside it; what is complete is kept when the job is stopped."""
    assert cache.layout is not None
    segment_rows = engine.batch_images * max(1, SEGMENT_BYTES // cache.layout.row_bytes // engine.batch_images)
    with ThreadPoolExecutor(DECODERS, "decode") as decoders, ThreadPoolExecutor(1, "write") as writer:
        batches = ahead(decoders, inputs, len(ids), engine.batch_images)
        segments: collections.deque[tuple[_Segment, Future]] = collections.deque()
        try:
            done = 0
            while done < len(ids):
                count = min(segment_rows, len(ids) - done)
                segment = _Segment(ids[done : done + count], np.empty((count, *cache.layout.row_shape), cache.layout.dtype))
                segments.append((segment, writer.submit(segment.keep, cache)))
                _compute(segment, engine, batches, reporter, lambda begun, before=done: report(before + begun))
                done += segment.begun
                if len(segments) >= SEGMENTS_AHEAD:
                    engine.wait()  # Raises where a row will never arrive, instead of waiting for it.
                    segments.popleft()[1].result()
            engine.wait()
            for _, written in segments:
                written.result()
        finally:
            _let_go(engine, [segment for segment, _ in segments])


def _let_go(engine: Engine, segments: list[_Segment]) -> None:
    """However it ended, nobody waits any longer: a segment that lacks rows isn't written."""
    try:
        engine.wait()
    finally:
        for segment in segments:
            segment.whole.set()


def _compute(segment: _Segment, engine: Engine, batches: Iterator[np.ndarray], reporter: Reporter, report: Callable[[int], None]) -> None:
    """Begin batches until the segment is full or old enough to be written."""
    until = time.monotonic() + SEGMENT_SECONDS
    while segment.begun < len(segment.ids) and time.monotonic() < until:
        reporter.check()
        batch = next(batches)
        engine.start(batch, segment.begun, segment.put)
        segment.begun += len(batch)
        report(segment.begun)
    segment.seal()


def clipped(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Within float16's range where they are to be kept as such: infinity would spoil all that follows."""
    return np.clip(values, -FLOAT16_MAX, FLOAT16_MAX) if dtype == np.float16 else values


def ahead(pool: ThreadPoolExecutor, inputs: Pixels, total: int, count: int) -> Iterator[np.ndarray]:
    """Batches of inputs in order, a bounded number of them read ahead."""
    parts = iter([np.arange(start, min(start + count, total)) for start in range(0, total, count)])
    waiting = collections.deque(pool.submit(inputs, part) for part in itertools.islice(parts, DECODE_AHEAD_BATCHES))
    while waiting:
        ready = waiting.popleft().result()
        waiting.extend(pool.submit(inputs, part) for part in itertools.islice(parts, 1))
        yield ready

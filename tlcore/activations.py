"""Rows of activations on disk, found by the content id of their picture.

A folder holds one description and any number of segments. A segment is written once, under a name that
contains the SHA-256 of its bytes: content ids (32 bytes each), then rows. So two workers can fill the same
folder at once without waiting for each other, and a torn or altered segment is noticed, deleted and
computed again.

Segments may be evicted at any moment (`tlcore/cache.py`). What a process has mapped stays readable for it
where files can be unlinked while open; elsewhere they can't be removed. `keep` protects them beyond that.
A segment's time of change says when its rows were last taken.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import mmap
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tlcore.in_use import InUse
from tlcore.workspace import give_back, whole_file

ID_BYTES = 32
STALE_S = 3600.0  # No segment takes that long to write.
Where = tuple[int, int]  # Segment number, row within it.


@dataclasses.dataclass(frozen=True)
class Layout:
    """Shape and numeric type of one row."""

    row_shape: tuple[int, ...]
    dtype: str

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.row_shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    @property
    def stored_bytes(self) -> int:
        """What a row takes on disk, with the content id of its picture."""
        return ID_BYTES + self.row_bytes


@dataclasses.dataclass(eq=False)
class Segment:
    """One file of rows; `is_sound` compares it with its name, once."""

    path: Path
    packed_ids: bytes
    rows: np.ndarray  # (n, *row_shape), on `mapping`.
    mapping: mmap.mmap
    checked: bool = False

    @classmethod
    def open(cls, path: Path, layout: Layout, count: int, checked: bool = False) -> Segment:
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        rows = np.frombuffer(mapping, layout.dtype, offset=count * ID_BYTES).reshape(count, *layout.row_shape)
        return cls(path, mapping[: count * ID_BYTES], rows, mapping, checked)

    def is_sound(self) -> bool:
        if not self.checked:
            self.checked = self.path.name == f"{_digest(self.packed_ids, self.rows)}.rows"
            give_back(self.mapping)
        return self.checked


class ActivationCache:
    """One folder of rows that were all computed by the same prefix.

    `layout` is needed for the first use of a folder only; later it is read from there.
    """

    def __init__(self, folder: Path, log: Callable[[str], None] = lambda message: None) -> None:
        self.folder, self._log = folder, log
        self._segments: list[Segment] = []
        self._where: dict[bytes, Where] = {}
        self._in_use: InUse | None = None
        self.layout, self.about = read_layout(folder)
        if self.layout is not None:
            self.refresh()

    def create(self, layout: Layout, about: Mapping[str, Any]) -> None:
        """Describe a new folder; `about` is for human readers."""
        if self.layout != layout:  # None yet, or a description that was altered.
            self.layout, self.about = layout, dict(about)
            self._segments, self._where = [], {}
            self._describe()

    def keep(self, ids: Sequence[bytes]) -> InUse:
        """Protect the stored rows of `ids` from eviction as long as this, or what `rows` gave, is used; note their use."""
        needed = self._needed(ids)
        mark = self._mark()
        mark.keep(segment.path.name for segment in needed)
        for segment in needed:
            with contextlib.suppress(OSError):  # Evicted a moment ago, or a disk that may only be read.
                os.utime(segment.path)
        return mark

    def refresh(self) -> None:
        """Take in segments that have appeared since; what a killed worker had half written is removed."""
        known = {segment.path.name for segment in self._segments}
        for path in sorted(self.folder.glob("*.rows")):
            if path.name not in known:
                self._take_in(path)
        for path in self.folder.glob(".writing-*"):
            with contextlib.suppress(FileNotFoundError):
                if abs(time.time() - path.stat().st_mtime) > STALE_S:
                    path.unlink()

    def lacking(self, ids: Sequence[bytes]) -> list[bytes]:
        """Those of `ids` that have no row; quick, as it believes the files."""
        return [content_id for content_id in ids if content_id not in self._where]

    def missing(self, ids: Sequence[bytes]) -> list[int]:
        """Positions in `ids` of pictures without a sound row, each picture once.

        Every segment that is needed is compared with its checksum first; faulty ones are deleted.
        """
        while faulty := [segment for segment in self._needed(ids) if not segment.is_sound()]:
            for segment in faulty:
                segment.path.unlink(missing_ok=True)
                self._log(f"Stored activations were damaged ({segment.path.name[:12]}…); they are computed again.")
            sound = [segment for segment in self._segments if segment not in faulty]
            self._segments, self._where = [], {}
            for segment in sound:
                self._index(segment)
        first: dict[bytes, int] = {}
        for position, content_id in enumerate(ids):
            if content_id not in self._where:
                first.setdefault(content_id, position)
        return list(first.values())

    def append(self, ids: Sequence[bytes], rows: np.ndarray) -> None:
        """Keep rows (n, *row_shape) of pictures that have none. Raises OSError when the disk is full."""
        if not ids:
            return
        assert self.layout is not None and rows.shape[1:] == self.layout.row_shape
        rows = np.ascontiguousarray(rows, self.layout.dtype)
        packed = b"".join(ids)
        self._describe()  # An evictor may have found the folder without rows, and removed it.
        path = self.folder / f"{_digest(packed, rows)}.rows"
        temporary = self.folder / f".writing-{uuid.uuid4().hex}"
        try:
            with temporary.open("wb") as file:  # No fsync: a torn segment is noticed by its name.
                file.write(packed)
                file.write(rows.data.cast("B"))
            self._mark().keep_new(path.name, len(packed) + rows.nbytes)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._index(Segment.open(path, self.layout, len(ids), checked=True))

    def rows(self, ids: Sequence[bytes]) -> CachedRows:
        """The rows of `ids`, in that order, still on disk; `missing` has said that all are there."""
        where = np.array([self._where[content_id] for content_id in ids], np.int64).reshape(-1, 2)
        assert self.layout is not None
        return CachedRows(self.layout, tuple(self._segments), where, self.keep(ids))

    def _mark(self) -> InUse:
        self._in_use = self._in_use or InUse(self.folder)
        return self._in_use

    def _describe(self) -> None:
        assert self.layout is not None
        self._mark()  # First: from here on the folder stays.
        if read_layout(self.folder)[0] != self.layout:
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(self.folder / "layout.json") as temporary:
                temporary.write_text(json.dumps({"row_shape": self.layout.row_shape, "dtype": self.layout.dtype, **self.about}, indent=1))

    def _needed(self, ids: Sequence[bytes]) -> list[Segment]:
        return [self._segments[number] for number in sorted({self._where[i][0] for i in ids if i in self._where})]

    def _take_in(self, path: Path) -> None:
        assert self.layout is not None
        with contextlib.suppress(FileNotFoundError):  # Another worker found the same fault first.
            count, rest = divmod(path.stat().st_size, ID_BYTES + self.layout.row_bytes)
            if rest or not count:
                path.unlink()
                self._log(f"Stored activations were cut short ({path.name[:12]}…); they are computed again.")
                return
            self._index(Segment.open(path, self.layout, count))

    def _index(self, segment: Segment) -> None:
        number = len(self._segments)
        self._segments.append(segment)
        for row in range(len(segment.rows)):
            self._where.setdefault(segment.packed_ids[row * ID_BYTES : (row + 1) * ID_BYTES], (number, row))


class Rows(Protocol):
    """Activations of a list of pictures, wherever they are."""

    layout: Layout

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Rows (n, *row_shape) at `positions`, in that order."""
        ...


class HeldRows:
    """Rows in memory."""

    def __init__(self, rows: np.ndarray) -> None:
        self.layout, self._rows, self.nbytes = Layout(rows.shape[1:], str(rows.dtype)), rows, rows.nbytes

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        return self._rows[positions]


class CachedRows:
    """Activations of a list of pictures, on disk; `take` brings those in that are needed."""

    def __init__(self, layout: Layout, segments: tuple[Segment, ...], where: np.ndarray, in_use: InUse | None = None) -> None:
        self.layout, self._segments, self._where = layout, segments, where
        self._in_use = in_use  # Protects them as long as they are referred to.

    def __len__(self) -> int:
        return len(self._where)

    @property
    def nbytes(self) -> int:
        return len(self) * self.layout.row_bytes

    def take(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Rows (n, *row_shape) at `positions`, in that order."""
        where = self._where[positions]
        out = np.empty((len(where), *self.layout.row_shape), self.layout.dtype)
        for number in np.unique(where[:, 0]):
            chosen = np.flatnonzero(where[:, 0] == number)
            out[chosen] = self._segments[number].rows[where[chosen, 1]]
            give_back(self._segments[number].mapping)
        return out

    def part(self, positions: np.ndarray | slice) -> CachedRows:
        """The same for some of the pictures."""
        return CachedRows(self.layout, self._segments, self._where[positions], self._in_use)


def read_layout(folder: Path) -> tuple[Layout | None, dict[str, Any]]:
    """Layout of a folder's rows and what else its description says; None and nothing where that can't be told."""
    try:
        stored = json.loads((folder / "layout.json").read_text())
        layout = Layout(tuple(stored.pop("row_shape")), stored.pop("dtype"))
        return (layout, stored) if layout.row_bytes > 0 else (None, {})
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None, {}


def stored_ids(folder: Path) -> frozenset[bytes]:
    """Content ids of the pictures that have a row in a folder; read quickly, so no row is compared with its checksum."""
    try:
        return _stored_ids(folder, folder.stat().st_mtime_ns)
    except OSError:
        return frozenset()


@functools.lru_cache(maxsize=8)
def _stored_ids(folder: Path, _changed_ns: int) -> frozenset[bytes]:
    """A segment appears by a rename, which changes the time of its folder."""
    found: set[bytes] = set()
    layout, _ = read_layout(folder)
    if layout is None:
        return frozenset()
    for path in folder.glob("*.rows"):
        with contextlib.suppress(FileNotFoundError):  # A worker found it damaged in this instant.
            count, rest = divmod(path.stat().st_size, layout.stored_bytes)
            packed = np.fromfile(path, np.uint8, count * ID_BYTES).tobytes() if not rest else b""
            found.update(packed[start : start + ID_BYTES] for start in range(0, len(packed), ID_BYTES))
    return frozenset(found)


def content_keys(hexadecimal: Sequence[str] | np.ndarray) -> list[bytes]:
    """Content ids as the 32 bytes that the cache keeps."""
    return [bytes.fromhex(str(text)) for text in hexadecimal]


def _digest(packed: bytes, rows: np.ndarray) -> str:
    digest = hashlib.sha256(packed)
    digest.update(np.ascontiguousarray(rows).data.cast("B"))
    return digest.hexdigest()

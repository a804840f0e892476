"""Which stored activations living processes use: each keeps a file beside them that it has locked.

The lock ends with its process, however it ends, so no clock takes part in it. A mark protects from
eviction; it is no condition for reading, which goes on from the memory map where a file was removed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import uuid
import weakref
from collections.abc import Iterable
from pathlib import Path

from tlcore.locks import FileLock

PREFIX = ".in-use-"
RESERVED = "reserved "
ATTEMPTS = 20


class InUse:
    """Protects segments of one folder until it is dropped or its process ends.

    Where the disk takes no file more, nothing is protected and nothing fails.
    """

    def __init__(self, folder: Path) -> None:
        self._reserved_bytes = 0
        self._lock = _lock_in(folder)
        if self._lock is not None:
            weakref.finalize(self, _drop, self._lock)

    def keep(self, names: Iterable[str]) -> None:
        """Protect the segments of these names."""
        self._note(names)

    def reserve(self, bytes_: int) -> None:
        """Say how much this process is about to write, so that nobody else counts on that room."""
        self._reserved_bytes = bytes_
        self._note([f"{RESERVED}{bytes_}"])

    def keep_new(self, name: str, bytes_: int) -> None:
        """Protect a segment that is about to appear, and take its bytes off the reserve."""
        self._reserved_bytes = max(0, self._reserved_bytes - bytes_)
        self._note([name, f"{RESERVED}{self._reserved_bytes}"])

    def _note(self, lines: Iterable[str]) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.write(self._lock.handle(), "".join(f"{line}\n" for line in lines).encode())


@dataclasses.dataclass(frozen=True)
class Marks:
    """What living processes say of one folder."""

    held: bool = False
    names: frozenset[str] = frozenset()
    reserved_bytes: int = 0


def read_marks(folder: Path) -> Marks:
    """The marks of living processes; those of dead ones are removed."""
    texts = [text for path in folder.glob(f"{PREFIX}*") if (text := _living(path)) is not None]
    lines = [text.splitlines() for text in texts]
    return Marks(
        held=bool(texts),
        names=frozenset(line for part in lines for line in part if not line.startswith(RESERVED)),
        reserved_bytes=sum(_last_reserve(part) for part in lines),
    )


def _living(path: Path) -> str | None:
    """What a mark says; None when its process is gone."""
    try:
        lock = FileLock.take(path)
        if lock is None:
            return path.read_text()
        lock.remove()
    except OSError:  # Somebody else removed it, or its folder, at this moment.
        pass
    return None


def _last_reserve(lines: list[str]) -> int:
    said = [line.removeprefix(RESERVED) for line in lines if line.startswith(RESERVED)]
    return int(said[-1]) if said and said[-1].isdigit() else 0


def _drop(lock: FileLock) -> None:
    lock.remove()
    with contextlib.suppress(OSError):
        lock.path.parent.rmdir()  # Where nothing was stored in the end.


def _lock_in(folder: Path) -> FileLock | None:
    path = folder / f"{PREFIX}{uuid.uuid4().hex}"
    for _ in range(ATTEMPTS):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return FileLock.take(path, wait_s=1.0)  # Whoever looks whether it is held holds it for an instant.
        except FileNotFoundError:
            continue  # Between the two steps an evictor removed the empty folder.
        except OSError:
            break
    return None

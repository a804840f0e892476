"""How the parts of the store reach its database: transactions that read, and ones that write."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from tlcore.schema import translated
from tlcore.workspace import Workspace

Connected = Callable[[], contextlib.AbstractContextManager[sa.Connection]]
"""What a part of the store that stands by itself is given: a way to begin a transaction."""


class Connections:
    """One database and one clock; what `Store` and its parts have in common."""

    def __init__(self, workspace: Workspace, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self.workspace = workspace
        self._writer = engine
        self._reader = engine.execution_options(reads_only=True)
        self._quick_writer = engine.execution_options(durable=False)
        self._clock = clock  # For display only: nothing is decided by it.

    def close(self) -> None:
        self._writer.dispose()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self, durable: bool = True) -> Iterator[sa.Connection]:
        """A transaction; one that isn't durable doesn't wait for the disk, and may be lost in a power cut."""
        with translated(), (self._writer if durable else self._quick_writer).begin() as connection:
            yield connection

"""What a job at work writes: progress and epochs to the store, lines to its log; all of it outlasts a store that is locked for a while."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tlcore.errors import Cancelled, ResourceError
from tlcore.reporter import Stopwatch
from tlcore.store import EpochRecord, Job, Store

WRITE_EVERY_S = 0.2  # Progress, at most.
CHECK_EVERY_S = 0.5
PATIENCE_S = 60.0  # A store that stays locked this long fails the run.

T = TypeVar("T")


class StoreReporter:
    """Writes a job's progress to the store, and stops the job when the store says so."""

    def __init__(
        self, store: Store, job: Job, run_dir: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._job, self._run_dir, self._clock = store, job, run_dir, clock
        self._watch = Stopwatch(clock)
        self._began = clock()
        self._next_write = self._next_check = self._began
        self._latest: dict[str, Any] = {}
        self._uncommitted: list[EpochRecord] = []

    def worked_s(self) -> float:
        """Seconds worked on the job, in this attempt and the ones before."""
        return self._job.worked_s + self._clock() - self._began

    def phase(self, name: str) -> None:
        self._watch.begin(name)
        self._latest = {"phase": name}
        self._next_write = self._clock()
        self._write()

    def progress(self, fraction: float, message: str = "") -> None:
        self._latest.update(progress=min(1.0, max(0.0, float(fraction))), message=message)
        self._write()

    def log(self, message: str) -> None:
        self.note(message, "info")

    def note(self, message: str, level: str) -> None:
        """Add a line to the log file and to the events."""
        write_log(self._run_dir, message)
        patiently(lambda: self._store.note(self._job, message, level))

    def epoch(self, number: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        record = EpochRecord(
            epoch=number,
            attempt=self._job.attempt,
            seconds=self.worked_s(),
            metrics={name: float(value) for name, value in metrics.items() if name not in ("epoch", "seconds")},
            checkpoint=checkpoint.name if checkpoint else "",
            sha256=sha256_of(checkpoint) if checkpoint else "",
        )
        self._uncommitted.append(record)
        if checkpoint:
            self.commit()

    def commit(self) -> None:
        """Commit the epochs that wait for one with a checkpoint."""
        if self._uncommitted:
            patiently(lambda: self._store.commit_epochs(self._job, self._uncommitted))
            self._uncommitted = []

    def check(self) -> None:
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            self._write(now=True)

    def phases(self) -> dict[str, float]:
        return self._watch.seconds()

    def _write(self, now: bool = False) -> None:
        if not now and self._clock() < self._next_write:
            return
        try:
            asked = self._store.report(self._job, worked_s=self.worked_s(), **self._latest)
        except ResourceError:
            asked = False  # A locked store costs a figure on the page, not the run.
        self._next_write = self._clock() + WRITE_EVERY_S
        self._latest = {}
        if asked:
            raise Cancelled("Cancelled.")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def patiently(write: Callable[[], T]) -> T:
    """Repeat a write that must not be lost while the store is locked. Raises ResourceError at last."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write()
        except ResourceError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.5)


def write_log(run_dir: Path, message: str) -> None:
    """Add a line to the run's log file; a disk that is full costs the line only."""
    try:
        with (run_dir / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")
    except OSError as problem:
        print(f"log line lost ({problem}): {message}", file=sys.stderr)

"""How a job tells of its progress, and hears that it should stop."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Committed:
    """The last epoch that is surely there: its checkpoint's hash was compared."""

    epoch: int
    checkpoint: Path
    history: list[dict[str, float]]  # One dictionary an epoch, oldest first: epoch, seconds, metrics.


class Reporter(Protocol):
    """What a long job is given to report to."""

    def phase(self, name: str) -> None:
        """Begin a phase and end the one before; seconds of equal names add up."""
        ...

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how much of the whole job is done, 0 to 1; cheap enough for inner loops."""
        ...

    def log(self, message: str) -> None:
        """Add a line to the job's log."""
        ...

    def epoch(self, number: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        """Commit an epoch, counted from 1, whose checkpoint is whole on disk; without one, together with the next that has one."""
        ...

    def check(self) -> None:
        """Raise Cancelled or Superseded when the job must stop; cheap enough for every batch."""
        ...

    def phases(self) -> dict[str, float]:
        """Seconds by phase so far."""
        ...


class Stopwatch:
    """Seconds by phase, in the order in which the phases first began."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._current: str | None = None
        self._since = clock()

    def begin(self, name: str | None) -> None:
        """Start `name`; None only ends the phase before."""
        now = self._clock()
        if self._current is not None:
            self._seconds[self._current] = self._seconds.get(self._current, 0.0) + now - self._since
        self._current, self._since = name, now

    def seconds(self) -> dict[str, float]:
        """Seconds by phase, the running one included."""
        self.begin(self._current)
        return dict(self._seconds)


class NullReporter:
    """Prints nothing and never stops the job; keeps the phases and the committed epochs."""

    def __init__(self) -> None:
        self._watch = Stopwatch()
        self.epochs: list[dict[str, float]] = []

    def phase(self, name: str) -> None:
        self._watch.begin(name)

    def progress(self, fraction: float, message: str = "") -> None:
        pass

    def log(self, message: str) -> None:
        pass

    def epoch(self, number: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        self.epochs.append({"epoch": float(number), **metrics})

    def check(self) -> None:
        pass

    def phases(self) -> dict[str, float]:
        return self._watch.seconds()


class Portion:
    """Tells another reporter of a part of its job: progress from 0 to 1 here is `begin` to `begin + share` there."""

    def __init__(self, whole: Reporter, begin: float, share: float) -> None:
        self._whole, self._begin, self._share = whole, begin, share
        self.phase, self.log, self.epoch, self.check, self.phases = whole.phase, whole.log, whole.epoch, whole.check, whole.phases

    def progress(self, fraction: float, message: str = "") -> None:
        self._whole.progress(self._begin + self._share * min(1.0, fraction), message)

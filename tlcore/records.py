"""What the store's readers get: frozen snapshots of jobs, datasets and events."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tlcore.config import RunConfig


class JobState(StrEnum):
    """Where a job stands; only `queued` and `running` ones still change by themselves."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"
    interrupted = "interrupted"


ACTIVE = frozenset({JobState.queued, JobState.running})
RESUMABLE = frozenset({JobState.failed, JobState.cancelled, JobState.interrupted})


@dataclasses.dataclass(frozen=True)
class Job:
    """One run or ingest as it was when it was read."""

    id: int
    kind: str  # "train" or "ingest"
    title: str
    state: JobState
    attempt: int
    payload: dict[str, Any]
    dataset_id: str | None
    progress: float  # 0 to 1
    phase: str
    message: str
    error: str | None  # One sentence.
    traceback: str | None
    cancel_requested: bool
    worked_s: float  # By a monotonic clock, all attempts together.
    created_at: float  # Unix seconds, for display only.
    started_at: float | None
    finished_at: float | None
    result: dict[str, Any] | None
    owner: str | None  # Names the worker's lock file.
    series: int | None = None  # The experiment that it is a part of.

    @classmethod
    def of(cls, row: sa.RowMapping) -> Job:
        values = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "state": JobState(row["state"])})

    @property
    def seconds(self) -> float:
        """Time worked on it, pauses excluded; unmoved by changes of the clock."""
        return max(0.0, self.worked_s)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def config(self) -> RunConfig:
        """The settings of a run."""
        return RunConfig.model_validate(self.payload["config"])


@dataclasses.dataclass(frozen=True)
class Series:
    """Jobs that are one experiment; there may be fewer than there were, since each can be deleted."""

    id: int
    kind: str  # What the experiment is, such as "labels".
    title: str
    settings: dict[str, Any]  # Of the experiment as a whole, as its kind wants them.
    created_at: float  # Unix seconds, for display only.

    @classmethod
    def of(cls, row: sa.RowMapping) -> Series:
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class RunGroup:
    """Runs that have something in common, and how they did in one figure."""

    key: str | int | None  # Of a series its number; None: runs that have none of it.
    runs: int
    finished: int  # Those that have the figure.
    best: float | None
    mean: float | None
    sd: float | None  # Standard deviation of the sample (n − 1); None below two runs.
    test_sets: int  # On how many sets of test pictures they were tested; above one, the mean mixes easy and hard ones.


@dataclasses.dataclass(frozen=True)
class DatasetRecord:
    """What the store knows of a dataset; its pictures are in the workspace."""

    id: str
    name: str
    classes: tuple[str, ...]
    count: int
    source: str
    created_at: str
    report: dict[str, Any]
    bytes: int

    @classmethod
    def of(cls, row: sa.RowMapping) -> DatasetRecord:
        return cls(**{**row, "classes": tuple(row["classes"])})


@dataclasses.dataclass(frozen=True)
class EpochRecord:
    """A committed epoch: its figures, and the checkpoint with its hash, both empty where a later epoch's serves."""

    epoch: int
    attempt: int
    seconds: float  # Since the run's work began, pauses excluded.
    metrics: dict[str, float | None]
    checkpoint: str  # File name inside the run's folder.
    sha256: str


@dataclasses.dataclass(frozen=True)
class Event:
    """A line of a job's log."""

    id: int
    at: float  # Unix seconds, for display only.
    level: str  # "info", "warning" or "error"
    message: str

"""The store of a workspace: all SQL is in its parts, one a file.

Jobs as they are read (job_reads) and changed from outside their worker (job_changes), a worker's writes
(worker_writes), datasets (dataset_table). What stands by itself is an attribute: `series`, `trials` (trial_table), `runs`
(run_table), `tags` (run_tags), `marks`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa

from tlcore.job_changes import JobChanges
from tlcore.marks import MarkTable
from tlcore.records import (
    ACTIVE,
    RESUMABLE,
    DatasetRecord,
    EpochRecord,
    Event,
    Job,
    JobState,
    RunGroup,
    Series,
)
from tlcore.run_table import RunTable
from tlcore.run_tags import TagTable
from tlcore.schema import open_engine
from tlcore.series import SeriesTable
from tlcore.trial_table import TrialTable
from tlcore.worker_writes import WorkerWrites
from tlcore.workspace import Workspace

__all__ = ["ACTIVE", "RESUMABLE", "DatasetRecord", "EpochRecord", "Event", "Job", "JobState", "RunGroup", "Series", "Store"]


class Store(JobChanges, WorkerWrites):
    """The memory of one workspace; safe to share between threads."""

    def __init__(self, workspace: Workspace, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        super().__init__(workspace, engine, clock)
        self.series = SeriesTable(self._reading, self._writing, clock)
        self.trials = TrialTable(self._reading)
        self.runs = RunTable(self._reading, self._writing)
        self.tags = TagTable(self._reading, self._writing)
        self.marks = MarkTable(self._reading, self._writing, clock)

    @classmethod
    def open(cls, workspace: Workspace, clock: Callable[[], float] = time.time) -> Store:
        """Open the workspace's store, made and brought up to date where needed. Raises ResourceError."""
        workspace.create()
        return cls(workspace, open_engine(workspace.store_url), clock)

"""What a worker writes about its own job; it carries the attempt's number, so one that was given up can't write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tlcore.dataset_table import DatasetTable, insert_dataset
from tlcore.errors import Superseded
from tlcore.queries import changed, held, noted, queued
from tlcore.records import DatasetRecord, EpochRecord, Job, JobState
from tlcore.schema import epochs, jobs


class WorkerWrites(DatasetTable):
    """A worker's writes; each raises Superseded when another attempt owns the job. `Store` has them all."""

    def report(self, job: Job, **values: Any) -> bool:
        """Write progress, phase, message or worked_s; True when a cancel was asked for."""
        with self._writing(durable=False) as connection:
            return self._own(connection, job, **values)

    def note(self, job: Job, message: str, level: str = "info") -> None:
        """Add a line to the log of the worker's own job."""
        with self._writing(durable=False) as connection:
            self._own(connection, job)
            connection.execute(noted(job.id, self._clock(), message, level))

    def commit_epochs(self, job: Job, records: Sequence[EpochRecord]) -> None:
        """Commit epochs with their figures and the hash of the last one's checkpoint, all or nothing."""
        with self._writing() as connection:
            self._own(connection, job, worked_s=records[-1].seconds)
            connection.execute(epochs.insert(), [{"job_id": job.id, **dataclasses.asdict(record)} for record in records])

    def drop_epochs(self, job: Job, after: int) -> None:
        """Forget the epochs after this one, which an attempt will repeat."""
        with self._writing() as connection:
            self._own(connection, job)
            connection.execute(epochs.delete().where(epochs.c.job_id == job.id, epochs.c.epoch > after))

    def finish(
        self, job: Job, state: JobState, dataset: DatasetRecord | None = None, **values: Any
    ) -> None:
        """End the worker's own job; a dataset that it made is recorded in the same transaction."""
        if state == JobState.done:
            values = {**values, "progress": 1.0}
        with self._writing() as connection:
            self._own(connection, job, state=state, finished_at=self._clock(), **values)
            if dataset is not None:
                insert_dataset(connection, dataset)
        if dataset is not None:
            self._mark_listed(dataset)

    def begin(self, whole: Job, row: Mapping[str, Any]) -> Job:
        """Make a job that the worker of another carries out itself, as a part of that one's series.

        row: kind, title, payload, dataset_id and source_id, as in `SeriesTable.add`.
        """
        with self._writing() as connection:
            self._own(connection, whole)
            key = connection.execute(queued(self._clock(), **row, series=whole.series)).inserted_primary_key
            assert key is not None
            return self._take(connection, whole, jobs.c.id == key[0])

    def take_up(self, whole: Job, job_id: int) -> Job | None:
        """Go on with a part that was interrupted, as its next attempt; None where it is another's now, or over."""
        with self._writing() as connection:
            self._own(connection, whole)
            part = jobs.c.id == job_id, jobs.c.series == whole.series, jobs.c.state == JobState.interrupted
            there = connection.execute(sa.select(jobs.c.id).where(*part)).first()
            return self._take(connection, whole, *part) if there else None

    def _take(self, connection: sa.Connection, whole: Job, *which: sa.ColumnElement[bool]) -> Job:
        change = changed(*which).values(
            state=JobState.running, owner=whole.owner, attempt=jobs.c.attempt + 1, started_at=self._clock(), finished_at=None,
            cancel_requested=False, error=None, traceback=None, message="", phase="",
        )
        return Job.of(connection.execute(change.returning(*jobs.c)).mappings().one())

    def _own(self, connection: sa.Connection, job: Job, **values: Any) -> bool:
        change = changed(*held(job.id, job.attempt)).values(**values)
        asked = connection.execute(change.returning(jobs.c.cancel_requested)).scalar_one_or_none()
        if asked is None:
            raise Superseded(f"attempt {job.attempt} of run {job.id} is no longer the one that may write")
        return bool(asked)

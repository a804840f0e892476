"""All SQL: jobs, epochs, events and datasets of a workspace.

Every change of a job's state is one conditional UPDATE; zero rows changed means that somebody
else won. A worker's writes carry its attempt number, so one that was given up can't write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tlcore.errors import ConflictError, NotFoundError, Superseded
from tlcore.queries import cards_asked, end_of_queue, held, is_number, queued, waiting, wanted
from tlcore.records import (
    ACTIVE,
    RESUMABLE,
    DatasetRecord,
    EpochRecord,
    Event,
    Job,
    JobState,
    Series,
)
from tlcore.schema import datasets, epochs, events, jobs, open_engine, translated
from tlcore.series import SeriesTable
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ACTIVE", "RESUMABLE", "DatasetRecord", "EpochRecord", "Event", "Job", "JobState", "Series", "Store"]


class Store:
    """The memory of one workspace; safe to share between threads."""

    def __init__(
        self, workspace: Workspace, engine: sa.Engine, clock: Callable[[], float] = time.time
    ) -> None:
        self.workspace = workspace
        self._writer = engine
        self._reader = engine.execution_options(reads_only=True)
        self._quick_writer = engine.execution_options(durable=False)
        self._clock = clock  # For display only: nothing is decided by it.
        self.series = SeriesTable(self._reading, self._writing, clock)

    @classmethod
    def open(cls, workspace: Workspace, clock: Callable[[], float] = time.time) -> Store:
        """Open the workspace's store, made and brought up to date where needed. Raises ResourceError."""
        workspace.create()
        return cls(workspace, open_engine(workspace.store_url), clock)

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

    # --- reading jobs

    def job(self, job_id: int) -> Job:
        """The job as it is now. Raises NotFoundError."""
        with self._reading() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
        if row is None:
            raise NotFoundError(f"run {job_id} not found. The Runs page lists the ones that exist.")
        return Job.of(row)

    def jobs(
        self,
        kind: str | None = None,
        states: Collection[JobState] | None = None,
        limit: int = 200,
        owner: str | None = None,
        offset: int = 0,
        find: str = "",
        best_first: bool = False,
    ) -> list[Job]:
        """Jobs, newest first, or else by test accuracy.

        owner: only those that it claimed.
        find: words that the title or the dataset's name must hold, or be the number, all of them; a
        number by itself brings that job first, however many titles hold it.
        """
        order: list[Any] = [jobs.c.result["test_accuracy"].as_float().desc().nulls_last()] if best_first else []
        if is_number(find.strip()):
            order.insert(0, (jobs.c.id == int(find)).desc())
        query = sa.select(jobs).where(*wanted(kind, states, find)).order_by(*order, jobs.c.id.desc())
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        with self._reading() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings()
            return [Job.of(row) for row in rows]

    def count(self, kind: str | None = None, states: Collection[JobState] | None = None, find: str = "") -> int:
        """How many jobs `jobs` would give, were there no limit."""
        query = sa.select(sa.func.count()).select_from(jobs).where(*wanted(kind, states, find))
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def jobs_by_id(self, job_ids: Collection[int]) -> dict[int, Job]:
        """Those of these jobs that there are."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(jobs).where(jobs.c.id.in_(list(job_ids)))).mappings()
            return {row["id"]: Job.of(row) for row in rows}

    def job_by_token(self, token: str) -> Job | None:
        """The job that a submission with this token made."""
        with self._reading() as connection:
            row = connection.execute(sa.select(jobs).where(jobs.c.token == token)).mappings().first()
        return None if row is None else Job.of(row)

    def queue_lengths(self) -> dict[str, int]:
        """How many jobs wait, by kind."""
        query = sa.select(jobs.c.kind, sa.func.count()).where(jobs.c.state == JobState.queued)
        with self._reading() as connection:
            return {kind: n for kind, n in connection.execute(query.group_by(jobs.c.kind))}

    def cards_asked(self, kind: str, limit: int) -> list[int]:
        """How many cards each of the first jobs in line asks for; one where it doesn't say."""
        query = waiting(kind, cards_asked).limit(limit)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def version(self, job_ids: Collection[int] | None = None) -> int:
        """A figure that changes whenever one of these jobs (all by default) does."""
        query = sa.select(sa.func.count(), sa.func.max(jobs.c.id), sa.func.sum(jobs.c.changes))
        if job_ids is not None:
            query = query.where(jobs.c.id.in_(list(job_ids)))
        with self._reading() as connection:
            return hash(tuple(connection.execute(query).one()))

    def epoch_records(self, job_id: int) -> list[EpochRecord]:
        """Committed epochs, oldest first."""
        columns = [epochs.c[field.name] for field in dataclasses.fields(EpochRecord)]
        query = sa.select(*columns).where(epochs.c.job_id == job_id).order_by(epochs.c.epoch)
        with self._reading() as connection:
            return [EpochRecord(**row) for row in connection.execute(query).mappings()]

    def epochs(self, job_id: int) -> pd.DataFrame:
        """Committed epochs, one row each: epoch, seconds, and every metric."""
        import pandas as pd  # Takes a second; the supervisor never needs it.

        rows = [{"epoch": e.epoch, "seconds": e.seconds, **e.metrics} for e in self.epoch_records(job_id)]
        table = pd.DataFrame(rows if rows else {"epoch": [], "seconds": []}, dtype="float64")
        return table.astype({"epoch": "int64"})

    def validation(self, job_ids: Collection[int], figures: Sequence[str] = ("val_accuracy", "val_loss")) -> dict[int, list[tuple[float, ...]]]:
        """Some figures of the committed epochs of many jobs, oldest first, in one query; NaN where an epoch lacks one.

        Epochs that lack the first figure are left out.
        """
        columns = [epochs.c.metrics[name].as_float() for name in figures]
        query = sa.select(epochs.c.job_id, *columns).where(epochs.c.job_id.in_(list(job_ids)))
        found: dict[int, list[tuple[float, ...]]] = {job_id: [] for job_id in job_ids}
        with self._reading() as connection:
            for row in map(tuple, connection.execute(query.order_by(epochs.c.job_id, epochs.c.epoch))):
                if None not in row:
                    found[row[0]].append(row[1:])
                elif row[1] is not None:
                    found[row[0]].append(tuple(math.nan if each is None else each for each in row[1:]))
        return found

    def events(self, job_id: int, after: int = 0) -> list[Event]:
        """Log lines with an id above `after`, oldest first."""
        columns = [events.c[field.name] for field in dataclasses.fields(Event)]
        query = sa.select(*columns).where(events.c.job_id == job_id, events.c.id > after)
        with self._reading() as connection:
            return [Event(**row) for row in connection.execute(query.order_by(events.c.id)).mappings()]

    # --- changing jobs from outside their worker

    def add_job(
        self, kind: str, title: str, payload: dict[str, Any], dataset_id: str | None = None, token: str | None = None,
        source_id: str | None = None, series: int | None = None,
    ) -> int:
        """Queue a job, as part of a series if one is named; a token that was used before gives the job that it made then. The datasets it names stay while it is there."""
        values = {"kind": kind, "title": title, "payload": payload, "dataset_id": dataset_id, "source_id": source_id, "token": token, "series": series}
        try:
            with self._writing() as connection:
                key = connection.execute(queued(self._clock(), **values)).inserted_primary_key
        except sa.exc.IntegrityError:
            earlier = self.job_by_token(token) if token is not None else None
            if earlier is None:
                raise ConflictError(f"'{title}' can't be queued: its {'dataset' if series is None else 'dataset or series'} was deleted meanwhile.") from None
            return earlier.id
        assert key is not None
        return int(key[0])

    def claim(self, owner: str, kind: str | None = None, cards: int | None = None) -> Job | None:
        """Take the job that waited longest; the owner's lock must be held already.

        cards: only one that asks for this many cards; any by default.
        """
        line = waiting(kind, jobs.c.id)
        if cards is not None:
            line = line.where(cards_asked == cards)
        first = line.limit(1).scalar_subquery()
        take = self._change(jobs.c.id == first, jobs.c.state == JobState.queued).values(
            state=JobState.running,
            owner=owner,
            attempt=jobs.c.attempt + 1,
            started_at=self._clock(),
            finished_at=None,
            message="",
            phase="",
        )
        while True:
            with self._writing() as connection:
                row = connection.execute(take.returning(*jobs.c)).mappings().first()
                if row is not None:
                    return Job.of(row)
                if connection.execute(line.limit(1)).first() is None:
                    return None  # Otherwise another claimer took it between reading and writing.

    def request_cancel(self, job_id: int) -> JobState:
        """Cancel a waiting job at once, ask a running one to stop, leave an ended one alone."""
        with self._writing() as connection:
            connection.execute(
                self._change(jobs.c.id == job_id, jobs.c.state == JobState.queued).values(
                    state=JobState.cancelled, finished_at=self._clock(), message="Cancelled before it began."
                )
            )
            connection.execute(
                self._change(jobs.c.id == job_id, jobs.c.state == JobState.running).values(cancel_requested=True)
            )
        return self.job(job_id).state

    def requeue(self, job_id: int) -> bool:
        """Put a failed, cancelled or interrupted job at the end of the queue; False when it is none of these."""
        change = self._change(jobs.c.id == job_id, jobs.c.state.in_(list(RESUMABLE))).values(
            state=JobState.queued,
            position=end_of_queue(),
            cancel_requested=False,
            owner=None,
            error=None,
            traceback=None,
            finished_at=None,
            message="",
        )
        with self._writing() as connection:
            return connection.execute(change).rowcount == 1

    def give_up(self, job: Job, error: str) -> bool:
        """End a running job whose worker is gone: cancelled if that was asked, else interrupted."""
        state = sa.case((jobs.c.cancel_requested, JobState.cancelled.value), else_=JobState.interrupted.value)
        message = sa.case((jobs.c.cancel_requested, sa.null()), else_=error)
        with self._writing() as connection:
            return (
                connection.execute(
                    self._change(*held(job.id, job.attempt)).values(
                        state=state, error=message, finished_at=self._clock()
                    )
                ).rowcount
                == 1
            )

    def rename(self, job_id: int, title: str) -> None:
        """Give a job another title. Raises NotFoundError, ConflictError."""
        if not title.strip():
            raise ConflictError("A run needs a name of one character or more.")
        with self._writing() as connection:
            connection.execute(self._change(jobs.c.id == job_id).values(title=title.strip()[:300]))
        self.job(job_id)

    def delete_job(self, job_id: int) -> bool:
        """Forget an ended job with its epochs and events; False when it is still active."""
        with self._writing() as connection:
            gone = connection.execute(
                jobs.delete().where(jobs.c.id == job_id, jobs.c.state.not_in(list(ACTIVE)))
            )
            return gone.rowcount == 1

    def add_event(self, job_id: int, message: str, level: str = "info") -> None:
        """Note something about a job from outside its worker."""
        with self._writing() as connection:
            connection.execute(self._change(jobs.c.id == job_id))
            self._note(connection, job_id, message, level)

    # --- a worker's writes: each raises Superseded when another attempt owns the job

    def report(self, job: Job, **values: Any) -> bool:
        """Write progress, phase, message or worked_s; True when a cancel was asked for."""
        with self._writing(durable=False) as connection:
            return self._own(connection, job, **values)

    def note(self, job: Job, message: str, level: str = "info") -> None:
        """Add a line to the log of the worker's own job."""
        with self._writing(durable=False) as connection:
            self._own(connection, job)
            self._note(connection, job.id, message, level)

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
                _insert_dataset(connection, dataset)
        if dataset is not None:
            self._mark_listed(dataset)

    def _own(self, connection: sa.Connection, job: Job, **values: Any) -> bool:
        change = self._change(*held(job.id, job.attempt)).values(**values)
        asked = connection.execute(change.returning(jobs.c.cancel_requested)).scalar_one_or_none()
        if asked is None:
            raise Superseded(f"attempt {job.attempt} of run {job.id} is no longer the one that may write")
        return bool(asked)

    def _change(self, *conditions: sa.ColumnElement[bool]) -> sa.Update:
        return jobs.update().where(*conditions).values(changes=jobs.c.changes + 1)

    def _note(self, connection: sa.Connection, job_id: int, message: str, level: str) -> None:
        connection.execute(
            events.insert().values(job_id=job_id, at=self._clock(), level=level, message=message)
        )

    # --- datasets

    def datasets(self) -> list[DatasetRecord]:
        """All datasets, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(datasets).order_by(datasets.c.name)).mappings()
            return [DatasetRecord.of(row) for row in rows]

    def dataset(self, name_or_id: str) -> DatasetRecord:
        """A dataset by its name, or else by its id. Raises NotFoundError listing the ones that exist."""
        query = sa.select(datasets).where(sa.or_(datasets.c.name == name_or_id, datasets.c.id == name_or_id))
        with self._reading() as connection:
            rows = [DatasetRecord.of(row) for row in connection.execute(query).mappings()]
        if rows:
            return next((row for row in rows if row.name == name_or_id), rows[0])
        names = ", ".join(record.name for record in self.datasets()[:20]) or "none yet"
        raise NotFoundError(f"dataset '{name_or_id[:60]}' not found. Datasets here: {names}.")

    def add_dataset(self, record: DatasetRecord) -> None:
        """Record a dataset that is whole on disk. Raises ConflictError when its name is taken."""
        with self._writing() as connection:
            _insert_dataset(connection, record)
        self._mark_listed(record)

    def _mark_listed(self, record: DatasetRecord) -> None:
        with contextlib.suppress(OSError):  # A mark that stays is taken away by the next sweep.
            self.workspace.unlisted(record.id).unlink(missing_ok=True)

    def delete_dataset(self, dataset_id: str) -> bool:
        """Forget a dataset; False when jobs use it."""
        try:
            with self._writing() as connection:
                connection.execute(datasets.delete().where(datasets.c.id == dataset_id))
        except sa.exc.IntegrityError:
            return False
        return True

    def users_of(self, dataset_id: str) -> dict[int, str]:
        """Titles of the runs that use a dataset, as target or source, by their number, newest first."""
        found: dict[int, str] = {}
        with self._reading() as connection:
            for column in (jobs.c.dataset_id, jobs.c.source_id):  # One after the other, so that each goes by its index.
                found |= {run: title for run, title in connection.execute(sa.select(jobs.c.id, jobs.c.title).where(column == dataset_id))}
        return dict(sorted(found.items(), reverse=True))


def _insert_dataset(connection: sa.Connection, record: DatasetRecord) -> None:
    try:
        connection.execute(datasets.insert().values(**dataclasses.asdict(record)))
    except sa.exc.IntegrityError:
        raise ConflictError(f"A dataset named '{record.name}' exists already. Choose another name.") from None

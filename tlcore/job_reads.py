"""The store's jobs as they are read: one, many, their epochs and their log."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tlcore.connections import Connections
from tlcore.errors import NotFoundError
from tlcore.queries import cards_asked, is_number, waiting, wanted
from tlcore.records import EpochRecord, Event, Job, JobState
from tlcore.schema import epochs, events, jobs

if TYPE_CHECKING:
    import pandas as pd


class JobReads(Connections):
    """What one can ask about jobs; `Store` has it all."""

    def job(self, job_id: int) -> Job:
        """The job as it is now. Raises NotFoundError."""
        row = None
        if is_number(str(job_id)):  # The database takes no larger ones.
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
        hidden: bool | None = None,
    ) -> list[Job]:
        """Jobs, newest first; `Store.runs` has other orders, and filters.

        owner: only those that it claimed.
        find: words that the title, a tag or the dataset's name must hold, or be the number, all of them; a
        number by itself brings that job first, however many titles hold it.
        hidden: only those that were hidden, or only the others.
        """
        first: list[Any] = [(jobs.c.id == int(find)).desc()] if is_number(find.strip()) else []
        query = sa.select(jobs).where(*wanted(kind, states, find, hidden)).order_by(*first, jobs.c.id.desc())
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        with self._reading() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings()
            return [Job.of(row) for row in rows]

    def count(self, kind: str | None = None, states: Collection[JobState] | None = None, find: str = "", hidden: bool | None = None) -> int:
        """How many jobs `jobs` would give, were there no limit."""
        query = sa.select(sa.func.count()).select_from(jobs).where(*wanted(kind, states, find, hidden))
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

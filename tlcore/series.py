"""Series of jobs in the store: one experiment's runs, kept together by a number and a title."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa

from tlcore.connections import Connected
from tlcore.errors import ConflictError, NotFoundError
from tlcore.queries import queued
from tlcore.records import ACTIVE, Job, Series
from tlcore.schema import jobs, series


class SeriesTable:
    """What the store knows of series; `Store.series` is the one to use."""

    def __init__(self, reading: Connected, writing: Connected, clock: Callable[[], float]) -> None:
        self._reading, self._writing, self._clock = reading, writing, clock

    def add(self, kind: str, title: str, settings: dict[str, Any], members: Sequence[dict[str, Any]] = (), token: str | None = None) -> int:
        """Record a series and queue its first jobs, all or none; more can be added to it with `Store.add_job`.

        members: kind, title, payload, dataset_id and source_id of each job, in their order.
        token: a second series with the same one is not made; the first one's number is given.
        Raises: ConflictError when a dataset of theirs is gone.
        """
        try:
            with self._writing() as connection:
                values = {"kind": kind, "title": title[:300], "settings": settings, "token": token}
                key = connection.execute(series.insert().values(**values, created_at=self._clock())).inserted_primary_key
                assert key is not None
                for member in members:
                    connection.execute(queued(self._clock(), **member, series=key[0]))
                return int(key[0])
        except sa.exc.IntegrityError:
            earlier = self.by_token(token) if token is not None else None
            if earlier is None:
                raise ConflictError(f"'{title}' can't be queued: its dataset was deleted meanwhile.") from None
            return earlier.id

    def get(self, series_id: int) -> Series:
        """A series by its number. Raises NotFoundError."""
        found = self._first(series.c.id == series_id)
        if found is None:
            raise NotFoundError(f"series {series_id} not found. The Tune page lists the ones that exist.")
        return found

    def by_token(self, token: str) -> Series | None:
        """The series that a submission with this token made."""
        return self._first(series.c.token == token)

    def _first(self, condition: sa.ColumnElement[bool]) -> Series | None:
        with self._reading() as connection:
            row = connection.execute(sa.select(series).where(condition)).mappings().first()
        return None if row is None else Series.of(row)

    def listed(self, kind: str | None = None, limit: int = 50) -> list[Series]:
        """Series of which there are jobs, newest first."""
        has_jobs = sa.exists().where(jobs.c.series == series.c.id)
        query = sa.select(series).where(has_jobs).order_by(series.c.id.desc()).limit(limit)
        with self._reading() as connection:
            rows = connection.execute(query if kind is None else query.where(series.c.kind == kind)).mappings()
            return [Series.of(row) for row in rows]

    def titles(self, series_ids: Collection[int]) -> dict[int, str]:
        """What these series are called."""
        query = sa.select(series.c.id, series.c.title).where(series.c.id.in_(list(series_ids)))
        with self._reading() as connection:
            return {each: title for each, title in connection.execute(query)}

    def change(self, series_id: int, settings: dict[str, Any]) -> None:
        """Give a series other settings."""
        with self._writing() as connection:
            connection.execute(series.update().where(series.c.id == series_id).values(settings=settings))

    def jobs(self, series_id: int) -> list[Job]:
        """The jobs of a series that are there, in the order in which they were queued."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(jobs).where(jobs.c.series == series_id).order_by(jobs.c.id)).mappings()
            return [Job.of(row) for row in rows]

    def forget(self, series_id: int) -> bool:
        """Delete a series; jobs that are left stand alone from then on. False while one of them is active."""
        active = sa.exists().where(jobs.c.series == series_id, jobs.c.state.in_(list(ACTIVE)))
        with self._writing() as connection:
            return connection.execute(series.delete().where(series.c.id == series_id, ~active)).rowcount == 1

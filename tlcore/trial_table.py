"""A study's trials in the store, without their settings and results, which are long."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from tlcore.connections import Connected
from tlcore.records import Job, JobState
from tlcore.schema import jobs


class TrialTable:
    """What the store knows of the runs of a study; `Store.trials` is the one to use."""

    def __init__(self, reading: Connected) -> None:
        self._reading = reading

    def job(self, series_id: int) -> Job | None:
        """The job that carries a study out."""
        query = sa.select(jobs).where(jobs.c.series == series_id, jobs.c.kind == "study")
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Job.of(row)

    def ended(self, series_id: int) -> int:
        """How many runs of a study have come to an end, whatever it was; interrupted ones have not."""
        over = jobs.c.state.in_([JobState.done, JobState.failed, JobState.cancelled])
        query = sa.select(sa.func.count()).where(jobs.c.series == series_id, jobs.c.kind == "train", over)
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def of(self, series_id: int) -> Sequence[sa.RowMapping]:
        """Runs that say which trial they are, in the order in which they were made.

        Columns: id, state, attempt, worked_s, message, error, trial (as in the payload), best (figures of the best epoch, of a finished one).
        """
        trial, best = jobs.c.payload["trial"], jobs.c.result["best"]
        columns = (jobs.c.id, jobs.c.state, jobs.c.attempt, jobs.c.worked_s, jobs.c.message, jobs.c.error)
        query = sa.select(*columns, trial.label("trial"), best.label("best"))
        mine = jobs.c.series == series_id, jobs.c.kind == "train"
        with self._reading() as connection:
            return [row for row in connection.execute(query.where(*mine).order_by(jobs.c.id)).mappings() if row["trial"] is not None]

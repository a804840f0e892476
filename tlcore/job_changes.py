"""Changes of jobs from outside their worker: each is one conditional UPDATE, and zero rows mean that somebody else won."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from tlcore.errors import ConflictError
from tlcore.job_reads import JobReads
from tlcore.queries import cards_asked, changed, end_of_queue, held, noted, queued, waiting
from tlcore.records import ACTIVE, RESUMABLE, Job, JobState
from tlcore.schema import jobs


class JobChanges(JobReads):
    """What the pages, the supervisor and the command line do to jobs; `Store` has it all."""

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
        take = changed(jobs.c.id == first, jobs.c.state == JobState.queued).values(
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
                changed(jobs.c.id == job_id, jobs.c.state == JobState.queued).values(
                    state=JobState.cancelled, finished_at=self._clock(), message="Cancelled before it began."
                )
            )
            connection.execute(
                changed(jobs.c.id == job_id, jobs.c.state == JobState.running).values(cancel_requested=True)
            )
        return self.job(job_id).state

    def requeue(self, job_id: int, states: Collection[JobState] = RESUMABLE, payload: dict[str, Any] | None = None) -> bool:
        """Put a failed, cancelled or interrupted job at the end of the queue, with another payload if one is given; False when it is none of these."""
        more = {} if payload is None else {"payload": payload}
        change = changed(jobs.c.id == job_id, jobs.c.state.in_(list(states))).values(
            state=JobState.queued,
            position=end_of_queue(),
            cancel_requested=False,
            owner=None,
            error=None,
            traceback=None,
            finished_at=None,
            message="",
            **more,
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
                    changed(*held(job.id, job.attempt)).values(
                        state=state, error=message, finished_at=self._clock()
                    )
                ).rowcount
                == 1
            )

    def put_back(self, job: Job, payload: dict[str, Any]) -> bool:
        """Queue a running job again whose worker is gone, where it was in line; cancelled ones aren't. False where it was changed meanwhile."""
        change = changed(*held(job.id, job.attempt), ~jobs.c.cancel_requested).values(state=JobState.queued, owner=None, payload=payload)
        with self._writing() as connection:
            return connection.execute(change).rowcount == 1

    def rename(self, job_id: int, title: str) -> None:
        """Give a job another title. Raises NotFoundError, ConflictError."""
        if not title.strip():
            raise ConflictError("A run needs a name of one character or more.")
        with self._writing() as connection:
            connection.execute(changed(jobs.c.id == job_id).values(title=title.strip()[:300]))
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
            connection.execute(changed(jobs.c.id == job_id))
            connection.execute(noted(job_id, self._clock(), message, level))

"""Conditions and columns that the store's queries share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from tlcore.records import JobState
from tlcore.schema import datasets, events, hidden_runs, jobs, run_tags


def wanted(
    kind: str | None, states: Collection[JobState] | None, find: str, hidden: bool | None = None
) -> Iterator[sa.ColumnElement[bool]]:
    """What the jobs of this kind, in these states, with these words must meet; see `Store.jobs`."""
    if kind is not None:
        yield jobs.c.kind == kind
    if states is not None:
        yield jobs.c.state.in_(list(states))
    if hidden is not None:
        yield is_hidden(hidden)
    for word in find.split():
        of_dataset = sa.select(datasets.c.id).where(datasets.c.name.icontains(word, autoescape=True))
        tagged = sa.select(run_tags.c.job_id).where(run_tags.c.tag.icontains(word, autoescape=True))
        held = [jobs.c.title.icontains(word, autoescape=True), jobs.c.dataset_id.in_(of_dataset), jobs.c.source_id.in_(of_dataset), jobs.c.id.in_(tagged)]
        if is_number(word):
            held.append(jobs.c.id == int(word))
        yield sa.or_(*held)


def is_hidden(hidden: bool) -> sa.ColumnElement[bool]:
    """That a run was hidden, or that it wasn't."""
    found = jobs.c.id.in_(sa.select(hidden_runs.c.job_id))
    return found if hidden else ~found


def is_number(word: str) -> bool:
    """Whether it may be a job's number."""
    return word.isascii() and word.isdigit() and len(word) < 10


# Runs of earlier versions and imports say nothing of cards.
cards_asked = sa.func.coalesce(jobs.c.payload[("config", "train", "devices")].as_integer(), 1)


def waiting(kind: str | None, column: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """A column of the jobs in line, the first one first; of every kind where none is named."""
    query = sa.select(column).where(jobs.c.state == JobState.queued).order_by(jobs.c.position, jobs.c.id)
    return query if kind is None else query.where(jobs.c.kind == kind)


def held(job_id: int, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    """That this attempt still owns the job."""
    return (jobs.c.id == job_id, jobs.c.attempt == attempt, jobs.c.state == JobState.running)


def end_of_queue() -> Any:
    """The place behind every job that was ever in line."""
    queue = jobs.alias("queue")
    return sa.select(sa.func.coalesce(sa.func.max(queue.c.position), 0) + 1).scalar_subquery()


def queued(at: float, **values: Any) -> sa.Insert:
    """A new job at the end of the line, at a moment in unix seconds."""
    return jobs.insert().values(**values, state=JobState.queued, position=end_of_queue(), created_at=at)


def noted(job_id: int, at: float, message: str, level: str) -> sa.Insert:
    """A line in a job's log, at a moment in unix seconds."""
    return events.insert().values(job_id=job_id, at=at, level=level, message=message)


def changed(*conditions: sa.ColumnElement[bool]) -> sa.Update:
    """An update of these jobs that readers notice; see `Store.version`."""
    return jobs.update().where(*conditions).values(changes=jobs.c.changes + 1)

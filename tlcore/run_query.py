"""Which runs a list shows, in which order and in which groups: as a value that a link can hold, and as SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import sqlalchemy as sa

from tlcore.queries import is_hidden, is_number, wanted
from tlcore.records import JobState
from tlcore.run_facts import COSTS, FIGURES
from tlcore.schema import facts, jobs, run_tags

Hidden = Literal["without", "with", "only"]

SORTS = ("newest", *FIGURES, *COSTS, "name")
"""Newest, highest figure, lowest cost, or first name first; runs that lack it come last."""

GROUPS = ("dataset", "backbone", "strategy", "tag", "series")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What runs must meet to be listed; an empty field asks for nothing. Of several tags they must have all."""

    states: tuple[JobState, ...] = ()
    datasets: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    series: tuple[int, ...] = ()
    find: str = ""  # As for `Store.jobs`.
    hidden: Hidden = "without"
    sort: str = "newest"

    @property
    def filtered(self) -> bool:
        """Whether anything but the order is asked for."""
        return self != Wanted(sort=self.sort)


joined = jobs.outerjoin(facts, facts.c.job_id == jobs.c.id)


def conditions(asked: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    """What the rows of `joined` must meet."""
    hidden = None if asked.hidden == "with" else asked.hidden == "only"
    yield from wanted("train", asked.states or None, asked.find, hidden)
    for column, values in ((facts.c.dataset, asked.datasets), (facts.c.backbone, asked.backbones), (facts.c.strategy, asked.strategies), (jobs.c.series, asked.series)):
        if values:
            yield column.in_(values)
    for tag in asked.tags:
        yield jobs.c.id.in_(sa.select(run_tags.c.job_id).where(run_tags.c.tag == tag))


def order(asked: Wanted) -> Iterator[Any]:
    """By what the rows are sorted."""
    if is_number(asked.find.strip()):
        yield (jobs.c.id == int(asked.find)).desc()
    if asked.sort in FIGURES:
        yield facts.c[asked.sort].desc().nulls_last()
    elif asked.sort in COSTS:
        yield facts.c[asked.sort].asc().nulls_last()
    elif asked.sort == "name":
        yield sa.func.lower(jobs.c.title)
    yield jobs.c.id.desc()


def grouped(asked: Wanted, by: str, figure: str) -> sa.Select[Any]:
    """One row a group: key, runs, finished (with the figure), best, mean, squares, test_sets; the best mean first.

    squares: sum of the squared differences from the mean, which a difference of two large sums wouldn't give exactly.
    """
    key, source = _key(by)
    value = facts.c[figure]
    tested = sa.case((value.is_not(None), facts.c.tested_on))  # Of those whose figure counts.
    each = sa.select(key.label("key"), value.label("value"), tested.label("tested"), sa.func.avg(value).over(partition_by=key).label("mean"))
    rows = each.select_from(source).where(*conditions(asked)).subquery()
    away, mean = rows.c.value - rows.c.mean, sa.func.avg(rows.c.value)
    lower = figure in COSTS
    return sa.select(
        rows.c.key,
        sa.func.count().label("runs"),
        sa.func.count(rows.c.value).label("finished"),
        (sa.func.min if lower else sa.func.max)(rows.c.value).label("best"),
        mean.label("mean"),
        sa.func.sum(away * away).label("squares"),
        sa.func.count(rows.c.tested.distinct()).label("test_sets"),
    ).group_by(rows.c.key).order_by((mean.asc() if lower else mean.desc()).nulls_last(), rows.c.key)


def _key(by: str) -> tuple[Any, Any]:
    """What a group has in common, and where it stands; a run is in the group of each of its tags."""
    if by == "tag":
        return run_tags.c.tag, joined.outerjoin(run_tags, run_tags.c.job_id == jobs.c.id)
    return (jobs.c.series if by == "series" else facts.c[by]), joined


def in_use() -> dict[str, sa.Select[Any]]:
    """Names that can be asked for with the number of runs of each, hidden ones left out."""
    shown = (jobs.c.kind == "train", is_hidden(False))
    found: dict[str, sa.Select[Any]] = {}
    for name in ("dataset", "backbone", "strategy"):
        column = facts.c[name]
        found[name] = sa.select(column, sa.func.count()).select_from(joined).where(*shown, column.is_not(None)).group_by(column).order_by(column)
    found["series"] = sa.select(jobs.c.series, sa.func.count()).where(*shown, jobs.c.series.is_not(None)).group_by(jobs.c.series).order_by(jobs.c.series.desc())
    of_tags = run_tags.join(jobs, jobs.c.id == run_tags.c.job_id)
    found["tag"] = sa.select(run_tags.c.tag, sa.func.count()).select_from(of_tags).where(*shown).group_by(run_tags.c.tag).order_by(run_tags.c.tag)
    return found


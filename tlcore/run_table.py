"""Runs as a table: filtered, sorted, grouped, a page at a time, whatever their number."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from tlcore import run_facts
from tlcore.connections import Connected
from tlcore.records import Job, RunGroup
from tlcore.run_facts import COSTS, FIGURES
from tlcore.run_query import Wanted, conditions, grouped, in_use, joined, order
from tlcore.schema import facts, jobs


class RunTable:
    """What lists and charts ask about many runs; `Store.runs` is the one to use."""

    def __init__(self, reading: Connected, writing: Connected) -> None:
        self._reading, self._writing = reading, writing

    def page(self, asked: Wanted, limit: int = 25, offset: int = 0) -> list[Job]:
        """The runs that are asked for, in that order; so many, after so many."""
        self._refresh()
        # Sorted by number alone: otherwise every run's settings and result would go through the sorting.
        ids = sa.select(jobs.c.id).select_from(joined).where(*conditions(asked)).order_by(*order(asked)).limit(limit).offset(offset)
        with self._reading() as connection:
            places = {run: place for place, run in enumerate(connection.execute(ids).scalars())}
            rows = connection.execute(sa.select(jobs).where(jobs.c.id.in_(list(places)))).mappings()
            return sorted((Job.of(row) for row in rows), key=lambda run: places[run.id])

    def count(self, asked: Wanted) -> int:
        """How many runs are asked for."""
        self._refresh()
        query = sa.select(sa.func.count()).select_from(joined).where(*conditions(asked))
        with self._reading() as connection:
            return connection.execute(query).scalar_one()

    def groups(self, asked: Wanted, by: str, figure: str = "accuracy") -> list[RunGroup]:
        """The runs that are asked for in groups, the best mean first; a run with several tags is in each of theirs.

        by: one of run_query.GROUPS. figure: one of run_facts.FIGURES or COSTS.
        """
        self._refresh()
        with self._reading() as connection:
            return [_group(row) for row in connection.execute(grouped(asked, by, figure)).mappings()]

    def choices(self) -> dict[str, dict[Any, int]]:
        """What can be asked for: by dataset, backbone, strategy, series and tag, each with its number of runs."""
        self._refresh()
        with self._reading() as connection:
            return {name: {value: runs for value, runs in connection.execute(query)} for name, query in in_use().items()}

    def test_sets(self) -> list[dict[str, Any]]:
        """On what finished runs were tested: tested_on, name (short), dataset, pictures, runs, newest; the most runs first, hidden ones left out."""
        self._refresh()
        newest = sa.func.max(jobs.c.id)
        query = sa.select(
            facts.c.tested_on, sa.func.max(facts.c.dataset).label("dataset"), sa.func.max(facts.c.pictures).label("pictures"),
            sa.func.count().label("runs"), newest.label("newest"),
        ).select_from(joined).where(*conditions(Wanted()), facts.c.accuracy.is_not(None)).group_by(facts.c.tested_on).order_by(sa.func.count().desc(), newest.desc())
        with self._reading() as connection:
            found = [dict(row) for row in connection.execute(query).mappings()]
        return [row | {"name": hashlib.sha256(str(row["tested_on"]).encode()).hexdigest()[:12]} for row in found]

    def facts(self, tested_on: str, names: Sequence[str] = tuple(FIGURES | COSTS)) -> list[dict[str, Any]]:
        """Of every run that was tested on these pictures: run, title, backbone, strategy and the figures and costs of these names.

        Newest first, hidden ones left out.
        """
        self._refresh()
        columns = [jobs.c.id.label("run"), jobs.c.title, facts.c.backbone, facts.c.strategy, *(facts.c[name] for name in names)]
        query = sa.select(*columns).select_from(joined).where(*conditions(Wanted()), facts.c.tested_on == tested_on, facts.c.accuracy.is_not(None))
        with self._reading() as connection:
            found = connection.execute(query.order_by(jobs.c.id.desc()))
            keys = tuple(found.keys())
            return [dict(zip(keys, row, strict=True)) for row in found]

    def tested_on(self, run_id: int) -> str | None:
        """On what a finished run was tested, as `test_sets` names it."""
        self._refresh()
        with self._reading() as connection:
            return connection.execute(sa.select(facts.c.tested_on).where(facts.c.job_id == run_id)).scalar()

    def _refresh(self) -> None:
        run_facts.bring_up_to_date(self._reading, self._writing)


def _group(row: sa.RowMapping) -> RunGroup:
    n = row["finished"]
    sd = math.sqrt(row["squares"] / (n - 1)) if n > 1 else None
    return RunGroup(row["key"], row["runs"], n, row["best"], row["mean"], sd, row["test_sets"])

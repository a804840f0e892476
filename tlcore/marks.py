"""Pictures of a dataset that somebody marked as in the wrong class, to be left out of its next revision."""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa

from tlcore.connections import Connected
from tlcore.schema import marks

AT_ONCE = 500  # Below the number of values that a statement may have.


class MarkTable:
    """What the store knows of marked pictures; `Store.marks` is the one to use. A mark goes with its dataset."""

    def __init__(self, reading: Connected, writing: Connected, clock: Callable[[], float]) -> None:
        self._reading, self._writing, self._clock = reading, writing, clock

    def of(self, dataset_id: str) -> frozenset[str]:
        """Content ids of the marked pictures of a dataset."""
        with self._reading() as connection:
            return frozenset(connection.execute(sa.select(marks.c.content_id).where(marks.c.dataset_id == dataset_id)).scalars())

    def set(self, dataset_id: str, content_ids: Collection[str]) -> None:
        """Mark pictures; those that are marked already stay so."""
        with self._writing() as connection:
            known = set(connection.execute(sa.select(marks.c.content_id).where(marks.c.dataset_id == dataset_id)).scalars())
            new = [{"dataset_id": dataset_id, "content_id": each, "at": self._clock()} for each in dict.fromkeys(content_ids) if each not in known]
            if new:
                connection.execute(marks.insert(), new)

    def clear(self, dataset_id: str, content_ids: Collection[str]) -> None:
        """Take marks off pictures."""
        wanted = list(content_ids)
        with self._writing() as connection:
            for start in range(0, len(wanted), AT_ONCE):
                some = wanted[start : start + AT_ONCE]
                connection.execute(marks.delete().where(marks.c.dataset_id == dataset_id, marks.c.content_id.in_(some)))

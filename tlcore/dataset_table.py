"""The store's datasets: what is recorded of each, and which runs use it."""

from __future__ import annotations

import contextlib
import dataclasses

import sqlalchemy as sa

from tlcore.connections import Connections
from tlcore.errors import ConflictError, NotFoundError
from tlcore.records import DatasetRecord
from tlcore.schema import datasets, jobs


class DatasetTable(Connections):
    """What the store knows of datasets; `Store` has it all."""

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
            insert_dataset(connection, record)
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


def insert_dataset(connection: sa.Connection, record: DatasetRecord) -> None:
    """Record it in a transaction that is under way. Raises ConflictError when its name is taken."""
    try:
        connection.execute(datasets.insert().values(**dataclasses.asdict(record)))
    except sa.exc.IntegrityError:
        raise ConflictError(f"A dataset named '{record.name}' exists already. Choose another name.") from None

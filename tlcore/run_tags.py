"""What people note about runs: tags, and which ones they don't want to see; neither changes a run."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

import sqlalchemy as sa

from tlcore.connections import Connected
from tlcore.errors import InputError, NotFoundError
from tlcore.schema import hidden_runs, jobs, run_tags

LONGEST_TAG = 40


class TagTable:
    """Tags and hidden runs; `Store.tags` is the one to use."""

    def __init__(self, reading: Connected, writing: Connected) -> None:
        self._reading, self._writing = reading, writing

    def of(self, run_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
        """The tags of each of these runs, in alphabetical order."""
        found: dict[int, list[str]] = {run: [] for run in run_ids}
        query = sa.select(run_tags.c.job_id, run_tags.c.tag).where(run_tags.c.job_id.in_(list(found))).order_by(run_tags.c.tag)
        with self._reading() as connection:
            for run, tag in connection.execute(query):
                found[run].append(tag)
        return {run: tuple(tags) for run, tags in found.items()}

    def known(self) -> list[str]:
        """All tags that a run has, in alphabetical order."""
        with self._reading() as connection:
            return list(connection.execute(sa.select(run_tags.c.tag).distinct().order_by(run_tags.c.tag)).scalars())

    def change(self, run_ids: Collection[int], add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Give tags to runs and take others off them, all or nothing.

        One that is there already but for upper and lower case is taken as it is written there.
        Raises: InputError for a text that can't be a tag; NotFoundError for a run that isn't there.
        """
        written = {tag.casefold(): tag for tag in self.known()}
        added = {written.setdefault(tag.casefold(), tag) for tag in map(as_tag, add)}
        removed = {written.get(tag.casefold(), tag) for tag in map(as_tag, remove)}
        with self._writing() as connection:
            _refuse_missing(connection, run_ids)
            # What is added anew is taken off first: not every database can leave out what is there.
            connection.execute(run_tags.delete().where(run_tags.c.job_id.in_(list(run_ids)), run_tags.c.tag.in_([*added, *removed])))
            if rows := [{"job_id": run, "tag": tag} for run in set(run_ids) for tag in added]:
                connection.execute(run_tags.insert(), rows)

    def hidden(self, run_ids: Collection[int]) -> set[int]:
        """Those of these runs that are hidden."""
        with self._reading() as connection:
            return set(connection.execute(sa.select(hidden_runs.c.job_id).where(hidden_runs.c.job_id.in_(list(run_ids)))).scalars())

    def hide(self, run_ids: Collection[int], hidden: bool = True) -> None:
        """Leave runs out of lists, or show them again; nothing of them is lost. Raises NotFoundError."""
        with self._writing() as connection:
            _refuse_missing(connection, run_ids)
            connection.execute(hidden_runs.delete().where(hidden_runs.c.job_id.in_(list(run_ids))))
            if hidden and run_ids:
                connection.execute(hidden_runs.insert(), [{"job_id": run} for run in set(run_ids)])


def as_tag(text: str) -> str:
    """The text as a tag: in one Unicode form, without spaces around it. Raises InputError."""
    tag = " ".join(unicodedata.normalize("NFC", text).split())
    if not tag or len(tag) > LONGEST_TAG or "," in tag or not tag.isprintable():
        raise InputError(f"'{tag[:60]}' can't be a tag: it takes 1 to {LONGEST_TAG} printable characters without a comma. Choose another.")
    return tag


def _refuse_missing(connection: sa.Connection, run_ids: Collection[int]) -> None:
    there = set(connection.execute(sa.select(jobs.c.id).where(jobs.c.kind == "train", jobs.c.id.in_(list(run_ids)))).scalars())
    if missing := sorted(set(run_ids) - there):
        raise NotFoundError(f"run {missing[0]} not found. The Runs page lists the ones that exist.")

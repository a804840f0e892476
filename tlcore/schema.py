"""The store's tables, its named migrations, and how a database is opened."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from tlcore.errors import ResourceError

BUSY_TIMEOUT_S = 10.0

tables = sa.MetaData()

migrations = sa.Table(
    "migrations", tables, sa.Column("name", sa.String(100), primary_key=True), sa.Column("applied_at", sa.Float, nullable=False)
)

datasets = sa.Table(
    "datasets",
    tables,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("classes", sa.JSON, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(40), nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

series = sa.Table(
    "series",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("token", sa.String(200), unique=True),
    sqlite_autoincrement=True,  # The number of a deleted series is never given to another.
)

jobs = sa.Table(
    "jobs",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("position", sa.Integer, nullable=False),  # Place in the queue; a resumed job goes to its end.
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("dataset_id", sa.ForeignKey("datasets.id"), nullable=True),
    sa.Column("source_id", sa.ForeignKey("datasets.id"), nullable=True),  # Of a run that learns from another domain.
    sa.Column("series", sa.ForeignKey("series.id", ondelete="SET NULL"), nullable=True),  # The experiment that it is a part of.
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("phase", sa.String(40), nullable=False, default=""),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("error", sa.Text),
    sa.Column("traceback", sa.Text),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("worked_s", sa.Float, nullable=False, default=0.0),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("owner", sa.String(100)),
    sa.Column("token", sa.String(200), unique=True),
    sa.Column("changes", sa.Integer, nullable=False, default=0),
    sa.Index("jobs_in_line", "state", "position"),
    sqlite_autoincrement=True,  # A deleted run's number is never given to another.
)

# A thousand runs are found without reading their settings and results, which lie in the same rows.
HISTORY_INDEXES = (
    sa.Index("jobs_by_kind", jobs.c.kind, jobs.c.id),
    sa.Index("jobs_by_state", jobs.c.kind, jobs.c.state, jobs.c.id),
    sa.Index("jobs_of_dataset", jobs.c.dataset_id, jobs.c.id),
)
SOURCE_INDEX = sa.Index("jobs_of_source", jobs.c.source_id, jobs.c.id)
SERIES_INDEX = sa.Index("jobs_of_series", jobs.c.series, jobs.c.id)

epochs = sa.Table(
    "epochs",
    tables,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("checkpoint", sa.String(200), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)

events = sa.Table(
    "events",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

# What lists ask of every run, by `run_facts` taken out of its settings and result: going through 2,000 runs' JSON takes
# 30 to 90 ms a question, through these rows one or two.
facts = sa.Table(
    "run_facts",
    tables,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("done", sa.Boolean, nullable=False),  # Whether they are those of its end.
    sa.Column("dataset", sa.String(200)),
    sa.Column("backbone", sa.String(100)),
    sa.Column("strategy", sa.String(100)),
    sa.Column("tested_on", sa.Text),  # Equal for runs that were tested on the same pictures.
    sa.Column("pictures", sa.Integer),  # How many these are.
    *(sa.Column(name, sa.Float) for name in (
        "val_accuracy", "accuracy", "balanced_accuracy", "macro_f1", "auc",
        "seconds", "parameters", "learned", "bytes", "latency_ms",
    )),
)

run_tags = sa.Table(
    "run_tags",
    tables,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("tag", sa.String(40), primary_key=True),
    sa.Index("runs_of_tag", "tag", "job_id"),
)

hidden_runs = sa.Table("hidden_runs", tables, sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True))

marks = sa.Table(
    "marks",
    tables,
    sa.Column("dataset_id", sa.ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("content_id", sa.String(64), primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
)


def _first_tables(connection: sa.Connection) -> None:
    tables.create_all(connection, tables=[datasets, series, jobs, epochs, events])


def _history_indexes(connection: sa.Connection) -> None:
    for index in HISTORY_INDEXES:
        index.create(connection, checkfirst=True)  # A new store has them from its first tables.


def _sources_of_runs(connection: sa.Connection) -> None:
    _add_to_jobs(connection, "source_id", "VARCHAR(100) REFERENCES datasets (id)")
    SOURCE_INDEX.create(connection, checkfirst=True)


def _series_of_runs(connection: sa.Connection) -> None:
    series.create(connection, checkfirst=True)
    _add_to_jobs(connection, "series", "INTEGER REFERENCES series (id) ON DELETE SET NULL")
    SERIES_INDEX.create(connection, checkfirst=True)


def _marks_of_pictures(connection: sa.Connection) -> None:
    marks.create(connection, checkfirst=True)


def _facts_tags_hidden(connection: sa.Connection) -> None:
    tables.create_all(connection, tables=[facts, run_tags, hidden_runs])


def _add_to_jobs(connection: sa.Connection, column: str, what: str) -> None:
    if column not in {each["name"] for each in sa.inspect(connection).get_columns("jobs")}:  # A new store has it.
        connection.execute(sa.DDL(f"ALTER TABLE jobs ADD COLUMN {column} {what}"))


# Applied in this order, each once; a name is never changed or taken out after a release.
MIGRATIONS: tuple[tuple[str, Callable[[sa.Connection], None]], ...] = (
    ("first-tables", _first_tables),
    ("history-indexes", _history_indexes),
    ("sources-of-runs", _sources_of_runs),
    ("series-of-runs", _series_of_runs),
    ("marks-of-pictures", _marks_of_pictures),
    ("facts-tags-and-hidden-runs", _facts_tags_hidden),
)


MIGRATION_LOCK = 7_238_101  # Any number that nothing else in the database locks.


def open_engine(url: str) -> sa.Engine:
    """Connect and bring the tables up to date. Raises ResourceError when the store can't be opened."""
    engine = sa.create_engine(url, json_serializer=to_json, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    with translated(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's writers wait for each other anyway.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        tables.create_all(connection, tables=[migrations])
        applied = set(connection.execute(sa.select(migrations.c.name)).scalars())
        for name, apply in MIGRATIONS:
            if name not in applied:
                apply(connection)
                connection.execute(migrations.insert().values(name=name, applied_at=time.time()))
    return engine


def _prepare_sqlite(engine: sa.Engine) -> None:
    """The only SQLite-specific part: WAL, waiting for locks, and transactions that begin as writers."""

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # The driver must not begin transactions of its own.
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
        _switch_to_wal(connection)
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # A reader that turns writer inside a transaction fails at once instead of waiting.
        reads = connection.get_execution_options().get("reads_only", False)
        if not reads:  # NORMAL may lose the last commits in a power cut, which progress can bear.
            durable = connection.get_execution_options().get("durable", True)
            connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _switch_to_wal(connection: Any) -> None:
    """Once in a store's life; SQLite doesn't wait here by itself when several open a new store at once."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the database says about locks and disks into a ResourceError."""
    try:
        yield
    except sa.exc.OperationalError as error:
        text = str(error.orig).lower()
        if "locked" in text or "busy" in text:
            message = f"The store is locked by another process for more than {BUSY_TIMEOUT_S:.0f} s. Close what holds it, then try again."
        elif "full" in text:
            message = "Disk full: the store can't be written. Free some space, then try again."
        elif "unable to open" in text or "readonly" in text or "connect" in text:
            message = f"The store can't be opened ({error.orig}). Check that the workspace folder exists and may be written."
        else:
            raise
        raise ResourceError(message) from error


def to_json(value: Any) -> str:
    """JSON without NaN and infinities, which not every database takes: they become null."""
    return json.dumps(_finite(value), allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # A NumPy scalar.
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value

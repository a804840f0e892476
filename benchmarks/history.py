"""A workspace with a long history: a few real finished runs, and their like up to any number.

The real ones are linear classifiers on the built-in digits, recorded as a worker records. The others have
the same rows in the store with other settings, scores and times; the newest ones have files as well.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from tests.finished_run import finished_run
from tlcore.config import RunConfig
from tlcore.schema import epochs, events, jobs, open_engine
from tlcore.store import Store
from tlcore.workspace import Workspace

EPOCHS = (10, 14, 18, 22, 26, 30)
WITH_FILES = 4
LOG_LINES = 20
Row = dict[str, Any]


def make(workspace: Workspace, runs: int) -> list[int]:
    """Fill an empty workspace with `runs` finished runs; gives those that have files, newest first."""
    store = Store.open(workspace.create())
    real = [finished_run(store, workspace, train__epochs=count, train__seed=seed) for seed, count in enumerate(EPOCHS)]
    store.close()
    if runs < len(real):
        raise ValueError(f"a history begins with {len(real)} runs, not {runs}")
    engine = open_engine(workspace.store_url)
    with engine.begin() as connection:
        originals = [_rows(connection, run) for run in real]
        for run, original in zip(range(len(real) + 1, runs + 1), itertools.cycle(originals), strict=False):
            _write(connection, run, *original)
    engine.dispose()
    newest = list(range(max(len(real), runs - WITH_FILES) + 1, runs + 1))
    for run in newest:
        shutil.copytree(workspace.run(real[(run - 1) % len(real)]), workspace.run(run))
    return [*reversed(newest), *reversed(real)]


def _rows(connection: sa.Connection, run: int) -> tuple[Row, list[Row], list[Row]]:
    """The run's own row, those of its epochs, and those of its log, as long as a network's."""
    (job,) = (dict(row) for row in connection.execute(sa.select(jobs).where(jobs.c.id == run)).mappings())
    curve = [dict(row) for row in connection.execute(sa.select(epochs).where(epochs.c.job_id == run)).mappings()]
    (line,) = (dict(row) for row in connection.execute(sa.select(events).where(events.c.job_id == run)).mappings())
    return job, curve, [{**line, "message": f"epoch {number}: {line['message']}"} for number in range(LOG_LINES)]


def _write(connection: sa.Connection, run: int, job: Mapping[str, Any], curve: list[Row], log: list[Row]) -> None:
    chance = random.Random(run)
    settings = job["payload"]["config"]
    config = {**settings, "name": f"digits, step {run}" if run % 3 else "", "train": {**settings["train"], "seed": run}}
    result = {**job["result"], "test_accuracy": round(chance.uniform(0.6, 0.99), 4), "test_macro_f1": round(chance.uniform(0.6, 0.99), 4)}
    values = {
        **job,
        "id": run,
        "title": RunConfig.model_validate(config).title,
        "payload": {**job["payload"], "config": config},
        "result": result,
        "position": run,
        "token": None,
        "created_at": job["created_at"] + run,
        "finished_at": job["finished_at"] + run,
    }
    connection.execute(jobs.insert().values(**values))
    connection.execute(epochs.insert(), [{**row, "job_id": run} for row in curve])
    connection.execute(events.insert(), [{name: value for name, value in row.items() if name != "id"} | {"job_id": run} for row in log])

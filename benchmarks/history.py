"""A workspace with a long history: a few real finished runs, and their like up to any number.

The real ones are linear classifiers, recorded as a worker records: some on the built-in digits, eight on
ten times as many noisy ones, of which 10,000 are test pictures. The others have the same rows in the store
as those on the built-in digits, with other settings, scores, sizes and times, and no files.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from tests.finished_run import finished_run
from tlcore import jobs as records
from tlcore.config import RunConfig
from tlcore.datasets.ingest import Plan, ingest
from tlcore.datasets.stored import from_pixels
from tlcore.reporter import NullReporter
from tlcore.schema import epochs, events, jobs, open_engine
from tlcore.store import Store
from tlcore.workspace import Workspace

EPOCHS = (10, 14, 18, 22, 26, 30)
LARGE, TRAIN, TEST = "many-digits", 2_000, 10_000
LARGE_RUNS = 8
LOG_LINES = 20
AGO_S = 7 * 86_400.0
BACKBONES = ("ResNet20", "MobileNetV2", "VGG16", "EfficientNetB0")
TAGS = ("baseline", "thesis", "to repeat")
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Begun:
    """A workspace with the real runs: those on the digits, and those with many test pictures."""

    workspace: Workspace
    real: tuple[int, ...]
    large: tuple[int, ...]


def begin(workspace: Workspace) -> Begun:
    """Fill an empty workspace with the real runs."""
    store = Store.open(workspace.create())
    real = tuple(finished_run(store, workspace, train__epochs=count, train__seed=seed) for seed, count in enumerate(EPOCHS))
    store.add_dataset(records.dataset_record(ingest(_many_digits(), LARGE, workspace, NullReporter()), workspace))
    # Four settings with two seeds each: a comparison has both groups of seeds and settings that differ.
    rates = [0.001, 0.003, 0.01, 0.03]
    large = tuple(
        finished_run(store, workspace, name=f"many pictures {number + 1}", dataset=LARGE, train__epochs=8, train__seed=number % 2, optimizer__learning_rate=rates[number // 2])
        for number in range(LARGE_RUNS)
    )
    store.close()
    return Begun(workspace, real, large)


def grow(begun: Begun, folder: Path, runs: int) -> Begun:
    """A copy of the workspace with so many finished runs in all."""
    workspace = Workspace(folder)
    shutil.copytree(begun.workspace.root, workspace.root)
    last = max(begun.large)
    if runs < last:
        raise ValueError(f"a history begins with {last} runs, not {runs}")
    engine = open_engine(workspace.store_url)
    with engine.begin() as connection:
        originals = [_rows(connection, run) for run in begun.real]
        for run, original in zip(range(last + 1, runs + 1), itertools.cycle(originals), strict=False):
            _write(connection, run, *original)
    engine.dispose()
    store = Store.open(workspace)
    for place, tag in enumerate(TAGS):
        if tagged := range(last + 1 + place, runs + 1, 7):
            store.tags.change(list(tagged), add=[tag])
    store.close()
    return dataclasses.replace(begun, workspace=workspace)


def _many_digits() -> Plan:
    """Real digits with noise of their own each: as many test pictures as wanted, and no two equal."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(labels), size=TRAIN + TEST)
    pictures = np.clip(pixels[rows] * 15 + rng.normal(0, 40, (len(rows), 64)), 0, 255).astype(np.uint8).reshape(-1, 8, 8)
    return Plan(
        where=LARGE, source="noisy digits", classes=tuple(map(str, range(10))), names=[f"digit {row}" for row in range(len(rows))], labels=labels[rows].tolist(),
        official=["train"] * TRAIN + ["test"] * TEST, read=pictures.__getitem__, store=from_pixels, estimated_bytes=pictures.nbytes,
    )


def _rows(connection: sa.Connection, run: int) -> tuple[Row, list[Row], list[Row]]:
    """The run's own row, those of its epochs, and those of its log, as long as a network's."""
    (job,) = (dict(row) for row in connection.execute(sa.select(jobs).where(jobs.c.id == run)).mappings())
    curve = [dict(row) for row in connection.execute(sa.select(epochs).where(epochs.c.job_id == run)).mappings()]
    (line,) = (dict(row) for row in connection.execute(sa.select(events).where(events.c.job_id == run)).mappings())
    return job, curve, [{**line, "message": f"epoch {number}: {line['message']}"} for number in range(LOG_LINES)]


def _write(connection: sa.Connection, run: int, job: Mapping[str, Any], curve: list[Row], log: list[Row]) -> None:
    chance = random.Random(run)
    settings, backbone = job["payload"]["config"], chance.randrange(len(BACKBONES))
    config = {
        **settings, "name": f"digits, step {run}" if run % 3 else "", "train": {**settings["train"], "seed": run},
        "backbone": {**settings["backbone"], "name": BACKBONES[backbone], "weights": "none"},
    }
    reached = 0.55 + 0.08 * backbone + chance.gauss(0, 0.05)
    figures = {name: round(min(0.999, max(0.1, reached + chance.gauss(0, 0.01))), 4) for name in ("test_accuracy", "test_macro_f1", "best_val_accuracy")}
    costs = {
        "seconds": round(chance.lognormvariate(3 + backbone, 0.7), 2), "total_params": (backbone + 1) ** 3 * 270_000 + chance.randrange(50_000),
        "trainable_params": chance.randrange(640, 200_000), "model_bytes": (backbone + 1) ** 3 * 1_100_000, "latency_ms": round(chance.lognormvariate(backbone, 0.2), 3),
    }
    result = {**job["result"], **figures, **costs, "test": {**job["result"]["test"], "balanced_accuracy": figures["test_accuracy"]}}
    values = {
        **job,
        "id": run,
        "title": RunConfig.model_validate(config).title,
        "payload": {**job["payload"], "config": config},
        "result": result,
        "position": run,
        "token": None,
        "created_at": job["created_at"] - AGO_S + run,
        "finished_at": job["finished_at"] - AGO_S + run,
        "worked_s": costs["seconds"],
    }
    connection.execute(jobs.insert().values(**values))
    connection.execute(epochs.insert(), [{**row, "job_id": run} for row in curve])
    connection.execute(events.insert(), [{name: value for name, value in row.items() if name != "id"} | {"job_id": run} for row in log])

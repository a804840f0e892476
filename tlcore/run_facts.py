"""What lists and charts ask of every run, as columns of their own: taken out of its JSON by the database, once.

The rows are worked out where they are missing whenever a list is asked for: for runs of earlier versions,
for new ones, and for ones that have ended since. So nobody who writes a run has to think of them.
"""

from __future__ import annotations

import contextlib
from typing import Any

import sqlalchemy as sa

from tlcore.connections import Connected
from tlcore.errors import ResourceError
from tlcore.records import JobState
from tlcore.schema import facts, jobs

FIGURES: dict[str, tuple[str, ...]] = {
    "val_accuracy": ("best_val_accuracy",),
    "accuracy": ("test_accuracy",),
    "balanced_accuracy": ("test", "balanced_accuracy"),
    "macro_f1": ("test_macro_f1",),
    "auc": ("test", "auc"),
}
"""The higher the better: name of the column, and where a run's result has it."""

COSTS: dict[str, tuple[str, ...]] = {
    "seconds": ("seconds",),
    "parameters": ("total_params",),
    "learned": ("trainable_params",),
    "bytes": ("model_bytes",),
    "latency_ms": ("latency_ms",),
}
"""The lower the better."""


def fact(result: dict[str, Any] | None, name: str) -> float | None:
    """A figure or cost of a run's result; None where it has none."""
    found: Any = result
    for key in (FIGURES | COSTS)[name]:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def bring_up_to_date(reading: Connected, writing: Connected) -> None:
    """Work out the facts that are missing. Where the store can't be written now, lists do without them."""
    with reading() as connection:
        if connection.execute(_wanting.limit(1)).first() is None:
            return
    # Another process may be at it at this very moment, and then it is done.
    with contextlib.suppress(ResourceError, sa.exc.IntegrityError), writing() as connection:
        ended = sa.select(jobs.c.id).where(jobs.c.kind == "train", jobs.c.state == JobState.done)
        connection.execute(facts.delete().where(~facts.c.done, facts.c.job_id.in_(ended)))
        connection.execute(facts.insert().from_select(list(_taken_out), _all.where(jobs.c.kind == "train", jobs.c.id.not_in(sa.select(facts.c.job_id)))))


def _text(column: sa.Column[Any], *keys: str) -> Any:
    return column[keys].as_string()


def _tested_on() -> Any:
    """The hash of the test pictures' ids; of runs without one, all that the choice of these pictures follows from."""
    config = jobs.c.payload
    halved = _text(config, "config", "source", "dataset") == _text(config, "config", "dataset")  # One dataset, of which the target has a part.
    parts = [
        sa.func.coalesce(jobs.c.dataset_id, _text(config, "config", "dataset")), _text(config, "config", "classes"), _text(config, "config", "split", "test_fraction"), _text(config, "config", "split", "seed"),
        sa.case((halved, _text(config, "config", "target", "fraction") + " " + _text(config, "config", "target", "seed")), else_=""),
    ]
    without: Any = sa.literal("of")
    for part in parts:
        without = without + " " + sa.func.coalesce(part, "")
    return sa.func.coalesce(_text(jobs.c.result, "test_ids_hash"), without)


_taken_out: dict[str, Any] = {
    "job_id": jobs.c.id,
    "done": jobs.c.state == JobState.done,
    "dataset": _text(jobs.c.payload, "config", "dataset"),
    "backbone": _text(jobs.c.payload, "config", "backbone", "name"),
    "strategy": _text(jobs.c.payload, "config", "strategy", "name"),
    "tested_on": sa.case((jobs.c.state == JobState.done, _tested_on())),
    "pictures": jobs.c.result["test_images"].as_integer(),
} | {name: jobs.c.result[keys].as_float() for name, keys in (FIGURES | COSTS).items()}
_all = sa.select(*(value.label(name) for name, value in _taken_out.items()))
_wanting = (
    sa.select(jobs.c.id).select_from(jobs.outerjoin(facts, facts.c.job_id == jobs.c.id))
    .where(jobs.c.kind == "train", sa.or_(facts.c.job_id.is_(None), sa.and_(jobs.c.state == JobState.done, ~facts.c.done)))
)

"""Studies for tests: one of a few settings, and rows of trials as its worker leaves them."""

from __future__ import annotations

from typing import Any

from tlcore.schema import jobs as job_table
from tlcore.store import JobState, Store
from tlcore.tuning.study import Study, parse_study

BASE = {"dataset": "digits", "name": "base"}
SPACE = {
    "head.hidden": {"values": [[], [64]]},
    "optimizer.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "head.dropout": {"low": 0, "high": 0.5},
}


def study(**changes: Any) -> Study:
    return parse_study({"name": "A study", "base": BASE, "space": SPACE, "budget": {"trials": 4}, **changes})


def recorded(store: Store, made: Study) -> int:
    """A study in the store, its job at work."""
    job = {"kind": "study", "title": made.title, "payload": {}}
    series = store.series.add("study", made.title, made.model_dump(mode="json"), [job])
    store.claim("owner", "study")
    return series


def row(
    number: int, state: str = "done", score: float | None = None, role: str = "trial", seconds: float = 2.0, values: dict[str, Any] | None = None,
    seed: int = 0, pruned: bool = False, message: str = "", error: str | None = None,
) -> dict[str, Any]:
    """A trial's run as a row of the table of jobs."""
    about: dict[str, Any] = {"number": number, "values": values or {"head.dropout": number / 100}, "role": role, "seed": seed}
    figures = {"val_accuracy": score, "val_loss": None if score is None else 1 - score}
    if state != "done" and score is not None:
        about["end"] = {"attempt": 1, "pruned": pruned, "best": figures}
    return {
        "kind": "train", "title": f"Trial {number}", "state": JobState(state), "attempt": 1, "position": 0, "payload": {"config": {**BASE, "more": "x" * 2000}, "trial": about},
        "worked_s": seconds, "created_at": 0.0, "message": message, "error": error,
        "result": {"best": figures, "classes": ["a"] * 100} if state == "done" else None,
    }


def add_rows(store: Store, series: int, rows: list[dict[str, Any]]) -> None:
    with store._writing() as connection:
        connection.execute(job_table.insert(), [{**each, "series": series} for each in rows])

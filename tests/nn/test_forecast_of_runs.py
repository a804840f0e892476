"""Forecasts of real small runs: the truth lies within the band most of the time, and nearer after a few runs."""

from __future__ import annotations

import math

import pytest

from tlcore import demo, jobs, tasks, worker
from tlcore.config import parse
from tlcore.forecast.outlook import compared, outlook_of, total_of
from tlcore.store import JobState

KINDS = (
    {"freeze": {"trainable_blocks": 0}},
    {"freeze": {"trainable_blocks": 1}},
    {"head": {"pooling": "flatten", "hidden": [32]}},
)
ROUNDS = 3


@pytest.mark.slow
def test_real_runs_take_about_as_long_as_forecast(store, workspace, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    demo.ensure_built_in("digits", store, workspace)
    off: list[float] = []  # Factor between actual and predicted, run after run.
    held = []
    for seed in range(ROUNDS):
        for kind in KINDS:
            config = parse({"dataset": "digits", "backbone": {"name": "ResNet20", "weights": "none"}, "train": {"epochs": 4, "early_stopping_patience": None, "seed": seed}, **kind})
            run = jobs.submit_run(store, workspace, config, forecast=outlook_of(store, config).to_json())
            assert worker.run_job(store, store.claim("tests"), tasks.train) is JobState.done
            actual, predicted = total_of([row for row in compared(store.job(run)) if row["phase"] != "start"])
            held.append(predicted.holds(actual))
            off.append(math.exp(abs(math.log(actual / predicted.likely))))
    print("within:", held, "off by:", [round(each, 2) for each in off])
    later = off[len(KINDS) :]
    assert sum(held) >= 0.6 * len(held)
    assert sorted(later)[len(later) // 2] < 1.6

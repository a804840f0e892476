"""What the store's rows say of a study: states, the best so far, progress, the time left, and quickly."""

from __future__ import annotations

import time

import pytest

from tests.tuning.studies import add_rows, recorded, row, study
from tlcore.errors import NotFoundError
from tlcore.store import JobState
from tlcore.tuning.trials import TrialState, finalists, gather, listed


def test_a_trial_says_how_it_ended_and_why(store):
    series = recorded(store, study(budget={"trials": 10}))
    add_rows(store, series, [
        row(0, score=0.8, seconds=3.0, values={"head.hidden": [64], "head.dropout": 0.25}),
        row(1, "cancelled", score=0.4, pruned=True, message="Stopped by the study: hopeless."),
        row(2, "failed", error="It became unstable."),
        row(3, "cancelled", score=0.9),
        row(4, "interrupted"),
        row(5, "running"),
        row(6, "queued"),
    ])
    view = gather(store, series)
    assert [trial.state for trial in view.trials] == ["done", "pruned", "failed", "cancelled", "interrupted", "running", "running"]
    assert [trial.note for trial in view.trials[:4]] == ["", "Stopped by the study: hopeless.", "It became unstable.", ""]
    assert view.active and view.asked == 10 and view.finished == 4
    assert view.best == view.trials[0] and view.best.score == 0.8, "one that was cancelled doesn't lead, whatever it had reached"
    assert view.trials[1].score == 0.4 and view.trials[5].score is None and view.final is None
    table = view.table()
    assert list(table.columns) == ["number", "run", "role", "state", "score", "seconds", "note", "head.hidden", "optimizer.learning_rate", "head.dropout"]
    assert table.loc[0, "head.hidden"] == [64] and table.loc[0, "seconds"] == 3.0
    assert [each.id for each in listed(store)] == [series]


def test_an_end_of_an_attempt_before_says_nothing_of_the_next(store):
    series = recorded(store, study())
    add_rows(store, series, [{**row(0, "cancelled", score=0.4, pruned=True), "attempt": 2}])
    trial, = gather(store, series).trials
    assert trial.state is TrialState.cancelled and trial.score is None


def test_less_is_better_for_a_loss(store):
    series = recorded(store, study(goal={"metric": "val_loss"}))
    add_rows(store, series, [row(0, score=0.8), row(1, score=0.9), row(2, score=0.7)])
    best = gather(store, series).best
    assert best is not None and best.number == 1 and best.score == pytest.approx(0.1)


def test_finalists_that_were_repeated_are_judged_by_their_mean(store):
    made = study(seeds=2, finalists=2)
    series = recorded(store, made)
    add_rows(store, series, [row(0, score=0.80), row(1, score=0.90), row(2, score=0.85), row(3, score=0.10)])
    view = gather(store, series)
    assert [trial.number for trial in finalists(view.trials, made)] == [1, 2] and view.best is not None and view.best.number == 1
    add_rows(store, series, [row(1, score=0.70, role="repeat", seed=1), row(2, score=0.83, role="repeat", seed=1)])  # Means 0.80 and 0.84.
    view = gather(store, series)
    assert view.best is not None and view.best.number == 2 and view.best.role == "trial"
    add_rows(store, series, [row(1, score=0.9, role="final"), row(2, score=0.85, role="final")])
    final = gather(store, series).final
    assert final is not None and final.number == 2, "the one of the settings that lead"


def test_progress_counts_repeats_and_the_final_run_too(store):
    series = recorded(store, study(seeds=3, finalists=2))  # 4 settings, 2 × 2 repeats, 1 final: 9 runs.
    assert gather(store, series).progress == 0.0 and gather(store, series).eta_s is None
    add_rows(store, series, [row(0, score=0.8, seconds=2.0), row(1, score=0.8, seconds=4.0), row(2, "running")])
    view = gather(store, series)
    assert view.progress == pytest.approx(2 / 9) and view.eta_s == pytest.approx(7 * 3.0)


def test_minutes_tell_the_time_left_too(store):
    series = recorded(store, study(budget={"minutes": 1.0}, seeds=1))
    job = gather(store, series).job
    store.report(job, worked_s=20.0)
    add_rows(store, series, [row(0, score=0.8, seconds=10.0), row(1, score=0.8, seconds=10.0)])
    view = gather(store, series)
    assert view.asked is None and view.eta_s == pytest.approx(40 + 10) and view.progress == pytest.approx(2 / 7)  # 4 more in 40 s, and the final one.
    store.finish(job, JobState.done)
    assert gather(store, series).progress == 1.0 and gather(store, series).eta_s is None


def test_what_is_no_study_is_not_found(store):
    other = store.series.add("labels", "Labels", {}, [{"kind": "train", "title": "x", "payload": {}}])
    for series in (other, 99):
        with pytest.raises(NotFoundError):
            gather(store, series)


def test_two_thousand_trials_are_read_in_a_tenth_of_a_second(store):
    series = recorded(store, study(budget={"trials": 2000}))
    add_rows(store, series, [row(n, score=n / 3000) for n in range(2000)])
    seconds = []
    for _ in range(3):
        began = time.process_time()
        view = gather(store, series)
        assert view.best is not None and view.best.number == 1999 and view.progress > 0.9
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.1

"""A study at work: what it tries, stops, repeats and tests; what it does with settings that fail; how it goes on."""

from __future__ import annotations

import itertools
import sys
import types

import pytest

import tlcore.nn
from tests.tuning.simulated_trials import carried_out, trial
from tests.tuning.studies import BASE, study
from tlcore import jobs as all_jobs
from tlcore import tasks
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.store import JobState
from tlcore.tuning import jobs
from tlcore.tuning.trials import TrialState, gather

pytestmark = pytest.mark.usefixtures("no_supervisor")
RATES = {"optimizer.learning_rate": {"values": [1e-4, 1e-3, 1e-2]}}
WIDE = {"optimizer.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}, "head.dropout": {"low": 0.0, "high": 0.9}}


@pytest.fixture
def store(with_digits):
    return with_digits


@pytest.fixture
def done(store, monkeypatch):
    """`done(budget={"trials": 3})`: a study that was carried out, as its readers see it."""

    def carry_out(**changes):
        series = jobs.submit(store, study(**changes))
        carried_out(store, monkeypatch)
        return gather(store, series)

    return carry_out


def test_every_combination_of_a_grid_is_tried_in_order_and_the_best_is_tested_once(done, store):
    view = done(sampler="grid", pruner="none", space={**RATES, "head.dropout": {"values": [0.25, 0.5]}}, budget={"trials": 100})
    assert [tuple(t.values.values()) for t in view.settings] == list(itertools.product([1e-4, 1e-3, 1e-2], [0.25, 0.5]))
    assert [t.number for t in view.settings] == list(range(6)) and {t.state for t in view.trials} == {TrialState.done}
    assert view.best.values == {"optimizer.learning_rate": 1e-3, "head.dropout": 0.25}
    finals = [t for t in view.trials if t.role == "final"]
    assert finals == [view.final] and view.final.number == view.best.number and view.final.seed == view.best.seed == 0
    results = {t.run: store.job(t.run).result for t in view.trials}
    assert [run for run, result in results.items() if "test_accuracy" in result] == [view.final.run], "the test pictures are the winner's alone"
    assert view.job.state is JobState.done and view.job.result["best"] == view.best.number and view.job.result["test_accuracy"] == 0.5
    assert view.progress == 1.0 and view.finished == view.asked == 6
    assert store.job(view.best.run).config.optimizer.learning_rate == 1e-3 and store.job(view.best.run).title.endswith("trial 2")


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_samplers_try_what_was_asked_for_and_never_the_same_twice(done, sampler):
    view = done(sampler=sampler, pruner="none", space=WIDE, budget={"trials": 9})
    assert view.finished == 9 and len({str(t.values) for t in view.settings}) == 9
    assert all(1e-5 <= t.values["optimizer.learning_rate"] <= 1e-1 and 0 <= t.values["head.dropout"] <= 0.9 for t in view.settings)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_what_one_begins_with_is_tried_first(done, sampler):
    view = done(sampler=sampler, pruner="none", space={**WIDE, "head.hidden": {"values": [[], [64]]}}, budget={"trials": 3})
    assert view.settings[0].values == {"optimizer.learning_rate": 1e-3, "head.dropout": 0.2, "head.hidden": []}
    assert view.settings[1].values != view.settings[0].values


@pytest.mark.slow
def test_tpe_looks_where_it_pays(done):
    view = done(sampler="tpe", pruner="none", space=WIDE, budget={"trials": 30})
    scores = [t.score for t in view.settings]
    assert sum(scores[-10:]) / 10 > sum(scores[:8]) / 8 + 0.1 and max(scores) > 0.75


def test_a_space_that_is_a_list_ends_when_all_of_it_was_tried(done):
    view = done(sampler="random", pruner="none", space=RATES, budget={"trials": 50})
    assert view.asked == 3 and sorted(t.values["optimizer.learning_rate"] for t in view.settings) == [1e-4, 1e-3, 1e-2]


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_hopeless_trials_end_early_and_say_why(done, store, pruner):
    view = done(sampler="random", pruner=pruner, space=WIDE, budget={"trials": 12})
    pruned = [t for t in view.settings if t.state is TrialState.pruned]
    assert len(pruned) >= 3 and view.finished == 12
    for each in pruned:
        assert each.note.startswith("Stopped by the study: after epoch 3 its validation accuracy was") and each.score is not None and each.score < view.best.score
        assert len(store.epoch_records(each.run)) == 3 and store.job(each.run).state is JobState.cancelled
    assert view.best.state is TrialState.done


def test_finalists_are_repeated_with_other_seeds_and_the_best_mean_wins(done, store):
    view = done(sampler="grid", pruner="none", space=RATES, seeds=3, finalists=2)
    repeats = [(t.number, t.seed) for t in view.trials if t.role == "repeat"]
    assert repeats == [(1, 1), (1, 2), (0, 1), (0, 2)] or repeats == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(store.job(t.run).config.train.seed == t.seed for t in view.trials)
    assert view.best.number == 1 and view.final.number == 1 and view.trials[-1] == view.final


def test_every_depth_of_a_sweep_is_repeated(done):
    view = done(sampler="grid", pruner="none", space=RATES, seeds=2, finalists=None)
    assert sorted((t.number, t.seed) for t in view.trials if t.role != "final") == [(n, seed) for n in range(3) for seed in range(2)]


def test_settings_that_fail_cost_a_trial_and_not_the_study(done):
    view = done(sampler="grid", pruner="none", space={"head.hidden": {"values": [[], [13], [64]]}})
    assert [t.state for t in view.settings] == ["done", "failed", "done"] and view.settings[1].note == "thirteen brings no luck."
    assert view.job.state is JobState.done


def test_settings_that_do_not_go_together_are_a_failed_trial_with_its_sentence(done):
    view = done(
        base={**BASE, "strategy": {"name": "fine_tune"}, "freeze": {"trainable_blocks": 2}}, sampler="grid", pruner="none",
        space={"freeze.trainable_blocks": {"values": [2, 0, 9]}},
    )
    assert [t.state for t in view.settings] == ["done", "failed", "failed"]
    assert "needs blocks that learn" in view.settings[1].note and "9 is too many" in view.settings[2].note


def test_a_study_in_which_all_fails_stops_and_says_so(done):
    view = done(sampler="random", space={"head.hidden": {"values": [[13]]}, **WIDE}, budget={"trials": 30})
    assert view.job.state is JobState.failed and view.finished == 10 and "10 trials in a row failed" in view.job.error and "thirteen" in view.job.error


def test_minutes_end_a_study_too(store, monkeypatch):
    series = jobs.submit(store, study(sampler="random", pruner="none", space=WIDE, budget={"minutes": 0.03}))
    assert carried_out(store, monkeypatch, epoch_s=0.05) is JobState.done
    view = gather(store, series)
    assert 1 <= view.finished <= 6 and view.final is not None and view.asked is None


def test_score_against_seconds_asks_for_both(done):
    view = done(goal={"metric": "val_loss", "seconds": True}, space=WIDE, budget={"trials": 12})
    assert view.finished == 12 and view.best.score == min(t.score for t in view.settings if t.state is TrialState.done)


def stop_after(monkeypatch, store, series, commits: int) -> None:
    """Asks the study to stop when so many times epochs were committed."""
    plain, seen = store.commit_epochs, []

    def commit(job, records):
        plain(job, records)
        seen.append(job.id)
        if len(seen) == commits:
            jobs.stop(store, series)

    monkeypatch.setattr(store, "commit_epochs", commit)


def test_stopped_and_continued_it_takes_the_same_path_as_without(store, monkeypatch):
    asked = {"sampler": "tpe", "pruner": "median", "space": WIDE, "budget": {"trials": 11}}
    whole = jobs.submit(store, study(**asked))
    assert carried_out(store, monkeypatch) is JobState.done
    halved = jobs.submit(store, study(**asked))
    stop_after(monkeypatch, store, halved, commits=19)
    monkeypatch.setattr("tlcore.store_reporter.CHECK_EVERY_S", 0.0)
    assert carried_out(store, monkeypatch) is JobState.cancelled
    stopped = gather(store, halved)
    assert stopped.trials[-1].state is TrialState.interrupted and "Its study was stopped" in stopped.trials[-1].note and not stopped.active
    jobs.go_on(store, halved)
    assert carried_out(store, monkeypatch) is JobState.done
    one, other = gather(store, whole), gather(store, halved)
    assert [(t.number, t.role, t.state, t.values, t.score) for t in one.trials] == [(t.number, t.role, t.state, t.values, t.score) for t in other.trials]
    assert store.job(stopped.trials[-1].run).attempt == 2, "the run at work went on from its last epoch"


def test_a_lost_memory_of_the_sampler_is_made_again_from_the_runs(store, workspace, monkeypatch):
    from tlcore.tuning import suggest

    series = jobs.submit(store, study(sampler="tpe", space=WIDE, budget={"trials": 4}))
    carried_out(store, monkeypatch)
    suggest.forget(workspace, series)
    jobs.go_on(store, series, trials=4)
    assert carried_out(store, monkeypatch) is JobState.done and gather(store, series).finished == 8
    sampler = suggest.Sampler(workspace, series, gather(store, series).study)
    assert sampler._learnt == set(range(8))


def test_one_cancelled_run_is_that_and_the_study_goes_on(store, monkeypatch):
    series = jobs.submit(store, study(sampler="grid", pruner="none", space=RATES))
    plain = trial()

    def execute(job, *others):
        if job.payload["trial"]["number"] == 1:
            all_jobs.cancel(store, job.id)
        return plain(job, *others)

    monkeypatch.setattr("tests.tuning.simulated_trials.trial", lambda epoch_s: execute)
    monkeypatch.setattr("tlcore.store_reporter.CHECK_EVERY_S", 0.0)
    assert carried_out(store, monkeypatch) is JobState.done
    view = gather(store, series)
    assert [t.state for t in view.settings] == ["done", "cancelled", "done"] and view.best.number != 1


def test_to_continue_a_study_that_counts_as_at_work_sees_that_somebody_looks_after_it(store, monkeypatch):
    series, begun = jobs.submit(store, study()), []
    monkeypatch.setattr(all_jobs, "ensure_supervisor", begun.append)
    with pytest.raises(ConflictError, match="queued already"):
        jobs.go_on(store, series)
    assert begun == [store.workspace]


def test_more_trials_go_on_where_it_ended_and_a_new_winner_is_tested_too(store, monkeypatch):
    series = jobs.submit(store, study(sampler="random", pruner="none", space=WIDE, budget={"trials": 3}))
    carried_out(store, monkeypatch)
    with pytest.raises(ConflictError, match="Say how many more"):
        jobs.go_on(store, series)
    with pytest.raises(InputError, match="more trials can't be planned"):
        jobs.go_on(store, series, trials=0)
    jobs.go_on(store, series, trials=5)
    with pytest.raises(ConflictError, match="queued already"):
        jobs.go_on(store, series, trials=5)
    carried_out(store, monkeypatch)
    view = gather(store, series)
    assert view.finished == view.asked == 8 and view.final is not None and view.final.number == view.best.number


def test_values_a_step_apart_are_each_tried_once_by_chance_too(done, store):
    view = done(sampler="random", pruner="none", space={"head.dropout": {"low": 0, "high": 0.9, "step": 0.1}}, budget={"trials": 20})
    assert sorted(trial.values["head.dropout"] for trial in view.settings) == [at / 10 for at in range(10)]
    with pytest.raises(InputError, match="has tried all 10 combinations"):
        jobs.go_on(store, view.series.id, trials=30)
    assert gather(store, view.series.id).study == view.study


def test_a_promoted_trial_is_an_ordinary_run(store, workspace, monkeypatch, done):
    view = done(sampler="grid", pruner="none", space=RATES)
    run = store.job(jobs.promote(store, view.series.id, 2))
    assert run.state is JobState.queued and run.series is None and "trial" not in run.payload
    assert run.config.optimizer.learning_rate == 1e-2 and "trial 2, promoted" in run.title
    with pytest.raises(NotFoundError, match="no trial 7"):
        jobs.promote(store, view.series.id, 7)


def test_a_deleted_study_leaves_nothing(store, workspace, done):
    view = done(sampler="tpe", space=WIDE, budget={"trials": 3})
    assert jobs.delete(store, view.series.id) == len(view.trials)
    assert not store.jobs("train") and not store.jobs("study") and not any(workspace.runs.iterdir())
    with pytest.raises(NotFoundError):
        gather(store, view.series.id)


def test_an_active_study_is_not_deleted_and_the_same_token_makes_one(store, workspace):
    series = jobs.submit(store, study())
    with pytest.raises(ConflictError):
        jobs.delete(store, series)
    one = jobs.submit(store, study(), token="t")
    assert jobs.submit(store, study(), token="t") == one != series


def test_a_study_whose_workers_die_is_put_back_three_times_unless_a_run_was_finished_meanwhile(store, workspace):
    series = jobs.submit(store, study())
    for _ in range(3):
        store.claim("gone", "study")
        all_jobs.reap(store)
        assert gather(store, series).job.state is JobState.queued
    job = store.claim("gone", "study")
    part = store.begin(job, {"kind": "train", "title": "t", "payload": {}})
    store.finish(part, JobState.done)
    all_jobs.reap(store)
    assert gather(store, series).job.state is JobState.queued, "a run came to its end since"
    for _ in range(2):
        store.claim("gone", "study")
        all_jobs.reap(store)
    store.claim("gone", "study")
    all_jobs.reap(store)
    stuck = gather(store, series).job
    assert stuck.state is JobState.interrupted and "again and again" in stuck.error
    jobs.go_on(store, series)
    store.claim("gone", "study")
    all_jobs.reap(store)
    assert gather(store, series).job.state is JobState.queued, "who continues it gives it new lives"


def test_the_test_pictures_stay_away_from_trials(store, workspace, monkeypatch):
    asked = []
    fake = types.SimpleNamespace(run=lambda *_, tested=True, **__: asked.append(tested) or {})
    monkeypatch.setitem(sys.modules, "tlcore.nn.training", fake)
    monkeypatch.setattr(tlcore.nn, "training", fake, raising=False)
    monkeypatch.setattr(tasks, "_given", lambda *_: {"dataset": None})
    for payload in ({}, {"trial": {"role": "trial"}}, {"trial": {"role": "repeat"}}, {"trial": {"role": "final"}}):
        job = store.job(store.add_job("train", "t", {"config": BASE, **payload}))
        tasks.train(job, store, workspace.run(job.id), None)
    assert asked == [True, False, False, True]

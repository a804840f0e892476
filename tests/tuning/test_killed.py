"""Studies whose processes are killed, stopped and continued: real ones, with trials that are light, and once with a real network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.tuning import simulated_trials
from tests.tuning.studies import study
from tlcore import jobs as all_jobs
from tlcore import locks
from tlcore.executors import child_environment
from tlcore.store import JobState
from tlcore.tuning import jobs
from tlcore.tuning.trials import TrialState, gather

WIDE = {"optimizer.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}


@pytest.fixture
def store(with_digits):
    return with_digits


@pytest.fixture
def worker(workspace):
    """Start workers of simulated trials that end with the test."""
    begun: list[subprocess.Popen] = []

    def start(epoch_s: float = 0.05) -> subprocess.Popen:
        begun.append(simulated_trials.start(workspace, f"simulated-{len(begun)}", epoch_s))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture
def supervisor(workspace):
    """A real one; it and all that belongs to its workspace end with the test."""
    command = [sys.executable, "-m", "tlcore.supervisor", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, env={**child_environment(), "TLCORE_REHEARSE": "0"}, start_new_session=True)
    until(lambda: locks.is_held(workspace.supervisor_lock))
    yield process
    for each in psutil.process_iter(["cmdline"]):
        if str(workspace.root) in (each.info["cmdline"] or []):
            each.kill()
    process.wait()


def until(condition, timeout_s: float = 60.0) -> float:
    """Seconds until the condition holds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, "it never came to that"
        time.sleep(0.02)
    return time.monotonic() - began


def ended(store, series) -> dict[int, tuple]:
    """What is known of the runs that have ended, by run."""
    return {t.run: (t.number, t.role, t.state, t.values, t.score) for t in gather(store, series).trials if t.state in (TrialState.done, TrialState.pruned)}


@pytest.mark.usefixtures("no_supervisor")
@pytest.mark.parametrize("moments", [(1, 3), pytest.param((0, 0, 2, 4, 5), marks=pytest.mark.slow)])
def test_killed_workers_lose_no_finished_trial_and_the_number_asked_for_is_reached(store, worker, moments):
    series = jobs.submit(store, study(sampler="tpe", pruner="median", space=WIDE, budget={"trials": 6}))
    kept: dict[int, tuple] = {}
    for finished in moments:
        process = worker()
        until(lambda finished=finished: gather(store, series).finished >= finished and any(t.state is TrialState.running for t in gather(store, series).trials))
        process.kill()
        process.wait()
        kept |= ended(store, series)
        all_jobs.reap(store)
        assert gather(store, series).job.state is JobState.queued, "it goes on by itself"
    assert worker().wait(60) == 0
    view, at_the_end = gather(store, series), ended(store, series)
    assert view.job.state is JobState.done and view.finished == 6 and view.final is not None
    assert {run: at_the_end[run] for run in kept} == kept and len(kept) >= max(moments)
    assert [t.number for t in view.settings] == list(range(6)), "one that was interrupted is gone on with, not tried twice"


@pytest.mark.usefixtures("no_supervisor")
def test_a_stop_is_followed_within_5_s_and_the_trial_goes_on_when_the_study_is_continued(store, worker):
    series = jobs.submit(store, study(sampler="random", pruner="none", space=WIDE, budget={"trials": 3}))
    process = worker(0.5)
    until(lambda: len(gather(store, series).trials) == 2)
    at_work = gather(store, series).trials[-1].run
    until(lambda: store.epoch_records(at_work))
    jobs.stop(store, series)
    assert until(lambda: not gather(store, series).active) < 5
    assert process.wait(20) == 0
    view = gather(store, series)
    assert view.job.state is JobState.cancelled and view.trials[-1].state is TrialState.interrupted and view.finished == 1
    kept = ended(store, series)
    jobs.go_on(store, series)
    assert worker(0.02).wait(60) == 0
    view = gather(store, series)
    assert view.job.state is JobState.done and view.finished == 3 and {run: ended(store, series)[run] for run in kept} == kept
    assert store.job(at_work).attempt == 2 and [e.attempt for e in store.epoch_records(at_work)][:1] == [1], "from its last committed epoch"


@pytest.mark.usefixtures("no_supervisor")
def test_one_cancelled_run_does_not_stop_the_study(store, worker):
    series = jobs.submit(store, study(sampler="random", pruner="none", space=WIDE, budget={"trials": 3}))
    process = worker(0.2)
    until(lambda: any(store.epoch_records(t.run) for t in gather(store, series).trials))
    all_jobs.cancel(store, gather(store, series).trials[0].run)
    assert process.wait(60) == 0
    view = gather(store, series)
    assert view.job.state is JobState.done and [t.state for t in view.settings] == [TrialState.cancelled, TrialState.done, TrialState.done]


def test_supervisor_and_worker_killed_amid_a_study_of_a_real_network(store, workspace, supervisor):
    series = jobs.submit(store, study(
        sampler="random", pruner="none", space={"optimizer.learning_rate": {"low": 1e-3, "high": 1e-2, "log": True}}, budget={"trials": 6}, seeds=2, finalists=1,
    ))
    until(lambda: gather(store, series).finished >= 1)
    supervisor.kill()
    supervisor.wait()
    after_supervisor = ended(store, series)
    until(lambda: gather(store, series).finished >= 3)  # Its worker goes on without it.
    owner = store.job(gather(store, series).job.id).owner
    os.kill(locks.owner_process(workspace.locks, owner).pid, signal.SIGKILL)
    after_worker = ended(store, series)
    job = all_jobs.wait(store, gather(store, series).job.id, timeout_s=120)  # Starts a supervisor where there is none.
    view, at_the_end = gather(store, series), ended(store, series)
    assert job.state is JobState.done and view.finished == 6
    kept = after_supervisor | after_worker
    assert len(kept) >= 3 and {run: at_the_end[run] for run in kept} == kept
    results = {t.run: store.job(t.run).result for t in view.trials}
    assert [run for run, result in results.items() if "test_accuracy" in result] == [view.final.run] and view.job.result["test_accuracy"] > 0.3
    assert [t.role for t in view.trials].count("repeat") == 1

"""Real runs through a real supervisor: warm start, killed, resumed, and equal bit for bit."""

import json
import time

import numpy as np
import pandas as pd
import psutil
import pytest

from tlcore import jobs, locks
from tlcore.config import RunConfig, parse
from tlcore.demo import ensure_built_in
from tlcore.executors import stop
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace

SETTINGS = {
    "dataset": "digits",
    "backbone": {"name": "ResNet20", "weights": "none"},
    "head": {"dropout": 0.3, "hidden": [16]},
    "train": {"epochs": 60, "batch_size": 32, "early_stopping_patience": None, "seed": 3},
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Digits and a supervisor with a warm worker, for this module; it all ends with the module."""
    workspace = Workspace(tmp_path_factory.mktemp("training"))
    store = Store.open(workspace)
    ensure_built_in("digits", store, workspace)
    jobs.ensure_supervisor(workspace)
    yield workspace
    end_processes(workspace)
    store.close()


def end_processes(workspace: Workspace) -> None:
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(workspace.root) in words and {"tlcore.supervisor", "tlcore.worker"} & set(words):
            process.kill()


def config(**changes) -> RunConfig:
    return parse({**SETTINGS, **changes})


def until(condition, timeout_s: float = 60.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, "it never happened"
        time.sleep(0.005)
    return time.monotonic() - began


def wait_for_warm_worker(workspace: Workspace) -> None:
    """Until a worker says in the log that it is ready and has no job yet."""

    def one_is_ready() -> bool:
        lines = workspace.supervisor_log.read_text(errors="replace").splitlines()
        ready = {line.split()[1] for line in lines if line.startswith("worker ") and "is ready for train" in line}
        taken = {job.owner for job in Store.open(workspace).jobs()}
        return any(locks.is_held(locks.owner_lock(workspace.locks, owner)) for owner in ready - taken)

    until(one_is_ready, timeout_s=120)


def state_of(store: Store, run_id: int) -> dict[str, bytes]:
    """Weights, optimiser state and what else training carries from epoch to epoch; without times."""
    last = store.epoch_records(run_id)[-1]
    with np.load(store.workspace.run(run_id) / last.checkpoint) as file:
        state = {name: file[name].tobytes() for name in file.files if name != "about"}
        about = json.loads(str(file["about"]))
    about["best_metrics"].pop("seconds", None)
    return {**state, "about": json.dumps(about).encode()}


@pytest.fixture(scope="module")
def uninterrupted(workspace) -> int:
    store = Store.open(workspace)
    wait_for_warm_worker(workspace)
    run_id = jobs.submit_run(store, workspace, config())
    running_s = until(lambda: store.job(run_id).state != JobState.queued)
    first_s = running_s + until(lambda: len(store.epoch_records(run_id)) > 0)
    job = jobs.wait(store, run_id, timeout_s=120)
    assert job.state == JobState.done, job.error
    print(f"warm: running after {running_s:.2f} s, first epoch after {first_s:.2f} s, done after {job.seconds:.2f} s")
    assert running_s < 1.0  # 0.1 s on an idle machine.
    return run_id


def test_a_run_leaves_its_figures_and_epochs(store, uninterrupted):
    job = store.job(uninterrupted)
    table = store.epochs(uninterrupted)
    assert table["epoch"].tolist() == list(range(1, 61)) and table["seconds"].is_monotonic_increasing
    assert {"loss", "val_loss", "val_accuracy", "val_macro_f1"} <= set(table.columns)
    assert job.result["epochs"] == 60 and job.progress == 1.0 and 0 < job.result["test_accuracy"] <= 1
    assert (store.workspace.run(uninterrupted) / "predictions.parquet").exists()


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(store, workspace, uninterrupted):
    run_id = jobs.submit_run(store, workspace, config(name="killed"))
    until(lambda: len(store.epoch_records(run_id)) >= 5)
    process = locks.owner_process(workspace.locks, store.job(run_id).owner or "")
    assert process is not None
    stop(process, force=True)
    noticed_s = until(lambda: store.job(run_id).state == JobState.interrupted)
    print(f"killed run interrupted after {noticed_s:.2f} s")
    assert noticed_s < 5
    committed = len(store.epoch_records(run_id))
    assert 5 <= committed < 60
    jobs.resume(store, run_id)
    job = jobs.wait(store, run_id, timeout_s=120)
    assert job.state == JobState.done, job.error
    attempts = [record.attempt for record in store.epoch_records(run_id)]
    assert attempts == [1] * committed + [2] * (60 - committed)

    one, other = state_of(store, uninterrupted), state_of(store, run_id)
    assert len(one) > 8 and one == other
    figures = [store.epochs(each).drop(columns="seconds") for each in (uninterrupted, run_id)]
    pd.testing.assert_frame_equal(*figures, check_exact=True)
    predictions = [
        pd.read_parquet(workspace.run(each) / "predictions.parquet") for each in (uninterrupted, run_id)
    ]
    pd.testing.assert_frame_equal(*predictions, check_exact=True)


@pytest.mark.slow
def test_a_cancelled_run_stops_within_5_s_and_keeps_its_epochs(store, workspace, uninterrupted):
    settings = config(train={**SETTINGS["train"], "epochs": 5000})
    run_id = jobs.submit_run(store, workspace, settings)
    until(lambda: len(store.epoch_records(run_id)) >= 3)
    jobs.cancel(store, run_id)
    assert until(lambda: store.job(run_id).state == JobState.cancelled) < 5
    kept = len(store.epoch_records(run_id))
    time.sleep(0.5)
    assert len(store.epoch_records(run_id)) == kept >= 3


@pytest.mark.slow
def test_a_run_in_which_everything_learns_stops_within_an_epoch(store, workspace, uninterrupted):
    """An epoch takes far longer than anybody wants to wait for a cancelled run."""
    settings = config(backbone={"name": "ResNet20", "weights": "none", "input_size": 64}, freeze={"trainable_blocks": 4})
    run_id = jobs.submit_run(store, workspace, settings)
    until(lambda: "% of it" in store.job(run_id).message, timeout_s=120)
    jobs.cancel(store, run_id)
    stopped_s = until(lambda: store.job(run_id).state == JobState.cancelled)
    print(f"stopped after {stopped_s:.1f} s within an epoch")
    assert stopped_s < 5
    assert store.epoch_records(run_id) == [] and "SIGTERM" not in (store.job(run_id).error or "")

"""Faults as they come: real processes that are really killed, stopped and continued."""

import contextlib
import dataclasses
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import slow_worker
from tlcore import jobs, locks
from tlcore.executors import child_environment
from tlcore.store import ACTIVE, DatasetRecord, Job, JobState, Store
from tlcore.supervisor import Supervisor, SupervisorSettings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

NO_STANDBY = SupervisorSettings(standby=False)


@pytest.fixture
def start(workspace):
    """Start slow workers and supervisors that end with the test, whatever becomes of them."""
    started: list[subprocess.Popen] = []

    def begin(owner: str = "slow", **options) -> subprocess.Popen:
        started.append(slow_worker.start(workspace, owner, **options))
        return started[-1]

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


@pytest.fixture
def supervisor(workspace):
    process = start_supervisor(workspace)
    yield process
    process.kill()
    process.wait()


def start_supervisor(workspace) -> subprocess.Popen:
    command = [sys.executable, "-m", "tlcore.supervisor", "--workspace", str(workspace.root)]
    process = subprocess.Popen(command, env={**child_environment(), "TLCORE_STANDBY": "0"}, start_new_session=True)
    until(lambda: locks.is_held(workspace.supervisor_lock))
    return process


def until(condition, timeout_s: float = 20.0) -> float:
    """Seconds until the condition held."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, "it never happened"
        time.sleep(0.01)
    return time.monotonic() - began


def uninterrupted_weights() -> str:
    weights = "start"
    for _ in range(slow_worker.EPOCHS):
        weights = hashlib.sha256(weights.encode()).hexdigest()
    return weights


def resumed(store: Store, job_id: int, start) -> Job:
    assert store.requeue(job_id)
    start("second", epoch_s=0.01)
    until(lambda: store.job(job_id).state not in ACTIVE)
    return store.job(job_id)


def test_a_killed_worker_is_noticed_within_5_s_and_its_run_resumes_to_the_same_end(store, start, supervisor):
    job_id = store.add_job("train", "t", {})
    worker = start(epoch_s=0.2)
    until(lambda: len(store.epoch_records(job_id)) >= 3)
    worker.kill()
    noticed_s = until(lambda: store.job(job_id).state == JobState.interrupted)
    assert noticed_s < 5
    print(f"killed worker noticed after {noticed_s:.2f} s")
    assert "Resume it" in (store.job(job_id).error or "")
    kept = len(store.epoch_records(job_id))
    supervisor.kill()  # The slow worker below is to take the job, not a real one.
    job = resumed(store, job_id, start)
    assert (job.state, job.result, job.attempt) == (JobState.done, {"weights": uninterrupted_weights()}, 2)
    records = store.epoch_records(job_id)
    assert [record.epoch for record in records] == list(range(1, slow_worker.EPOCHS + 1))
    assert [record.attempt for record in records] == [1] * kept + [2] * (slow_worker.EPOCHS - kept)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_is_lost_and_nothing_is_done_twice(store, start, seed):
    job_id = store.add_job("train", "t", {})
    moments = random.Random(seed)
    for _attempt in range(3):
        worker = start(f"w{_attempt}", epoch_s=0.02)
        until(lambda: store.job(job_id).state != JobState.queued)
        time.sleep(moments.random() * 0.3)
        worker.kill()
        worker.wait()
        jobs.reap(store)
        if not store.requeue(job_id):
            break
    else:
        start("last", epoch_s=0.0)
        until(lambda: store.job(job_id).state not in ACTIVE)
    job = store.job(job_id)
    assert (job.state, job.result) == (JobState.done, {"weights": uninterrupted_weights()})
    assert [record.epoch for record in store.epoch_records(job_id)] == list(range(1, slow_worker.EPOCHS + 1))
    assert not list(store.workspace.run(job_id).glob(".writing-*"))


def stop_between_writes(process: subprocess.Popen, workspace) -> None:
    """SIGSTOP at a moment when the process holds no transaction, which would lock the store as long as it sleeps."""
    while True:
        process.send_signal(signal.SIGSTOP)
        with contextlib.closing(sqlite3.connect(workspace.root / "store.db", timeout=0.2)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                time.sleep(0.05)


def test_a_worker_that_was_stopped_and_replaced_writes_nothing_when_continued(store, start, workspace):
    job_id = store.add_job("train", "t", {})
    old = start("old", epoch_s=0.2)
    until(lambda: len(store.epoch_records(job_id)) >= 2)
    stop_between_writes(old, workspace)
    assert jobs.reap(store) == []  # It holds its lock: not dead.
    assert store.give_up(store.job(job_id), "given up by hand")
    job = resumed(store, job_id, start)
    before = (store.version(), store.epoch_records(job_id), store.events(job_id))
    old.send_signal(signal.SIGCONT)
    assert old.wait(10) == 0
    assert job.state == JobState.done
    assert (store.version(), store.epoch_records(job_id), store.events(job_id)) == before


@pytest.mark.parametrize("damage", ["altered", "missing", "all"])
def test_an_altered_checkpoint_is_not_trusted(store, start, damage):
    job_id = store.add_job("train", "t", {})
    worker = start(epoch_s=0.15)
    until(lambda: len(store.epoch_records(job_id)) >= 4)
    worker.kill()
    worker.wait()
    jobs.reap(store)
    records = store.epoch_records(job_id)
    run_dir = store.workspace.run(job_id)
    newest = run_dir / records[-1].checkpoint
    if damage == "missing":
        newest.unlink()
    else:
        content = bytearray(newest.read_bytes())
        content[-5] ^= 1
        newest.write_bytes(bytes(content))
    if damage == "all":
        for record in records[:-1]:
            (run_dir / record.checkpoint).write_text(json.dumps({"epoch": 1, "weights": "evil"}))
    job = resumed(store, job_id, start)
    assert job.result == {"weights": uninterrupted_weights()}
    said = [event.message for event in store.events(job_id) if event.level == "warning"]
    instead = "the beginning" if damage == "all" else f"epoch {records[-2].epoch}"
    assert any(f"checkpoint of epoch {records[-1].epoch}" in line and instead in line for line in said)
    attempts = [record.attempt for record in store.epoch_records(job_id)]
    assert attempts.count(1) == (0 if damage == "all" else len(records) - 1)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_cancelled_at_any_moment_even_twice_it_ends_once_within_5_s(store, start, seed):
    job_id = store.add_job("train", "t", {})
    start(epoch_s=0.01)
    time.sleep(random.Random(seed).random() * 1.5)
    store.request_cancel(job_id)
    store.request_cancel(job_id)
    assert until(lambda: store.job(job_id).state not in ACTIVE) < 5
    ended = store.job(job_id)
    assert ended.state in (JobState.cancelled, JobState.done)
    time.sleep(0.3)
    store.request_cancel(job_id)
    assert store.job(job_id) == ended


def test_a_worker_deaf_to_cancel_is_killed_before_15_s(store, start):
    """The times are those of the settings, by an injected clock; the process is real, and ignores SIGTERM."""
    job_id = store.add_job("train", "t", {})
    worker = start(epoch_s=30.0, manner="deaf")
    until(lambda: store.job(job_id).phase == "train")
    now = [0.0]
    watcher = Supervisor(store, NO_STANDBY, clock=lambda: now[0])
    store.request_cancel(job_id)
    for now_s, alive in ((0.0, True), (5.0, True), (10.5, True), (14.5, False)):
        now[0] = now_s
        watcher.tick()
        time.sleep(0.2)
        assert (worker.poll() is None) is alive
    watcher.tick()
    assert store.job(job_id).state == JobState.cancelled
    assert store.job(job_id).error is None


def test_a_killed_supervisor_harms_no_run_and_the_next_one_takes_over(store, start, workspace):
    first = start_supervisor(workspace)
    job_id = store.add_job("train", "t", {})
    worker = start(epoch_s=3.0)
    until(lambda: store.job(job_id).phase == "train")
    first.kill()
    first.wait()
    second = start_supervisor(workspace)
    try:
        time.sleep(0.5)
        assert store.job(job_id).state == JobState.running
        worker.kill()
        assert until(lambda: store.job(job_id).state == JobState.interrupted) < 5
    finally:
        second.kill()
        second.wait()


def test_a_run_whose_worker_died_with_the_supervisor_is_found_at_the_next_start(store, start, workspace):
    job_id = store.add_job("train", "t", {})
    worker = start(epoch_s=3.0)
    until(lambda: store.job(job_id).phase == "train")
    worker.kill()
    worker.wait()
    assert store.job(job_id).state == JobState.running
    process = start_supervisor(workspace)
    try:
        until(lambda: store.job(job_id).state == JobState.interrupted, timeout_s=20)
    finally:
        process.kill()
        process.wait()


def test_of_many_supervisors_started_at_once_one_stays(workspace, store):
    command = [sys.executable, "-m", "tlcore.supervisor", "--workspace", str(workspace.root)]
    environment = {**child_environment(), "TLCORE_STANDBY": "0"}
    started = [subprocess.Popen(command, env=environment, start_new_session=True) for _ in range(3)]
    try:
        until(lambda: sum(process.poll() is None for process in started) == 1, timeout_s=30)
        assert all(process.poll() in (None, 0) for process in started)
        time.sleep(0.3)
        assert sum(process.poll() is None for process in started) == 1
        assert locks.is_held(workspace.supervisor_lock)
    finally:
        for process in started:
            process.kill()
            process.wait()


CLAIMER = """
import sys
from pathlib import Path
from tlcore.store import Store
from tlcore.workspace import Workspace
store = Store.open(Workspace(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
while (job := store.claim(sys.argv[2])) is not None:
    print(job.id, flush=True)
"""


def test_a_thousand_queued_jobs_and_eight_claimers(workspace, store):
    ids = [store.add_job("train", str(n), {}) for n in range(1000)]
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(workspace.root), f"claimer-{n}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(), text=True,
        )
        for n in range(8)
    ]
    for claimer in claimers:
        assert claimer.stdout.readline() == "ready\n"
    claimed = []
    for claimer in claimers:
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    for claimer in claimers:
        mine = [int(line) for line in claimer.communicate()[0].split()]
        assert mine == sorted(mine)  # First in, first out.
        claimed += mine
    assert sorted(claimed) == ids
    assert all(job.attempt == 1 and job.state == JobState.running for job in store.jobs(limit=1000))


def test_claims_are_handed_out_in_the_order_of_submission(store):
    ids = [store.add_job("train", str(n), {}) for n in range(20)]
    assert [store.claim("w").id for _ in ids] == ids


@pytest.mark.parametrize(
    ("manner", "says"),
    [("disk-full", "Disk full"), ("out-of-memory", "out of memory"), ("broken", "unexpected error")],
)
def test_what_goes_wrong_in_a_worker_is_told_in_one_sentence(store, start, manner, says):
    job_id = store.add_job("train", "t", {})
    start(epoch_s=0.0, manner=manner)
    until(lambda: store.job(job_id).state not in ACTIVE)
    job = store.job(job_id)
    assert job.state == JobState.failed and says in job.error and "\n" not in job.error
    assert "Traceback" in job.traceback and says in (store.workspace.run(job_id) / "log.txt").read_text()
    assert not list(store.workspace.run(job_id).glob(".writing-*"))
    assert len(store.epoch_records(job_id)) == 3
    assert resumed(store, job_id, start).result == {"weights": uninterrupted_weights()}


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_a_day_makes_nobody_look_dead(workspace, start, jump_s):
    store = Store.open(workspace, clock=lambda: time.time() + jump_s)
    job_id = store.add_job("train", "t", {})
    start(epoch_s=3.0)
    until(lambda: store.job(job_id).state == JobState.running)
    watcher = Supervisor(store, NO_STANDBY)
    for _ in range(5):
        watcher.tick()
    assert store.job(job_id).state == JobState.running and store.job(job_id).seconds >= 0
    store.close()


def test_a_lock_file_left_by_a_dead_worker_of_an_earlier_start_counts_for_nothing(store, workspace):
    job_id = store.add_job("train", "t", {})
    own = locks.ProcessId.own()
    content = json.dumps({"pid": own.pid, "started": own.started, "boot": "another start"})
    locks.owner_lock(workspace.locks, "old").write_text(content)
    job = store.claim("old")
    assert not jobs.is_alive(workspace, job)
    process = locks.owner_process(workspace.locks, "old")
    assert process is not None and not process.alive()  # So this test's own process isn't signalled.
    assert jobs.reap(store) == [job_id]


def test_what_was_left_half_done_is_swept_at_start_and_whole_things_stay(store, workspace):
    for folder in (workspace.runs / ".deleting-000003-1", workspace.runs / "000004", workspace.datasets / "pets"):
        folder.mkdir()
        (folder / "file").write_text("x")
    lock = locks.take_owner_lock(workspace.locks, "living")
    Path(locks.owner_lock(workspace.locks, "dead")).write_text("{}")
    jobs.sweep(store)
    assert sorted(path.name for path in workspace.runs.iterdir()) == ["000004"]
    assert (workspace.datasets / "pets" / "file").exists()
    assert [path.name for path in workspace.locks.glob("worker-*")] == ["worker-living.lock"]
    lock.release()


def test_an_upload_that_no_import_can_use_any_more_is_swept_and_a_new_or_needed_one_stays(store, workspace):
    old = time.time() - 2 * jobs.FORGOTTEN_AFTER_S
    for name in ("forgotten.zip", "failed.zip", "failed-long-ago.zip", "waiting.zip", "new.zip"):
        (workspace.uploads / name).write_bytes(b"x")
        if name != "new.zip":
            os.utime(workspace.uploads / name, (old, old))
    for now, name in ((old, "failed-long-ago.zip"), (time.time(), "failed.zip")):
        then = Store.open(workspace, clock=lambda now=now: now)
        then.add_job("ingest", "t", {"source": str(workspace.uploads / name), "name": None})
        then.finish(then.claim("worker"), JobState.failed, error="cut short")
        then.close()
    store.add_job("ingest", "t", {"source": str(workspace.uploads / "waiting.zip"), "name": None})
    jobs.sweep(store)
    assert sorted(path.name for path in workspace.uploads.iterdir()) == ["failed.zip", "new.zip", "waiting.zip"]


def test_datasets_that_no_store_lists_are_swept_once_their_process_is_gone(store, workspace):
    own = locks.ProcessId.own()
    gone = dataclasses.replace(own, started=own.started - 1)
    elsewhere = dataclasses.replace(own, boot="another machine")
    for name, adder in {"dead": gone, "alive": own, "listed": gone, "elsewhere": elsewhere, "unmarked": None}.items():
        workspace.dataset(name).mkdir()
        if adder:
            workspace.unlisted(name).write_text(adder.to_json())
    store.add_dataset(DatasetRecord("listed", "pets", ("a", "b"), 2, "pets.zip", "2026", {}, 1))
    workspace.unlisted("listed").write_text(gone.to_json())  # Killed between the commit and the mark.
    jobs.sweep(store)
    assert workspace.dataset("dead").exists()  # An empty store may be the wrong one.
    store.add_job("ingest", "t", {"source": "digits", "name": None})
    jobs.sweep(store)
    assert sorted(path.name for path in workspace.datasets.iterdir()) == ["alive", "elsewhere", "listed", "unmarked"]
    assert not workspace.unlisted("listed").exists() and workspace.unlisted("alive").exists()
    old = time.time() - 2 * jobs.FORGOTTEN_AFTER_S
    os.utime(workspace.unlisted("elsewhere"), (old, old))
    jobs.sweep(store)
    assert not workspace.dataset("elsewhere").exists()

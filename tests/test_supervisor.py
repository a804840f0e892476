"""The supervisor: hands out in order, keeps to its limits, keeps one worker warm, leaves when idle."""

import contextlib
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from tests import slow_worker
from tlcore import devices, jobs, locks
from tlcore.executors import WorkerProcess, child_environment
from tlcore.store import ACTIVE, JobState, Store
from tlcore.supervisor import Supervisor, SupervisorSettings
from tlcore.tasks import JOB_KINDS


@pytest.fixture
def started() -> list[str]:
    """The kinds of the workers that were started."""
    return []


@pytest.fixture
def supervise(store, monkeypatch, started):
    """Make a supervisor in this process whose workers are real processes with slow, light runs."""
    made: list[Supervisor] = []

    def make(epoch_s: float = 0.02, **settings) -> Supervisor:
        monkeypatch.setenv("SLOW_EPOCH_S", str(epoch_s))

        def start(workspace, kind, log, cards) -> WorkerProcess:
            started.append(kind)
            return WorkerProcess(workspace, kind, log, cards, module="tests.slow_worker")

        made.append(Supervisor(store, SupervisorSettings(**settings), start=start))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.kill()


def tick_until(supervisor: Supervisor, condition, timeout_s: float = 20.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, "it never happened"
        supervisor.tick()
        time.sleep(0.02)
    return time.monotonic() - began


def warm_workers(store: Store) -> int:
    return sum(locks.is_held(path) for path in store.workspace.locks.glob("worker-*.lock"))


def test_runs_go_one_after_the_other_in_order_each_in_a_process_of_its_own(store, supervise):
    supervisor = supervise(standby=False)
    ids = [store.add_job("train", str(n), {}) for n in range(3)]
    at_once: set[int] = set()
    ended: list[int] = []

    def all_done() -> bool:
        at_once.add(len(store.jobs(states=[JobState.running])))
        done = [job.id for job in store.jobs(states=[JobState.done])][::-1]
        ended.extend(job_id for job_id in done if job_id not in ended)
        return len(ended) == 3

    tick_until(supervisor, all_done)
    assert ended == ids and max(at_once) == 1
    assert len({job.owner for job in store.jobs()}) == 3


def test_more_at_once_when_the_limit_says_so(store, supervise):
    supervisor = supervise(epoch_s=0.5, standby=False, limits={"train": 2, "ingest": 1})
    for n in range(3):
        store.add_job("train", str(n), {})
    tick_until(supervisor, lambda: len(store.jobs(states=[JobState.running])) == 2)
    for _ in range(20):
        supervisor.tick()
        assert len(store.jobs(states=[JobState.running])) <= 2


def test_a_worker_that_somebody_else_started_counts_towards_the_limit(store, supervise):
    first, second = store.add_job("train", "1", {}), store.add_job("train", "2", {})
    stray = slow_worker.start(store.workspace, "stray", epoch_s=0.1)
    try:
        supervisor = supervise(standby=False)
        while store.job(first).state == JobState.queued:
            time.sleep(0.02)
        for _ in range(10):
            supervisor.tick()
            assert store.job(second).state == JobState.queued
        tick_until(supervisor, lambda: store.job(second).state == JobState.running)
        assert store.job(first).state == JobState.done
    finally:
        stray.kill()
        stray.wait()


def test_one_worker_is_kept_warm_and_the_next_only_when_it_does_no_harm(store, supervise, started):
    supervisor = supervise(epoch_s=0.4)
    tick_until(supervisor, lambda: warm_workers(store) == 1)
    first = store.add_job("train", "1", {})
    taken_s = tick_until(supervisor, lambda: store.job(first).state == JobState.running)
    assert taken_s < 1.0  # Nothing had to be started.
    tick_until(supervisor, lambda: store.epoch_records(first))
    supervisor.tick()
    assert started == ["train"]  # Nobody waits: the run has the machine to itself.
    store.add_job("train", "2", {})
    tick_until(supervisor, lambda: len(started) == 2, timeout_s=1.0)
    assert store.job(first).state == JobState.running
    store.request_cancel(first)
    tick_until(supervisor, lambda: store.job(first).state == JobState.cancelled)


def test_a_range_test_takes_the_worker_that_is_ready_for_a_run_and_no_next_one_is_warmed_beside_it(store, supervise, started):
    supervisor = supervise(epoch_s=0.05)
    tick_until(supervisor, lambda: warm_workers(store) == 1)
    asked = store.add_job("rate", "which", {"config": {"dataset": "digits"}})
    tick_until(supervisor, lambda: store.job(asked).state is JobState.done)
    assert started == ["train"]
    run = run_on(store)
    tick_until(supervisor, lambda: store.job(run).state is JobState.done)
    assert set(started) == {"train"}


def test_the_worker_that_is_ready_is_a_runs_where_one_waits(store, supervise, started):
    supervisor = supervise(epoch_s=0.05)
    tick_until(supervisor, lambda: warm_workers(store) == 1)
    asked, run = store.add_job("rate", "which", {"config": {"dataset": "digits"}}), run_on(store)
    tick_until(supervisor, lambda: store.job(run).state is JobState.done and store.job(asked).state is JobState.done)
    assert started.count("rate") == 1


def test_no_next_worker_is_warmed_before_the_first_epoch_is_there(store, supervise, started):
    supervisor = supervise(epoch_s=1.0)
    first = store.add_job("train", "1", {})
    store.add_job("train", "2", {})
    tick_until(supervisor, lambda: store.job(first).phase == "train")
    for _ in range(5):
        supervisor.tick()
    assert started == ["train"] and not store.epoch_records(first)


def test_a_signal_that_ended_a_worker_is_named(store, supervise):
    supervisor = supervise(epoch_s=5.0, standby=False)
    job_id = store.add_job("train", "t", {})
    tick_until(supervisor, lambda: store.job(job_id).phase == "train")
    process = locks.owner_process(store.workspace.locks, store.job(job_id).owner)
    psutil.Process(process.pid).kill()
    noticed_s = tick_until(supervisor, lambda: store.job(job_id).state == JobState.interrupted)
    assert noticed_s < 5
    tick_until(supervisor, lambda: any("SIGKILL" in event.message for event in store.events(job_id)))


def test_workers_that_cannot_start_end_the_run_with_a_reason_not_a_loop(store, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    now = [0.0]
    supervisor = Supervisor(store, SupervisorSettings(), clock=lambda: now[0])
    job_id = store.add_job("train", "t", {})
    for _ in range(100):
        now[0] += 1.0
        supervisor.tick()
        time.sleep(0.01)
        if store.job(job_id).state == JobState.failed:
            break
    assert "No worker could be started" in (store.job(job_id).error or "")


def start_real(workspace, idle_s: float = 600.0) -> subprocess.Popen:
    command = [sys.executable, "-m", "tlcore.supervisor", "--workspace", str(workspace.root)]
    environment = {**child_environment(), "TLCORE_STANDBY": "0", "TLCORE_IDLE_S": str(idle_s)}
    return subprocess.Popen(command, env=environment, start_new_session=True)


def test_it_leaves_when_idle(workspace):
    assert start_real(workspace, idle_s=0.5).wait(30) == 0


def test_it_leaves_when_its_workspace_is_deleted(workspace, store):
    store.add_job("train", "t", {})
    job = store.claim("nobody")
    process = start_real(workspace)
    while store.job(job.id).active:  # Until it is at work.
        time.sleep(0.02)
    workspace.root.rename(workspace.root.with_name("deleted"))
    assert process.wait(20) == 0
    assert not workspace.root.exists()


def supervisors_of(workspace) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if {"tlcore.supervisor", str(workspace.root)} <= set(process.info["cmdline"] or [])
    ]


def test_a_submit_starts_it_once_and_a_real_ingest_is_carried_out(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_STANDBY", "0")
    monkeypatch.setenv("TLCORE_IDLE_S", "2")
    store = Store.open(workspace)
    job_id = jobs.submit_ingest(store, workspace, "digits")
    for _ in range(5):
        jobs.ensure_supervisor(workspace)
        assert len(supervisors_of(workspace)) == 1
    job = jobs.wait(store, job_id, timeout_s=30)
    assert job.state == JobState.done, job.error
    assert job.result["dataset"] == "digits" and store.dataset("digits").count == 1797
    assert store.dataset("digits").id == job.result["dataset_id"]
    assert "tensorflow" not in (workspace.supervisor_log).read_text().lower()
    store.close()


def test_looking_costs_next_to_nothing_while_a_supervisor_lives(workspace):
    Store.open(workspace).close()
    process = start_real(workspace)
    try:
        while not locks.is_held(workspace.supervisor_lock):
            time.sleep(0.02)
        began = time.perf_counter()
        for _ in range(100):
            jobs.ensure_supervisor(workspace)
        assert time.perf_counter() - began < 0.5
    finally:
        process.kill()
        process.wait()


def test_a_submitted_job_is_seen_within_a_fifth_of_a_second(workspace):
    """Also by an idle supervisor, whose next look by itself is further off."""
    store = Store.open(workspace)
    process = start_real(workspace)
    try:
        while not locks.is_held(workspace.supervisor_lock):
            time.sleep(0.02)
        time.sleep(1.0)
        job_id = store.add_job("train", "t", {})
        store.claim("nobody")  # Its lock is missing, so the supervisor's next look ends the job.
        began = time.monotonic()
        jobs.ensure_supervisor(workspace)
        while store.job(job_id).state in ACTIVE:
            time.sleep(0.005)
        seen_s = time.monotonic() - began
        assert seen_s < 0.2
        print(f"seen after {seen_s:.3f} s")
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            store.close()


def test_a_job_submitted_in_the_instant_of_leaving_is_not_forgotten(workspace, store, monkeypatch):
    """The announcement went to a supervisor that was already on its way out."""
    from tlcore import supervisor as module

    monkeypatch.setattr(module.Supervisor, "tick", lambda self: False)
    held_at_look: list[bool] = []

    def has_work(self) -> bool:
        held_at_look.append(locks.is_held(workspace.supervisor_lock))
        return len(held_at_look) == 1

    monkeypatch.setattr(module.Supervisor, "has_work", has_work)
    module.supervise(workspace, SupervisorSettings(standby=False, idle_s=0.1))
    assert held_at_look == [False, False]  # It looked after letting go, stayed on, and left the second time.


def worker_process(store: Store, job_id: int) -> psutil.Process:
    return psutil.Process(locks.owner_process(store.workspace.locks, store.job(job_id).owner).pid)


def cards_in_use(store: Store) -> list[str]:
    """What the environments of the workers at work say."""
    listed = [worker_process(store, job.id).environ()["CUDA_VISIBLE_DEVICES"] for job in store.jobs(states=[JobState.running])]
    return [card for cards in listed for card in cards.split(",")]


def run_on(store: Store, devices: int = 1) -> int:
    return store.add_job("train", "t", {"config": {"train": {"devices": devices}}})


TWO_CARDS = {"cards": ("0", "1"), "limits": {"train": 2, "ingest": 1}}


@pytest.mark.parametrize("standby", [False, True])
def test_two_cards_have_a_run_each_and_never_two(store, supervise, standby):
    supervisor = supervise(epoch_s=0.04, standby=standby, **TWO_CARDS)
    ids = [run_on(store) for _ in range(5)]
    seen: set[tuple[str, ...]] = set()

    def all_done() -> bool:
        with contextlib.suppress(psutil.Error, AttributeError):  # One ended while it was asked.
            seen.add(tuple(sorted(cards_in_use(store))))
        return all(store.job(job_id).state == JobState.done for job_id in ids)

    tick_until(supervisor, all_done, timeout_s=40)
    assert ("0", "1") in seen
    assert seen <= {(), ("0",), ("1",), ("0", "1")}


def test_a_run_for_two_cards_waits_for_both_and_is_not_overtaken(store, supervise):
    supervisor = supervise(epoch_s=0.15, standby=False, **TWO_CARDS)
    first, wide, last = run_on(store), run_on(store, 2), run_on(store)
    tick_until(supervisor, lambda: store.job(first).state == JobState.running)
    while store.job(first).state == JobState.running:
        supervisor.tick()
        if store.job(first).state == JobState.running:
            assert store.job(wide).state == store.job(last).state == JobState.queued
    tick_until(supervisor, lambda: store.job(wide).phase == "train")
    assert cards_in_use(store) == ["0", "1"]
    tick_until(supervisor, lambda: store.job(last).state == JobState.done)
    assert store.job(wide).finished_at <= store.job(last).started_at


def test_the_warm_worker_makes_room_for_a_run_on_all_cards(store, supervise):
    supervisor = supervise(epoch_s=0.15, **TWO_CARDS)
    tick_until(supervisor, lambda: warm_workers(store) == 1)
    wide = run_on(store, 2)
    tick_until(supervisor, lambda: store.job(wide).phase == "train")
    tick_until(supervisor, lambda: warm_workers(store) == 1)  # The one at work.
    assert cards_in_use(store) == ["0", "1"]
    tick_until(supervisor, lambda: store.job(wide).state == JobState.done)


def test_the_next_worker_is_warmed_on_the_free_card(store, supervise, started):
    supervisor = supervise(epoch_s=0.4, **TWO_CARDS)
    first = run_on(store)
    tick_until(supervisor, lambda: store.epoch_records(first) and warm_workers(store) == 2)
    second = run_on(store)
    taken_s = tick_until(supervisor, lambda: store.job(second).state == JobState.running)
    assert taken_s < 1.0 and len(started) == 2
    assert sorted(cards_in_use(store)) == ["0", "1"]


def test_a_card_of_a_worker_whose_supervisor_died_is_not_given_away(store, supervise):
    before = supervise(epoch_s=60, standby=False, **TWO_CARDS)  # Longer than any machine takes to get there; cancelled below.
    stray = run_on(store)
    tick_until(before, lambda: store.job(stray).state == JobState.running)
    after = supervise(epoch_s=60, standby=False, **TWO_CARDS)
    second, third = run_on(store), run_on(store)
    tick_until(after, lambda: store.job(second).state == JobState.running)
    assert sorted(cards_in_use(store)) == ["0", "1"]
    assert store.job(third).state == JobState.queued

    jobs.cancel(store, stray)
    tick_until(after, lambda: store.job(third).state == JobState.running)
    assert sorted(cards_in_use(store)) == ["0", "1"]


@pytest.mark.parametrize(("cards", "says"), [((), "has none to use. Clone it with 1"), (("0", "1"), "has 2 to use. Clone it with 2")])
def test_a_run_for_more_cards_than_are_left_ends_with_a_reason_and_holds_up_nobody(store, supervise, cards, says):
    supervisor = supervise(standby=False, cards=cards)
    too_wide, next_one = run_on(store, 3), run_on(store)
    tick_until(supervisor, lambda: store.job(next_one).state == JobState.done)
    assert store.job(too_wide).state == JobState.failed and says in store.job(too_wide).error


def test_the_real_settings_have_a_run_for_each_card(monkeypatch):
    found = tuple(devices.Card(name, "NVIDIA T4") for name in ("2", "5", "7"))
    monkeypatch.setattr(devices, "plan", lambda: devices.Plan(found, libraries=True))
    settings = SupervisorSettings.from_env()
    assert set(jobs.GONE) == set(JOB_KINDS)
    assert settings.cards == ("2", "5", "7") and settings.limits == {**dict.fromkeys(JOB_KINDS, 1), "train": 3}
    monkeypatch.setattr(devices, "plan", lambda: devices.Plan(found, libraries=False))
    assert SupervisorSettings.from_env().cards == () and SupervisorSettings.from_env().limits["train"] == 1


def test_a_worker_leaves_a_run_alone_that_asks_for_more_cards_than_it_has(store, tmp_path):
    """The line may have moved up between the supervisor's look and the worker's claim."""
    wide, narrow = run_on(store, 2), run_on(store)
    with (tmp_path / "log").open("ab") as log:
        worker = WorkerProcess(store.workspace, "train", log, ("0",), module="tests.slow_worker")
    worker.tell("train")
    assert worker._process.wait(20) == 0
    assert (store.job(wide).state, store.job(narrow).state) == (JobState.queued, JobState.done)

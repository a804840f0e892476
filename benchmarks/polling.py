"""What a page that refreshes itself costs the server, and whether it stops and slows down as it should."""

from __future__ import annotations

import contextlib
import statistics
import time

import psutil

from benchmarks.visitor import Visitor
from tests.browser.serving import Server
from tests.finished_run import Learner, leave_files, running_run
from tlcore import locks
from tlcore.store import Job, Store

TICKS = 20
TICK_S = 1.0
SESSIONS = 12
OWNER = "tests"  # As tests.finished_run names the worker.


def measure(server: Server) -> dict[str, object]:
    """Figures of the Runs page and of a run's page while a run is active, and after it has ended."""
    store = Store.open(server.workspace)
    lock = locks.take_owner_lock(server.workspace.locks, OWNER)
    assert lock is not None
    try:
        job, learner = running_run(store, server.workspace, epochs=20, train__epochs=40)
        return _while_running(server, job) | _after_the_end(server, store, job, learner)
    finally:
        lock.remove()
        store.close()


def _while_running(server: Server, job: Job) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, path in (("list", "runs"), ("run", f"runs?run={job.id}")):
        with Visitor(server.url) as visitor:
            visitor.view(path)
            time.sleep(TICK_S)
            before, took_s = cpu_s(server), []
            for _ in range(TICKS):
                took_s.append(visitor.poll(path).seconds)
                time.sleep(TICK_S)
            figures[f"{name}_cpu_ms_a_tick"] = round(1000 * (cpu_s(server) - before) / TICKS, 1)
            figures[f"{name}_ms_a_tick"] = round(1000 * statistics.median(took_s), 1)
            figures[f"{name}_seconds_between"] = next(iter(visitor.polled.values()))
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(Visitor(server.url)) for _ in range(SESSIONS)]
        for visitor in many:
            visitor.view("runs")
        figures[f"seconds_between_with_{SESSIONS}_sessions"] = next(iter(many[-1].polled.values()))
    return figures


def _after_the_end(server: Server, store: Store, job: Job, learner: Learner) -> dict[str, object]:
    leave_files(store, server.workspace, job, learner)
    with Visitor(server.url) as visitor:
        visitor.view("runs")
        return {"still_polled_after_the_end": len(visitor.polled)}


def cpu_s(server: Server) -> float:
    times = psutil.Process(server.process.pid).cpu_times()
    return times.user + times.system

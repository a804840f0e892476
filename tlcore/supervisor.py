"""python -m tlcore.supervisor: one per workspace; starts workers, keeps one warm, ends what must end.

It decides by the store and by locks only, so it may be killed at any moment: its workers go on,
and the next supervisor finds them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from tlcore import devices, jobs, locks
from tlcore.errors import TLError
from tlcore.executors import ON_CARDS, WorkerProcess, cards_of, stop
from tlcore.store import Job, JobState, Store
from tlcore.workspace import Workspace

LOOK_EVERY_S = 0.02  # At the wake file only: one stat.
BUSY_TICK_S = 0.2
IDLE_TICK_S = 0.5
LOG_LIMIT_BYTES = 5_000_000
START_ATTEMPTS = 3
LIKE_RUNS = ("rate", "more", "study")  # Kinds that begin as a run does, so that a worker which is ready for a run serves.


@dataclasses.dataclass(frozen=True)
class SupervisorSettings:
    """How many jobs at once, on which graphics cards, and how long to wait for what.

    cards: each is given to one run at a time; without any, workers see what there is.
    """

    limits: Mapping[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(jobs.GONE, 1))
    cards: tuple[str, ...] = ()
    standby: bool = True
    idle_s: float = 600.0
    terminate_after_s: float = 10.0  # After a cancel that the worker doesn't follow.
    kill_after_s: float = 14.0

    @classmethod
    def from_env(cls) -> SupervisorSettings:
        """`TLCORE_STANDBY=0` keeps no worker warm; `TLCORE_IDLE_S` says when to leave."""
        plan = devices.plan()
        return cls(
            limits={**cls().limits, "train": plan.runs_at_once},
            cards=tuple(card.id for card in plan.cards),
            standby=os.environ.get("TLCORE_STANDBY", "1") != "0",
            idle_s=float(os.environ.get("TLCORE_IDLE_S", "600")),
        )


class Supervisor:
    """Watches one workspace; `tick` does all that is due now."""

    def __init__(
        self,
        store: Store,
        settings: SupervisorSettings,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Workspace, str, IO[bytes], tuple[str, ...]], WorkerProcess] = WorkerProcess,
    ) -> None:
        self._store, self._settings, self._clock, self._start_process = store, settings, clock, start
        self._workers: list[WorkerProcess] = []
        self._cancel_seen: dict[tuple[int, int], float] = {}
        self._failed_starts: dict[str, int] = {}
        self._next_start: dict[str, float] = {}

    def tick(self) -> bool:
        """Reap, stop, hand out, warm up; True when there is anything to do or to wait for."""
        self._forget_ended()
        jobs.reap(self._store)
        running = self._store.jobs(states=[JobState.running])
        waiting = self._store.queue_lengths()
        self._stop_cancelled(running)
        self._hand_out(running, waiting)
        self._keep_standby(running, waiting)
        return bool(running or waiting)

    def has_work(self) -> bool:
        """Whether a job waits or runs."""
        return bool(self._store.queue_lengths() or self._store.jobs(states=[JobState.running]))

    def dismiss(self) -> None:
        """Let the workers go that have no job."""
        for worker in self._workers:
            if not worker.told:
                worker.dismiss()

    def kill(self) -> None:
        """End all workers: their workspace is gone."""
        for worker in self._workers:
            worker.kill()

    def _forget_ended(self) -> None:
        for worker in list(self._workers):
            code = worker.poll()
            if code is None:
                continue
            self._workers.remove(worker)
            # The lock is free an instant before the exit status is there, so the job may be reaped already.
            claimed = self._store.jobs(owner=worker.owner)
            if code < 0:
                name = signal.Signals(-code).name
                for job in claimed:
                    if job.state in (JobState.done, JobState.failed) or "end" in job.payload.get("trial", {}):
                        continue  # A run of a study that had ended before its worker did.
                    self._store.add_event(job.id, f"Its process was ended from outside ({name}).", "warning")
            if code == 0:
                self._failed_starts[worker.kind] = 0
            elif not claimed:
                self._count_failed_start(worker.kind, code)

    def _count_failed_start(self, kind: str, code: int) -> None:
        failed = self._failed_starts[kind] = self._failed_starts.get(kind, 0) + 1
        self._next_start[kind] = self._clock() + min(30.0, 2.0**failed)
        print(f"a worker for {kind} ended with status {code} before it was ready", flush=True)
        if failed < START_ATTEMPTS:
            return
        job = jobs.claim(self._store, "none", kind)
        if job is not None:
            log = self._store.workspace.supervisor_log
            error = f"No worker could be started, {failed} times in a row. {log} says why; mend it, then resume."
            self._store.finish(job, JobState.failed, error=error)

    def _stop_cancelled(self, running: list[Job]) -> None:
        now = self._clock()
        asked = {(job.id, job.attempt): job for job in running if job.cancel_requested}
        self._cancel_seen = {key: self._cancel_seen.get(key, now) for key in asked}
        for key, job in asked.items():
            waited_s = now - self._cancel_seen[key]
            process = locks.owner_process(self._store.workspace.locks, job.owner or "")
            if process is not None and waited_s >= self._settings.terminate_after_s:
                stop(process, force=waited_s >= self._settings.kill_after_s)

    def _hand_out(self, running: list[Job], waiting: Mapping[str, int]) -> None:
        claimed = {job.owner for job in running}
        ours = {worker.owner for worker in self._workers}
        studies = {job.owner for job in running if job.kind == "study"}  # Their runs are theirs to carry out.
        on_cards = [job for job in running if job.kind in ON_CARDS and job.owner not in ours]
        for kind, queued in waiting.items():
            told = [worker for worker in self._workers if worker.kind == kind and worker.told]
            strays = [job for job in running if job.kind == kind and job.owner not in ours and (kind != "train" or job.owner not in studies)]
            on_their_way = self._on_their_way(told, claimed)
            free = self._settings.limits[kind] - len(told) - len(strays)
            if min(free, queued - on_their_way) <= 0:
                continue
            line = self._store.cards_asked(kind, on_their_way + free)[on_their_way:]
            if self._on_their_way(told, claimed) != on_their_way:
                continue  # One claimed while the line was read, so these may be others than those next in it: look again.
            for asked in line:
                if not self._hand_to_worker(kind, asked, on_cards, lend=not waiting.get("train")):
                    break  # Nobody overtakes: a run that asks for many cards would wait for ever.

    def _on_their_way(self, told: list[WorkerProcess], claimed: set[str | None]) -> int:
        """Workers that were told to claim and haven't yet. One whose job has just ended has, though it still takes its time to go."""
        return sum(worker.owner not in claimed and not self._store.jobs(owner=worker.owner) for worker in told)

    def _hand_to_worker(self, kind: str, asked: int, strays: list[Job], lend: bool) -> bool:
        """Let a worker with as many cards claim; False when that has to wait.

        lend: whether the one that is ready for a run may take what is like one; never with cards, which it would hold.
        """
        here = self._settings.cards if kind in ON_CARDS else ()
        if asked > max(1, len(here)):
            self._refuse(kind, asked)
            return False
        free = self._free_cards(strays) if here else ()
        if here and len(free) < asked:
            return False
        lent, standby = lend and kind in LIKE_RUNS and not self._settings.cards, self._idle("train")
        idle = self._idle(kind) or (standby if lent else None)
        if idle is not None and asked == 1 and set(idle.cards) <= set(free):
            idle.tell(kind)
            return True
        worker = self._start(kind, free[:asked])
        if worker is None:
            return False
        if standby is not None and not set(standby.cards).isdisjoint(worker.cards):
            standby.dismiss()
        worker.tell(kind)
        return True

    def _free_cards(self, strays: list[Job]) -> tuple[str, ...]:
        """Those that no run has; a stray's environment tells which it has."""
        taken = {card for worker in self._workers if worker.told for card in worker.cards}
        for job in strays:
            theirs = cards_of(locks.owner_process(self._store.workspace.locks, job.owner or ""))
            taken.update(self._settings.cards if theirs is None else theirs)
        return tuple(card for card in self._settings.cards if card not in taken)

    def _refuse(self, kind: str, asked: int) -> None:
        """End the first run that asks for so many cards: they were taken out since it was queued."""
        job = jobs.claim(self._store, "none", kind, asked)
        if job is not None:
            here = len(self._settings.cards)
            error = f"It asks for {asked} graphics cards (train.devices) and this machine has {here or 'none'} to use. Clone it with {here or 1} or less."
            self._store.finish(job, JobState.failed, error=error)

    def _keep_standby(self, running: list[Job], waiting: Mapping[str, int]) -> None:
        """Keep one worker warm, but don't slow a running job by warming up before it is needed."""
        if not self._settings.standby or self._idle("train"):
            return
        runs = [job for job in running if job.kind == "train"]
        busy = runs or any(worker.kind in ("train", *LIKE_RUNS) for worker in self._workers)
        well_under_way = all(self._store.epoch_records(job.id) for job in runs) and bool(runs)
        several = len(self._settings.cards) > 1
        if busy and not (well_under_way and (waiting.get("train") or several)):
            return
        # A single card is surely the next one's too; of several nobody knows yet which becomes free.
        ours = {worker.owner for worker in self._workers}
        cards = self._free_cards([job for job in runs if job.owner not in ours])[:1] if several else self._settings.cards
        if cards or not several:
            self._start("train", cards)

    def _idle(self, kind: str) -> WorkerProcess | None:
        return next((w for w in self._workers if w.kind == kind and not w.told and not w.dismissed), None)

    def _start(self, kind: str, cards: tuple[str, ...] = ()) -> WorkerProcess | None:
        if self._clock() < self._next_start.get(kind, 0.0):
            return None
        with self._store.workspace.supervisor_log.open("ab") as log:
            worker = self._start_process(self._store.workspace, kind, log, cards)
        self._workers.append(worker)
        return worker


def supervise(
    workspace: Workspace, settings: SupervisorSettings, lock: locks.FileLock | None = None
) -> None:
    """Supervise until nothing was to be done for `idle_s`; return at once when another one does.

    lock: the supervisor's, where whoever started this process took it already.
    """
    workspace.create()
    lock = lock or locks.FileLock.take(workspace.supervisor_lock, wait_s=1.0)
    if lock is None:
        return
    if workspace.supervisor_log.exists() and workspace.supervisor_log.stat().st_size > LOG_LIMIT_BYTES:
        os.truncate(workspace.supervisor_log, 0)
    store = Store.open(workspace)
    jobs.sweep(store)
    supervisor = Supervisor(store, settings)
    while lock is not None:
        if not _until_idle(supervisor, workspace, lock, settings.idle_s):
            supervisor.kill()
            return
        lock.release()
        # A job submitted just before the release was not announced to anybody else.
        lock = _take_again(supervisor, workspace)
    supervisor.dismiss()


def _until_idle(
    supervisor: Supervisor, workspace: Workspace, lock: locks.FileLock, idle_s: float
) -> bool:
    """Tick until idle; False when the workspace was deleted meanwhile."""
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < idle_s:
        if not lock.in_place():
            return False
        woken_at, began = _wake_stamp(workspace), time.monotonic()
        active = True
        try:
            active = supervisor.tick()
        except TLError as problem:
            print(f"supervisor: {problem}", flush=True)
        if active:
            idle_since = time.monotonic()
        tick_s = BUSY_TICK_S if active else IDLE_TICK_S
        while time.monotonic() - began < tick_s and _wake_stamp(workspace) == woken_at:
            time.sleep(LOOK_EVERY_S)
        if _wake_stamp(workspace) != woken_at:
            idle_since = time.monotonic()
    return True


def _take_again(supervisor: Supervisor, workspace: Workspace) -> locks.FileLock | None:
    try:
        if not supervisor.has_work():
            return None
    except TLError:
        return None
    return locks.FileLock.take(workspace.supervisor_lock, wait_s=1.0)


def _wake_stamp(workspace: Workspace) -> int:
    try:
        return workspace.wake.stat().st_mtime_ns
    except OSError:
        return 0


def main(arguments: list[str] | None = None) -> int:
    """Supervise the workspace given."""
    parser = argparse.ArgumentParser(prog="tlcore.supervisor", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--lock-handle", type=int, help="of the lock, taken by whoever starts this")
    options = parser.parse_args(arguments)
    workspace, lock = Workspace(options.workspace.resolve()), None
    if options.lock_handle is not None:
        lock = locks.FileLock.inherit(workspace.supervisor_lock, options.lock_handle)
    supervise(workspace, SupervisorSettings.from_env(), lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())

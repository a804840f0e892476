"""A real worker process whose job is slow, light and repeatable: `python -m tests.slow_worker`.

It claims, reports, commits and ends like any other; only the work is a chain of hashes.
"""

import argparse
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tlcore import locks
from tlcore.executors import child_environment
from tlcore.store import Store
from tlcore.worker import Outcome, last_committed, run_job
from tlcore.workspace import Workspace, whole_file

EPOCHS = 12


def work(epoch_s: float, manner: str):
    """A function for run_job: epochs of `epoch_s` seconds that heed a cancel, or that are deaf to it."""

    def execute(job, store, run_dir, reporter):
        committed = last_committed(job, store, run_dir, reporter)
        state = json.loads(committed.checkpoint.read_text()) if committed else {"epoch": 0, "weights": "start"}
        reporter.phase("train")
        for number in range(state["epoch"] + 1, EPOCHS + 1):
            end = time.monotonic() + epoch_s
            while time.monotonic() < end:
                time.sleep(0.005)
                if manner != "deaf":
                    reporter.check()
                    reporter.progress(number / EPOCHS, f"epoch {number}")
            state = {"epoch": number, "weights": hashlib.sha256(state["weights"].encode()).hexdigest()}
            checkpoint = run_dir / f"checkpoint-{number}.npz"
            with whole_file(checkpoint) as temporary:
                temporary.write_text(json.dumps(state))
            reporter.epoch(number, {"loss": 1 / number}, checkpoint)
            if manner == "disk-full" and number == 3:
                (run_dir / ".writing-1-checkpoint-4.npz").write_text("half")
                raise OSError(errno.ENOSPC, "No space left on device")
            if manner == "out-of-memory" and number == 3:
                raise MemoryError
            if manner == "broken" and number == 3:
                raise ZeroDivisionError("division by zero")
        return Outcome({"weights": state["weights"]})

    return execute


def start(workspace: Workspace, owner: str, epoch_s: float = 0.05, manner: str = "obedient") -> subprocess.Popen:
    """Start it; it waits for a job of kind train, does it and ends."""
    command = [sys.executable, "-m", "tests.slow_worker", str(workspace.root), owner, str(epoch_s), manner]
    return subprocess.Popen(command, env=child_environment(), start_new_session=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("owner")
    parser.add_argument("epoch_s", type=float)
    parser.add_argument("manner")
    options = parser.parse_args()
    if options.manner == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    store = Store.open(Workspace(options.root))
    assert locks.take_owner_lock(store.workspace.locks, options.owner) is not None
    while (job := store.claim(options.owner, "train")) is None:
        time.sleep(0.02)
    print(run_job(store, job, work(options.epoch_s, options.manner)), os.getpid())


if __name__ == "__main__":
    main()

"""Trials without a network: curves that follow from the settings, by the real loop of a study; also as a real worker process.

`python -m tests.tuning.simulated_trials` is the real worker with another table of work.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

from tlcore import tasks, worker
from tlcore.carry_out import run_job
from tlcore.errors import InputError
from tlcore.executors import child_environment
from tlcore.locks import take_owner_lock
from tlcore.store import JobState, Store
from tlcore.tasks import Outcome, last_committed
from tlcore.workspace import Workspace, whole_file

EPOCHS, COMMITTED = 6, (1, 4, 6)


def quality(config) -> float:
    """From 0 to 1, best at rate 1e-3 and dropout 0.25; seeds move it a little."""
    far = (math.log10(config.optimizer.learning_rate) + 3) ** 2 + 4 * (config.head.dropout - 0.25) ** 2
    return 0.9 * math.exp(-far) + 0.02 * math.sin(config.train.seed)


def trial(epoch_s: float = 0.0):
    """A function for run_job: epochs that approach the quality of the settings, and a result as of a run."""

    def execute(job, store, run_dir, reporter):
        config, committed = job.config, last_committed(job, store, run_dir, reporter)
        if config.head.hidden == (13,):
            raise InputError("thirteen brings no luck.")
        reporter.phase("train")
        figures: dict[str, float] = {}
        for epoch in range(committed.epoch + 1 if committed else 1, EPOCHS + 1):
            end = time.monotonic() + epoch_s
            while True:
                reporter.check()
                reporter.progress(epoch / EPOCHS)
                if time.monotonic() >= end:
                    break
                time.sleep(0.005)
            accuracy = quality(config) * (1 - 0.5**epoch)
            figures = {"loss": 1.0, "val_loss": 1 - accuracy, "val_accuracy": accuracy, "val_macro_f1": accuracy}
            checkpoint = None
            if epoch in COMMITTED:
                checkpoint = run_dir / f"checkpoint-{epoch}.npz"
                with whole_file(checkpoint) as temporary:
                    temporary.write_text(json.dumps(epoch))
            reporter.epoch(epoch, figures, checkpoint)
        best = {name: value for name, value in figures.items() if name != "loss"}
        tested = job.payload.get("trial", {}).get("role", "final") == "final"
        return Outcome({"best": best, "epochs": EPOCHS, "best_epoch": EPOCHS, **({"test_accuracy": 0.5} if tested else {"judged_on": "val"})})

    return execute


def carried_out(store: Store, monkeypatch, epoch_s: float = 0.0) -> JobState:
    """Let this process be the worker that carries the next study out; the state that it ends in."""
    monkeypatch.setitem(tasks.JOB_KINDS, "train", trial(epoch_s))
    lock = take_owner_lock(store.workspace.locks, "here")
    assert lock is not None
    try:
        job = store.claim("here", "study")
        assert job is not None
        return run_job(store, job, tasks.JOB_KINDS["study"])
    finally:
        lock.remove()


def start(workspace: Workspace, owner: str, epoch_s: float) -> subprocess.Popen:
    """A worker that nobody supervises: it takes the study that waits, carries it out and ends."""
    command = [sys.executable, "-m", "tests.tuning.simulated_trials", "--workspace", str(workspace.root), "--kind", "study", "--owner", owner]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**child_environment(), "SLOW_EPOCH_S": str(epoch_s)}, start_new_session=True, cwd=Path(__file__).parents[2])
    assert process.stdin is not None
    process.stdin.write(b"study\n")
    process.stdin.flush()
    return process


if __name__ == "__main__":
    worker.JOB_KINDS["train"] = trial(float(os.environ.get("SLOW_EPOCH_S", "0.02")))
    worker.warm_up = lambda kind, store: None
    sys.exit(worker.main())

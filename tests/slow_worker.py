"""A real worker process whose job is slow, light and repeatable: `python -m tests.slow_worker`.

It is the real worker with another table of work: a run is a chain of hashes.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tlcore import worker
from tlcore.executors import child_environment
from tlcore.tasks import Outcome, last_committed
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
                Path("/dev/full").write_text("it says that no space is left")
            if manner == "out-of-memory" and number == 3:
                raise MemoryError
            if manner == "broken" and number == 3:
                raise ZeroDivisionError("division by zero")
        return Outcome({"weights": state["weights"]})

    return execute


def start(workspace: Workspace, owner: str, epoch_s: float = 0.05, manner: str = "obedient") -> subprocess.Popen:
    """Start one that nobody supervises; it takes the run that waits, does it and ends."""
    command = [sys.executable, "-m", "tests.slow_worker", "--workspace", str(workspace.root)]
    process = subprocess.Popen(
        [*command, "--kind", "train", "--owner", owner],
        stdin=subprocess.PIPE, env=environment(epoch_s, manner), start_new_session=True,
    )
    process.stdin.write(b"train\n")
    process.stdin.flush()
    return process


def environment(epoch_s: float, manner: str) -> dict[str, str]:
    return {**child_environment(), "SLOW_EPOCH_S": str(epoch_s), "SLOW_MANNER": manner}


if __name__ == "__main__":
    manner = os.environ.get("SLOW_MANNER", "obedient")
    if manner == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker.JOB_KINDS["train"] = worker.JOB_KINDS["rate"] = work(float(os.environ.get("SLOW_EPOCH_S", "0.05")), manner)
    worker.warm_up = lambda kind, workspace: None
    sys.exit(worker.main())

"""From Start to the first point on the curve, and to the end, for the demonstration.

Warm: the supervisor's standby worker has imported TensorFlow. Cold: no supervisor runs yet.
The activation cache is emptied before each round, so that every phase is counted.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.workbench import POLL_S, stop_supervisor, wait_for_standby
from tlcore import demo
from tlcore.store import Job, Store
from tlcore.workspace import Workspace

TARGET_WARM_S = 2.0
TARGET_COLD_S = 10.0


def measure(rounds: int) -> dict[str, object]:
    """Medians over `rounds` warm starts and one cold start, in seconds."""
    with tempfile.TemporaryDirectory(prefix="tlcore-benchmark-") as folder:
        workspace = Workspace(Path(folder)).create()
        store = Store.open(workspace)
        demo.ensure_built_in("digits", store, workspace)
        try:
            cold_first_s, _, _ = time_demonstration(store, workspace)
            warm = []
            for _ in range(rounds):
                wait_for_standby(workspace)
                shutil.rmtree(workspace.activations, ignore_errors=True)
                warm.append(time_demonstration(store, workspace))
        finally:
            stop_supervisor(workspace)
    return {
        "cold_first_point_s": round(cold_first_s, 2),
        "warm_first_point_s": round(statistics.median(first for first, _, _ in warm), 2),
        "warm_first_point_all_s": [round(first, 2) for first, _, _ in warm],
        "warm_finished_s": round(statistics.median(end for _, end, _ in warm), 2),
        "test_accuracy": (warm[-1][2].result or {}).get("test_accuracy"),
        "targets_s": {"cold_first_point": TARGET_COLD_S, "warm_first_point": TARGET_WARM_S},
    }


def time_demonstration(store: Store, workspace: Workspace) -> tuple[float, float, Job]:
    """Seconds from submit to the first committed epoch and to the end."""
    began = time.perf_counter()
    run_id = demo.start(store, workspace)
    first_s = None
    while True:
        if first_s is None and len(store.epochs(run_id)):
            first_s = time.perf_counter() - began
        job = store.job(run_id)
        if not job.active:
            assert job.state == "done" and first_s is not None, job.error
            return first_s, time.perf_counter() - began, job
        time.sleep(POLL_S)

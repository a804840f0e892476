"""python -m tlcore.worker: one process that carries out one job, then ends."""

from __future__ import annotations

import argparse
import os
import select
import sys
from pathlib import Path

from tlcore import jobs, locks
from tlcore.carry_out import run_job, sentence
from tlcore.errors import Cancelled, Superseded
from tlcore.reporter import NullReporter
from tlcore.store import JobState, Store
from tlcore.tasks import JOB_KINDS
from tlcore.workspace import Workspace


def warm_up(kind: str, store: Store) -> None:
    """Import and try once what a job of this kind needs, so that it starts at once."""
    if kind in ("train", "study"):
        from tlcore.nn import training, warming  # noqa: F401

        warming.warm_up(store.workspace)
        if kind == "train" and os.environ.get("TLCORE_REHEARSE", "1") != "0" and not told_already():
            expect_another(store)
    elif kind == "ingest":
        import tlcore.datasets.sources  # noqa: F401


class UntilTold(NullReporter):
    """Stops a rehearsal when a job is there."""

    def check(self) -> None:
        if told_already():
            raise Cancelled("A job came.")


def expect_another(store: Store) -> None:
    """Rehearse the latest finished run: the same pictures with another setting come most often."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn import warming

    try:
        for job in store.jobs(kind="train", states=[JobState.done], limit=1):
            if "source_id" in job.payload:
                return  # Two domains aren't rehearsed.
            dataset = Dataset.open(store.workspace.dataset(job.payload["dataset_id"]))
            store.workspace.rehearsals.mkdir(parents=True, exist_ok=True)
            warming.rehearse(job.config, dataset, store.workspace, store.workspace.rehearsals, UntilTold())
    except Exception as problem:  # Whatever it is, the run itself will tell of it better.
        print(f"rehearsal left off: {sentence(problem)}", file=sys.stderr)


def told_already() -> bool:
    """Whether a line waits on standard input; where that can't be asked, it may."""
    return os.name != "posix" or bool(select.select([sys.stdin], [], [], 0)[0])


def main(arguments: list[str] | None = None) -> int:
    """Get ready, wait for one line on standard input, claim a job of the kind that it names, and carry it out."""
    parser = argparse.ArgumentParser(prog="tlcore.worker", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--kind", choices=sorted(JOB_KINDS), required=True)
    parser.add_argument("--owner", required=True, help="names the lock that says this worker lives")
    parser.add_argument("--cards", type=int, default=1, help="cards that the job to be claimed asks for")
    options = parser.parse_args(arguments)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # It would call home.
    store = Store.open(Workspace(options.workspace.resolve()))
    # Held until the process ends: the first sign of life comes before the claim.
    if locks.take_owner_lock(store.workspace.locks, options.owner) is None:
        print(f"another worker is called {options.owner}", file=sys.stderr)
        return 1
    warm_up(options.kind, store)
    print(f"worker {options.owner} is ready for {options.kind}", flush=True)
    kind = sys.stdin.readline().strip()
    if not kind:
        return 0  # The supervisor is gone, or has no use for this worker.
    job = jobs.claim(store, options.owner, kind, options.cards)
    if job is None:
        return 0  # It was cancelled meanwhile.
    try:
        run_job(store, job, JOB_KINDS[kind])
    except Superseded as superseded:
        print(superseded, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

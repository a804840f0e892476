"""python -m tlcore.worker: one process that carries out one job, then ends.

The only place that catches everything: whatever happens, the job ends in one state with one
sentence that says why.
"""

from __future__ import annotations

import argparse
import errno
import os
import select
import sys
import traceback
from pathlib import Path

from tlcore import jobs, locks
from tlcore.errors import Cancelled, Superseded, TLError
from tlcore.reporter import NullReporter
from tlcore.store import Job, JobState, Store
from tlcore.store_reporter import StoreReporter, patiently, write_log
from tlcore.tasks import JOB_KINDS, Execute, Outcome, remove_half_written
from tlcore.workspace import Workspace


def run_job(store: Store, job: Job, execute: Execute) -> JobState:
    """Carry out a claimed job to its end, whatever happens, and return the state it ended in.

    Raises: Superseded when the job belongs to another attempt now; nothing was written then.
    """
    run_dir = store.workspace.run(job.id)
    reporter = StoreReporter(store, job, run_dir)
    outcome, error, trace = None, None, None
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        remove_half_written(run_dir)
        reporter.log(f"Attempt {job.attempt} begins.")
        outcome = execute(job, store, run_dir, reporter)
        state = JobState.done
    except Superseded:
        raise
    except Cancelled:
        state = JobState.cancelled
    except BaseException as problem:
        state, error = JobState.failed, sentence(problem)
        trace = None if isinstance(problem, TLError) else traceback.format_exc()
    return _finish(store, job, reporter, state, outcome, error, trace)


def _finish(
    store: Store,
    job: Job,
    reporter: StoreReporter,
    state: JobState,
    outcome: Outcome | None,
    error: str | None,
    trace: str | None,
) -> JobState:
    run_dir = store.workspace.run(job.id)
    remove_half_written(run_dir)  # On a full disk this makes the room for what follows.
    if error:
        write_log(run_dir, "\n".join(part for part in (error, trace) if part))
    figures = {"result": outcome.result if outcome else None, "worked_s": reporter.worked_s()}
    try:
        patiently(
            lambda: store.finish(
                job, state, outcome.dataset if outcome else None, error=error, traceback=trace, **figures
            )
        )
    except TLError as problem:
        if outcome is None or outcome.dataset is None:
            raise
        jobs.remove_folder(store.workspace.dataset(outcome.dataset.id))
        if isinstance(problem, Superseded):
            raise
        return _finish(store, job, reporter, JobState.failed, None, str(problem), None)
    if state == JobState.done and job.kind in ("ingest", "weights"):
        jobs.drop_upload(store, job)  # Only now: an end that wasn't recorded needs it once more.
    return state


def sentence(problem: BaseException) -> str:
    """What went wrong and what helps, in words for the person who started the job."""
    name = type(problem).__name__
    if isinstance(problem, TLError):
        return str(problem)
    if isinstance(problem, MemoryError) or name == "ResourceExhaustedError":
        return "The run ran out of memory. Lower train.batch_size or backbone.input_size, or choose a smaller backbone, then resume or clone it."
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Disk full: the run stopped, and its last finished epoch is kept. Free some space, then resume it."
    first_line = str(problem).strip().partition("\n")[0][:200] or "no more is known"
    return f"The job stopped by an unexpected error ({name}: {first_line}). Its log has the details."


def warm_up(kind: str, store: Store) -> None:
    """Import and try once what a job of this kind needs, so that it starts at once."""
    if kind == "train":
        from tlcore.nn import training, warming  # noqa: F401

        warming.warm_up(store.workspace)
        if os.environ.get("TLCORE_REHEARSE", "1") != "0" and not told_already():
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

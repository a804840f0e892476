"""A claimed job from its first step to its recorded end.

The only place that catches everything: whatever happens, the job ends in one state with one
sentence that says why.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tlcore import jobs
from tlcore.errors import Cancelled, Interrupted, Pruned, Superseded, TLError
from tlcore.store import Job, JobState, Store
from tlcore.store_reporter import StoreReporter, patiently, write_log
from tlcore.tasks import Execute, Outcome, remove_half_written

Ending = Callable[[JobState], Mapping[str, Any]]
"""Columns of the job that are written with its end, by the state in which it ends."""


def _nothing(state: JobState) -> Mapping[str, Any]:
    return {}


def run_job(store: Store, job: Job, execute: Execute, reporter: StoreReporter | None = None, ending: Ending = _nothing) -> JobState:
    """Carry out a claimed job to its end, whatever happens, and return the state it ended in.

    reporter: the job's own, where the usual one doesn't do.
    ending: what else is recorded of the job, in the same step as its end.
    Raises: Superseded when the job belongs to another attempt now; nothing was written then.
    """
    run_dir = store.workspace.run(job.id)
    reporter = reporter or StoreReporter(store, job, run_dir)
    outcome, error, trace, message = None, None, None, None
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        remove_half_written(run_dir)
        reporter.log(f"Attempt {job.attempt} begins.")
        outcome = execute(job, store, run_dir, reporter)
        state = JobState.done
    except Superseded:
        raise
    except Interrupted as stop:
        state, error = JobState.interrupted, str(stop)
    except Pruned as stop:
        state, message = JobState.cancelled, str(stop)
    except Cancelled:
        state = JobState.cancelled
    except BaseException as problem:
        state, error = JobState.failed, sentence(problem)
        trace = None if isinstance(problem, TLError) else traceback.format_exc()
    more = {**ending(state), **({"message": message} if message else {})}
    return _finish(store, job, reporter, state, outcome, error, trace, more)


def _finish(
    store: Store,
    job: Job,
    reporter: StoreReporter,
    state: JobState,
    outcome: Outcome | None,
    error: str | None,
    trace: str | None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> JobState:
    run_dir = store.workspace.run(job.id)
    remove_half_written(run_dir)  # On a full disk this makes the room for what follows.
    if error:
        write_log(run_dir, "\n".join(part for part in (error, trace) if part))
    figures = {"result": outcome.result if outcome else None, "worked_s": reporter.worked_s(), **more}
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

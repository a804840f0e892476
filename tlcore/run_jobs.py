"""What can be asked of a finished run afterwards: a file to take away, a t-SNE map, a search for wrong labels."""

from __future__ import annotations

from typing import Any, Literal

from tlcore import exports, jobs
from tlcore.errors import ConflictError
from tlcore.store import Job, JobState, Store

Kind = Literal["export", "map", "label_check"]
TITLES: dict[Kind, str] = {"export": "{what} file of run {run}", "map": "t-SNE map of run {run}", "label_check": "Label check of run {run}"}


def submit(store: Store, kind: Kind, run_id: int) -> int:
    """Queue it for a finished run and return the job's id; one that waits or works already serves.

    Raises: NotFoundError, ConflictError for a run that isn't done.
    """
    return _submit(store, kind, run_id, TITLES[kind].format(run=run_id), {})


def submit_export(store: Store, run_id: int, kind: exports.Kind) -> int:
    """The same for a file to take away; raises ResourceError too, where a library is missing."""
    kind.refuse_missing()
    return _submit(store, "export", run_id, TITLES["export"].format(what=kind.title, run=run_id), _what(kind))


def latest(store: Store, kind: Kind, run_id: int) -> Job | None:
    """The last job of this kind for a run, however it ended."""
    return _latest(store, kind, run_id, {})


def latest_export(store: Store, run_id: int, kind: exports.Kind) -> Job | None:
    """The last job that was to make this file, however it ended."""
    return _latest(store, "export", run_id, _what(kind))


def _what(kind: exports.Kind) -> dict[str, Any]:
    return {"format": kind.format.name, "int8": kind.int8}


def _submit(store: Store, kind: Kind, run_id: int, title: str, asked: dict[str, Any]) -> int:
    run = store.job(run_id)
    if run.kind != "train" or run.state is not JobState.done:
        raise ConflictError(f"run {run_id} has no finished model. Wait for its end, or resume it.")
    job = _latest(store, kind, run_id, asked)
    job_id = job.id if job and job.active else store.add_job(kind, title, {"run": run_id, **asked})
    jobs.ensure_supervisor(store.workspace)
    return job_id


def _latest(store: Store, kind: Kind, run_id: int, asked: dict[str, Any]) -> Job | None:
    wanted = {"run": run_id, **asked}
    return next((job for job in store.jobs(kind, limit=200) if job.payload.items() >= wanted.items()), None)

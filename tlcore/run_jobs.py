"""What can be asked of a finished run afterwards: its Keras file, a t-SNE map, a search for wrong labels."""

from __future__ import annotations

from typing import Literal

from tlcore import jobs
from tlcore.errors import ConflictError
from tlcore.store import Job, JobState, Store

Kind = Literal["export", "map", "label_check"]
TITLES: dict[Kind, str] = {"export": "Keras file of run {}", "map": "t-SNE map of run {}", "label_check": "Label check of run {}"}


def submit(store: Store, kind: Kind, run_id: int) -> int:
    """Queue it for a finished run and return the job's id; one that waits or works already serves.

    Raises: NotFoundError, ConflictError for a run that isn't done.
    """
    run = store.job(run_id)
    if run.kind != "train" or run.state is not JobState.done:
        raise ConflictError(f"run {run_id} has no finished model. Wait for its end, or resume it.")
    job = latest(store, kind, run_id)
    job_id = job.id if job and job.active else store.add_job(kind, TITLES[kind].format(run_id), {"run": run_id})
    jobs.ensure_supervisor(store.workspace)
    return job_id


def latest(store: Store, kind: Kind, run_id: int) -> Job | None:
    """The last job of this kind for a run, however it ended."""
    return next((job for job in store.jobs(kind, limit=200) if job.payload["run"] == run_id), None)

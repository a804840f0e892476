"""What can be done with weight sets: add one from a file or a run, delete one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tlcore import chains, jobs, weight_sets
from tlcore.backbones import spec
from tlcore.errors import ConflictError, InputError
from tlcore.store import ACTIVE, JobState, Store

KIND = "weights"
LONGEST_NAME = 120
MOST_NAMED = 5


def submit_file(
    store: Store, source: str, backbone: str, name: str | None = None, *,
    partial: bool = False, trained_on: str = "", uploaded_as: str | None = None,
) -> int:
    """Queue the reading of a weights file for a backbone and return the job's id.

    partial: layers that the file lacks, or has in another shape, stay random. trained_on: what the weights know, if that is known.
    uploaded_as: the name that an uploaded file had with its owner.
    Raises: InputError for an unknown backbone and what can't be a path, ConflictError when the name is taken.
    """
    source, shown = jobs.located(source), uploaded_as or Path(source).name
    name = (name or "").strip() or shown
    refuse_taken(store, name)
    payload = {"source": source, "backbone": spec(backbone).name, "name": name, "partial": partial, "trained_on": trained_on, "shown": shown}
    return _queue(store, f"Weights {name}", payload)


def submit_run(store: Store, run_id: int, name: str | None = None) -> int:
    """Queue the taking of a finished run's trunk and return the job's id. Raises NotFoundError, InputError, ConflictError."""
    job = store.job(run_id)
    if job.kind != "train" or job.state is not JobState.done:
        raise InputError(f"run {run_id} has no finished model. Wait for its end, or resume it.")
    if weight_sets.of_run(store.workspace, run_id) is None:
        refuse_taken(store, name or f"run {run_id}", run_id)
    return _queue(store, f"Weights of run {run_id}", {"run": run_id, "name": name})


def _queue(store: Store, title: str, payload: dict[str, Any]) -> int:
    job_id = store.add_job(KIND, title, payload)
    jobs.ensure_supervisor(store.workspace)
    return job_id


def refuse_taken(store: Store, name: str, run_id: int | None = None) -> None:
    """Raise ConflictError where a weight set has the name, or is about to; InputError for one that can't be.

    run_id: the run whose trunk is to have it.
    """
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"'{name[:40]}' can't be the name of a weight set. Choose one of {LONGEST_NAME} printable characters or fewer.")
    if re.fullmatch(r"run \d+", name) and name != f"run {run_id}":
        raise InputError(f"'{name}' is what the weights of that run are called. Choose another name.")
    if any(each.name == name for each in weight_sets.listed(store.workspace)):
        raise ConflictError(f"A weight set named '{name}' exists already. Choose another name.")
    if any(job.payload["name"] == name for job in store.jobs(KIND, states=ACTIVE, limit=10_000)):
        raise ConflictError(f"A weight set named '{name}' is being added already. Wait for it or cancel it, or choose another name.")


def delete(store: Store, name_or_id: str) -> weight_sets.WeightSet:
    """Delete a weight set and give what it was. Raises NotFoundError, and ConflictError naming the runs that use it."""
    found = weight_sets.find(store.workspace, name_or_id)
    users = chains.users(store, found)
    if users:
        named = ", ".join(f"{run} ({title})" for run, title in list(users.items())[:MOST_NAMED]) + (", …" if len(users) > MOST_NAMED else "")
        raise ConflictError(f"weight set '{found.name}' is used by run {named}. Delete these first.")
    jobs.remove_folder(found.folder)
    return found

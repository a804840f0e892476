"""What can be done with the marked pictures of a dataset: queue a revision without them."""

from __future__ import annotations

import re

from tlcore import jobs
from tlcore.errors import InputError
from tlcore.store import Store


def submit(store: Store, dataset: str, name: str | None = None, left_out: frozenset[str] | None = None, token: str | None = None) -> int:
    """Queue a revision of a dataset without its marked pictures and return the job's id.

    left_out: content ids instead of the marked ones. token: two submissions with the same one make one revision.
    Raises: NotFoundError; InputError where none is marked; ConflictError when the name is taken.
    """
    earlier = store.job_by_token(token) if token is not None else None
    if earlier is not None:
        return earlier.id
    record = store.dataset(dataset)
    marked = store.marks.of(record.id) if left_out is None else left_out
    if not marked:
        raise InputError(f"No picture of dataset '{record.name}' is marked. Mark those that a revision is to leave out.")
    name = (name or "").strip() or next_name(store, record.name)
    jobs.refuse_taken(store, name)
    payload = {"source": f"revision of {record.name}", "name": name, "of": record.id, "left_out": sorted(marked)}
    job_id = store.add_job("ingest", f"Add {name}", payload, token=token)
    jobs.ensure_supervisor(store.workspace)
    return job_id


def next_name(store: Store, name: str) -> str:
    """`pets` → `pets v2` → `pets v3`: the first that no dataset has."""
    found = re.fullmatch(r"(.*) v(\d+)", name)
    base, number = (found[1], int(found[2])) if found else (name, 1)
    taken = {record.name for record in store.datasets()}
    while f"{base} v{number + 1}" in taken:
        number += 1
    return f"{base} v{number + 1}"

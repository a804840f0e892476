"""What can be done with a series of runs: queue it whole, cancel what still waits, delete it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlcore import jobs
from tlcore.config import RunConfig
from tlcore.errors import ConflictError
from tlcore.store import JobState, Store


def submit(
    store: Store, kind: str, title: str, configs: Sequence[RunConfig], settings: dict[str, Any],
    forecasts: Sequence[dict[str, Any] | None] | None = None, token: str | None = None,
) -> int:
    """Check all runs of an experiment, queue them in this order, all or none, and return the series' number.

    settings: what the experiment's kind wants to remember beside its runs, as JSON.
    forecasts: of each run, as `jobs.submit_run` takes it.
    token: two submissions with the same one make one series.
    Raises: NotFoundError, InputError before anything is queued.
    """
    earlier = store.series.by_token(token) if token is not None else None
    if earlier is not None:
        return earlier.id
    expected = forecasts if forecasts is not None else [None] * len(configs)
    rows = [jobs.run_row(store, config, forecast) for config, forecast in zip(configs, expected, strict=True)]
    made = store.series.add(kind, title, settings, rows, token)
    jobs.ensure_supervisor(store.workspace)
    return made


def cancel_waiting(store: Store, series_id: int) -> int:
    """Cancel the runs of a series that have not begun, and return how many; the one at work ends as it would."""
    waiting = [job for job in reversed(store.series.jobs(series_id)) if job.state is JobState.queued]  # The next one to begin last.
    return sum(jobs.cancel(store, job.id) is JobState.cancelled for job in waiting)


def delete(store: Store, series_id: int) -> int:
    """Delete a series with all its runs and their files, and return how many.

    Raises: NotFoundError; ConflictError while a run is active, or the backbone of another.
    """
    store.series.get(series_id)
    runs = store.series.jobs(series_id)
    if active := [job for job in runs if job.active]:
        raise ConflictError(f"{len(active)} of the runs are not over. Cancel them or wait for them, then delete the series.")
    for job in runs:
        jobs.delete_run(store, store.workspace, job.id)
    store.series.forget(series_id)
    return len(runs)

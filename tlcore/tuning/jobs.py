"""What can be done with studies: submit, stop, continue, promote a trial, delete."""

from __future__ import annotations

from typing import Any

from tlcore import jobs, series_jobs
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.records import RESUMABLE, JobState
from tlcore.store import Store
from tlcore.tuning.study import MOST_TRIALS, Budget, Study, check, config_of
from tlcore.tuning.trials import KIND, StudyView, gather


def submit(store: Store, study: Study, token: str | None = None) -> int:
    """Check a study against what is here, queue it, and return the number of its series.

    token: two submissions with the same one make one study.
    Raises: NotFoundError, InputError before anything is queued.
    """
    earlier = store.series.by_token(token) if token is not None else None
    if earlier is not None:
        return earlier.id
    check(study, store)
    record, source = store.dataset(study.base.dataset), jobs.source_record(store, study.base)
    ids = {"dataset_id": record.id, **({"source_id": source.id} if source else {})}
    job: dict[str, Any] = {"kind": KIND, "title": study.title, "payload": {"config": study.base.model_dump(mode="json"), **ids}, **ids}
    made = store.series.add(KIND, study.title, study.model_dump(mode="json"), [job], token)
    jobs.ensure_supervisor(store.workspace)
    return made


def stop(store: Store, series_id: int) -> JobState:
    """Ask a study to stop: the run at work is interrupted, and goes on when the study is continued. Raises NotFoundError."""
    return jobs.cancel(store, gather(store, series_id).job.id)


def go_on(store: Store, series_id: int, trials: int | None = None) -> None:
    """Continue a study that was stopped or has failed, or with so many more trials one that is done.

    Raises: NotFoundError; ConflictError while it is at work, or when it is done and has nothing more to do; InputError.
    """
    view = gather(store, series_id)
    job = view.job
    if job.active:
        jobs.ensure_supervisor(store.workspace)  # Where none is left, its worker may be gone too: the new one puts it back in line.
        raise ConflictError(f"study {series_id} is {job.state} already. Stop it first to change it.")
    if trials is None and job.state is JobState.done:
        raise ConflictError(f"study {series_id} is done. Say how many more trials it shall have.")
    if trials is not None:
        store.series.change(series_id, _with_more(view, trials).model_dump(mode="json"))
    payload = {name: value for name, value in job.payload.items() if name != "deaths"}
    if not store.requeue(job.id, RESUMABLE | {JobState.done}, payload):
        raise ConflictError(f"study {series_id} was continued meanwhile.")
    jobs.ensure_supervisor(store.workspace)


def _with_more(view: StudyView, trials: int) -> Study:
    """The study with so many more trials than it had, whatever the minutes said."""
    study, had = view.study, max(view.finished, view.study.budget.trials or 0)
    if not 1 <= trials <= MOST_TRIALS - had:
        raise InputError(f"{trials} more trials can't be planned: choose 1 to {MOST_TRIALS - had:,}.")
    more = study.model_copy(update={"budget": Budget(trials=had + trials)})
    if view.finished >= (more.settings_to_try or MOST_TRIALS):
        raise InputError(f"study {view.series.id} has tried all {view.finished:,} combinations of its values. Start another like it with more values to try.")
    return more


def promote(store: Store, series_id: int, number: int) -> int:
    """Queue the settings of a trial as an ordinary run, which is tested, and return its number. Raises NotFoundError, InputError."""
    view = gather(store, series_id)
    trial = next((trial for trial in view.settings if trial.number == number), None)
    if trial is None:
        raise NotFoundError(f"study {series_id} has no trial {number}. Its table lists those that it has.")
    config = config_of(view.study, trial.values, trial.seed, f"{view.study.title[:90]} · trial {number}, promoted")
    return jobs.submit_run(store, store.workspace, config)


def delete(store: Store, series_id: int) -> int:
    """Delete a study with all its runs and their files, and return how many runs. Raises NotFoundError; ConflictError while it is at work."""
    from tlcore.tuning import suggest  # Read when needed only: Optuna takes its time.

    gather(store, series_id)
    gone = series_jobs.delete(store, series_id) - 1  # The study's own job is none.
    suggest.forget(store.workspace, series_id)
    return gone

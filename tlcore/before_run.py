"""What can be asked of settings before they run: which learning rate to take, and whether more labels would help."""

from __future__ import annotations

from typing import Any, Literal

from tlcore import chains, growth, jobs, rate_range
from tlcore.config import RunConfig
from tlcore.errors import InputError
from tlcore.growth import Growth
from tlcore.rate_range import RateRange
from tlcore.store import DatasetRecord, Job, Store

Kind = Literal["rate", "more"]
TITLES: dict[Kind, str] = {"rate": "Learning rate · {}", "more": "More labels · {}"}
HIGHEST_RATE = 10.0  # As the settings allow.


def submit_rate(
    store: Store, config: RunConfig, low: float = rate_range.LOWEST, high: float = rate_range.HIGHEST, steps: int = rate_range.STEPS, token: str | None = None
) -> int:
    """Queue a range test from rate `low` to `high` in so many mini-batches, and return the job's id.

    token: two submissions with the same one make one job.
    Raises: NotFoundError, InputError.
    """
    if not 0 < low < high <= HIGHEST_RATE:
        raise InputError(f"rates from {low:g} to {high:g} can't be tested: the lowest must be above 0, the highest above it and at most {HIGHEST_RATE:g}.")
    if not rate_range.FEWEST_STEPS <= steps <= rate_range.MOST_STEPS:
        raise InputError(f"{steps} mini-batches can't be tested: choose {rate_range.FEWEST_STEPS} to {rate_range.MOST_STEPS:,}.")
    return _submit(store, "rate", config, {"low": low, "high": high, "steps": steps}, token)


def submit_more(store: Store, config: RunConfig, token: str | None = None) -> int:
    """Queue the refitting with fewer labels that says what more would bring, and return the job's id.

    token: two submissions with the same one make one job.
    Raises: NotFoundError; InputError also where there are too few pictures.
    """
    if config.backbone.weights == "none":
        raise InputError(f"{config.backbone.name} begins with random weights, on which a head learns little whatever its labels. Choose other weights of the backbone.")
    if not config.strategy.reads_target_labels:
        raise InputError(f"The strategy '{config.strategy.name}' reads no label of the target, so more of them can't help. Choose one that does.")
    _refuse_few(store, config, store.dataset(config.dataset))
    return _submit(store, "more", config, {}, token)


def rate_found(job: Job) -> RateRange | None:
    """What a range test found; None until it is done."""
    return RateRange.of(job.result) if job.result else None


def growth_found(job: Job) -> Growth | None:
    """What refitting with fewer labels found; None until it is done."""
    return Growth.of(job.result) if job.result else None


def _submit(store: Store, kind: Kind, config: RunConfig, asked: dict[str, Any], token: str | None) -> int:
    record, source = store.dataset(config.dataset), jobs.source_record(store, config)
    jobs.check_run(config, record, store)
    # One card is enough for what takes seconds.
    config = config.model_copy(update={"backbone": chains.pinned(store, config.backbone), "train": config.train.model_copy(update={"devices": 1})})
    # No foreign keys: a figure is no reason to keep a dataset.
    payload: dict[str, Any] = {"config": config.model_dump(mode="json"), "dataset_id": record.id, **asked}
    if source is not None:
        payload["source_id"] = source.id
    job_id = store.add_job(kind, TITLES[kind].format(config.title), payload, token=token)
    jobs.ensure_supervisor(store.workspace)
    return job_id


def _refuse_few(store: Store, config: RunConfig, record: DatasetRecord) -> None:
    from tlcore.datasets.dataset import (
        Dataset,  # Read when needed only: Arrow takes its time.
    )
    from tlcore.datasets.domains import divide

    dataset, source = (Dataset.open(store.workspace.dataset(each.id)) for each in (record, jobs.source_record(store, config) or record))
    split = divide(config, dataset, source).target
    growth.refuse_few(split.labels(split.train), split.val, split.classes)

"""Chains of runs: what weights have been trained on before, and whether a run can go on from them."""

from __future__ import annotations

from tlcore import weight_sets
from tlcore.backbones import BackboneSpec, spec
from tlcore.config import BackboneConfig
from tlcore.errors import InputError, NotFoundError
from tlcore.records import Job, JobState
from tlcore.store import Store
from tlcore.weight_sets import Training


def check(store: Store, config: BackboneConfig) -> None:
    """Raise InputError where a run's weights from elsewhere aren't here, or are another backbone's."""
    if config.weights == "set":
        try:
            found = weight_sets.find(store.workspace, str(config.weight_set))
        except NotFoundError as error:
            raise InputError(f"backbone.weight_set: {error}") from None
        if found.backbone != config.name:
            raise InputError(f"backbone.weight_set '{found.name}' is for {found.backbone}, not for {config.name}. Choose one that is, or that backbone.")
    elif config.weights == "run" and weight_sets.made_already(config, store.workspace) is None:
        job = _finished(store, config.run or 0)
        if job.config.backbone.name != config.name:
            raise InputError(f"backbone.run {job.id} has trained {job.config.backbone.name}, not {config.name}. Choose a run that has, or that backbone.")
    elif config.weights == "run":
        made = weight_sets.chosen(config, store.workspace)
        if made is not None and made.backbone != config.name:
            raise InputError(f"backbone.run {config.run} has trained {made.backbone}, not {config.name}. Choose a run that has, or that backbone.")


def _finished(store: Store, run_id: int) -> Job:
    job = store.jobs_by_id([run_id]).get(run_id)
    if job is None or job.kind != "train":
        raise InputError(f"backbone.run {run_id} is no run of this workspace. The Runs page lists the ones that exist.")
    if job.state is not JobState.done:
        raise InputError(f"backbone.run {run_id} is {job.state}: only a finished run can be the backbone of another. Wait for its end, or resume it.")
    return job


def pinned(store: Store, config: BackboneConfig) -> BackboneConfig:
    """The same with the id of its weight set: another one may get the name one day."""
    if config.weights != "set":
        return config
    return config.model_copy(update={"weight_set": weight_sets.find(store.workspace, str(config.weight_set)).id})


def trained_on(store: Store, config: BackboneConfig) -> tuple[Training, ...] | None:
    """What a backbone with these weights has been trained on, the oldest first; None where nobody knows.

    Raises NotFoundError where the set or the run is gone.
    """
    if config.weights not in ("set", "run"):
        return own_training(spec(config.name), config.weights)
    made = weight_sets.made_already(config, store.workspace)
    if made is None and config.run is not None:
        return after_run(store, store.job(config.run))
    return weight_sets.chosen(config, store.workspace).trained_on or None  # type: ignore[union-attr]


def own_training(backbone: BackboneSpec, weights: str) -> tuple[Training, ...]:
    """What a backbone's own weights have been trained on."""
    return () if weights == "none" else (Training(backbone.trained_on),)


def after_run(store: Store, job: Job) -> tuple[Training, ...]:
    """What the trunk of a run has been trained on once it is done: a frozen one learns nothing."""
    config = job.config
    before = trained_on(store, config.backbone)
    found = list((Training("unknown"),) if before is None else before)
    if config.freeze.trainable_blocks:
        learnt = [config.source.dataset] if config.source.dataset and config.strategy.domain != "labelled" else []
        if config.strategy.domain != "source":
            learnt.append(config.dataset)
        found += [Training(name, _dataset_id(store, job, name), job.id) for name in dict.fromkeys(learnt)]
    return tuple(found)


def _dataset_id(store: Store, job: Job, name: str) -> str | None:
    if name == job.config.dataset:
        return job.dataset_id
    return next((record.id for record in store.datasets() if record.name == name), None)


def users(store: Store, weights: weight_sets.WeightSet) -> dict[int, str]:
    """Titles of the runs whose backbone has these weights by their number, newest first."""
    return {job.id: job.title for job in store.jobs("train", limit=1_000_000) if _takes(job, weights)}


def _takes(job: Job, weights: weight_sets.WeightSet) -> bool:
    backbone = job.payload["config"].get("backbone", {})  # As stored: older ones may not fit today's settings.
    return backbone.get("weight_set") in (weights.id, weights.name) or (weights.run is not None and backbone.get("run") == weights.run)


def waiting_for(store: Store, run_id: int) -> dict[int, str]:
    """Titles of the unfinished runs whose backbone is this run, and that have not taken its weights yet."""
    if weight_sets.of_run(store.workspace, run_id) is not None:
        return {}
    unfinished = [state for state in JobState if state is not JobState.done]
    found = store.jobs("train", states=unfinished, limit=1_000_000)
    return {job.id: job.title for job in found if job.payload["config"].get("backbone", {}).get("run") == run_id}

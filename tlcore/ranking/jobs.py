"""Rankings as jobs: what may be ranked, asking for it, and reading what is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tlcore import backbones, chains, jobs, weight_sets
from tlcore.config import BackboneConfig
from tlcore.errors import InputError, NotFoundError
from tlcore.ranking import table
from tlcore.ranking.table import Ranking, Row
from tlcore.store import DatasetRecord, Job, Store
from tlcore.weights import weights_path

KIND = "rank"


def candidates(store: Store) -> dict[str, BackboneConfig]:
    """All that can be ranked, by title: every backbone with its own weights, and the weight sets."""
    own = {name: BackboneConfig(name=name, weights=spec.weights[0]) for name, spec in backbones.BACKBONES.items()}  # type: ignore[arg-type]
    sets = {f"{each.backbone}, {each.name}": BackboneConfig(name=each.backbone, weights="set", weight_set=each.id) for each in weight_sets.listed(store.workspace)}
    return own | sets


def is_here(config: BackboneConfig) -> bool:
    """Whether the weights are on this machine; otherwise Keras would download them."""
    if config.weights not in ("bundled", "imagenet"):
        return True
    spec = backbones.spec(config.name)
    return weights_path(spec, config.weights, config.input_size or spec.usual_size).is_file()


def named(store: Store, words: Sequence[str]) -> dict[str, BackboneConfig]:
    """Those of `candidates` with these titles, or names of weight sets. Raises InputError for what is neither."""
    every = candidates(store)
    by_set = {title.partition(", ")[2]: title for title, config in every.items() if config.weight_set}
    titles = [word if word in every else by_set.get(word, "") for word in words]
    if "" in titles:
        unknown = words[titles.index("")]
        raise InputError(f"'{unknown[:60]}' is no backbone and no weight set. Choose among: {', '.join(every)}.")
    return {title: every[title] for title in titles}


def submit(store: Store, dataset: str, chosen: dict[str, BackboneConfig], classes: Sequence[str] | None = None, at_most_px: int | None = None, token: str | None = None) -> int:
    """Queue a ranking of these backbones by title, and return the job's id.

    at_most_px: no larger input than this, as far as a backbone can; None: the usual one of each, or the candidate's own.
    token: two submissions with the same one make one job.
    Raises: NotFoundError, InputError.
    """
    record = store.dataset(dataset)
    if at_most_px is not None and at_most_px < 1:
        raise InputError(f"Pictures of at most {at_most_px} px can't be: choose 1 or more, or leave it out for the usual size of each backbone.")
    if not chosen:
        raise InputError("No backbone is chosen. Choose two or more.")
    unknown = [name for name in classes or () if name not in record.classes]
    if unknown:
        raise InputError(f"dataset '{record.name}' has no class '{unknown[0]}'. Its classes: {', '.join(record.classes[:20])}.")
    if classes and len(set(classes)) < 2:
        raise InputError("One class can't be told from others. Choose two or more classes, or none for all.")
    asked = []
    for title, config in chosen.items():
        chains.check(store, config)
        pinned = chains.pinned(store, config).model_copy(update={"input_size": config.input_size or _side(config.name, at_most_px)})
        asked.append(dataclasses.asdict(Row.asked(title, pinned, _caution(store, pinned, record))))
    # No foreign key: a ranking is no reason to keep a dataset.
    payload = {"dataset_id": record.id, "dataset": record.name, "classes": list(classes) if classes else None, "candidates": asked}
    job_id = store.add_job(KIND, f"Backbones · {record.name}, {len(set(classes or record.classes))} classes", payload, token=token)
    jobs.ensure_supervisor(store.workspace)
    return job_id


def _caution(store: Store, config: BackboneConfig, record: DatasetRecord) -> str | None:
    """A sentence where the weights have been trained on the dataset itself."""
    from tlcore.forecast.figures import has_seen  # Read when needed only: Arrow takes its time.

    seen = next((each for each in chains.trained_on(store, config) or () if has_seen(each, record)), None)
    return None if seen is None else f"It has been trained on {seen} itself, so its place says little about transfer."


def _side(backbone: str, at_most_px: int | None) -> int | None:
    """None where the usual size fits, so that runs with it have equal settings."""
    spec = backbones.spec(backbone)
    return None if at_most_px is None or at_most_px >= spec.usual_size else max(spec.min_size, at_most_px)


def found(store: Store, job: Job) -> Ranking | None:
    """What a job has measured, also while it works; None before its first backbone."""
    return Ranking.of(job.result) if job.result else table.load(store.workspace.run(job.id))


def find(store: Store, job_id: int) -> Job:
    """A job that is a ranking. Raises NotFoundError."""
    job = store.job(job_id)
    if job.kind != KIND:
        raise NotFoundError(f"job {job_id} is no ranking. Tune lists the rankings that exist.")
    return job

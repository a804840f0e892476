"""A collection becomes a dataset, and a run with a preset learns from it at once."""

from __future__ import annotations

import hashlib
from typing import Any

from tlcore import jobs
from tlcore.backbones import spec
from tlcore.collecting.collection import About, Collection, Taken, lacking
from tlcore.config import RunConfig, parse
from tlcore.datasets.ingest import Plan, ingest
from tlcore.datasets.stored import from_file
from tlcore.errors import ConflictError, InputError, NotFoundError, TLError
from tlcore.reporter import NullReporter
from tlcore.store import DatasetRecord, Store
from tlcore.weights import weights_path
from tlcore.workspace import Workspace

SIDE_PX = 160
PICTURE_BYTES = 200_000  # At most, nearly always.
# Frozen, so that seconds and few pictures are enough. Of a few pictures an epoch is one step: at a third of this rate the head had
# hardly begun after 40 of them (ResNet20 on 4 CIFAR-10 pictures a class: 70 % right of two classes, against 92 %).
_COMMON: dict[str, Any] = {
    "optimizer": {"learning_rate": 3e-3},
    "train": {"epochs": 80, "batch_size": 32, "early_stopping_patience": 20},
}
PRESETS: dict[str, dict[str, Any]] = {
    "MobileNetV2": {**_COMMON, "backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": SIDE_PX}},
    "ResNet20": {**_COMMON, "backbone": {"name": "ResNet20", "weights": "bundled"}},
}


def usual_preset() -> str:
    """The better network where its weights are on this machine, else the one that comes with the workbench."""
    return "MobileNetV2" if weights_path(spec("MobileNetV2"), "imagenet", SIDE_PX).is_file() else "ResNet20"


def train(collection: Collection, preset: str, store: Store, workspace: Workspace, token: str | None = None) -> int:
    """Make a dataset of the pictures as they are now, queue a run with a preset of PRESETS, and return its id.

    Pictures that haven't changed since the last time are the same dataset, and the same run as long as that is under way. token: two
    calls with the same one make one run.
    Raises: InputError for what is still lacking; NotFoundError, ResourceError, ConflictError.
    """
    earlier = store.job_by_token(token) if token is not None else None
    if earlier is not None:
        return earlier.id
    about, pictures = collection.about(), collection.pictures()
    if said := lacking(about, pictures):
        raise InputError(" ".join(said))
    record = _dataset(about, pictures, store, workspace)
    if (same := _under_way(about, record.name, preset, store)) is not None:
        return same
    run = jobs.submit_run(store, workspace, _settings(record.name, preset), token=token)
    collection.learnt_by(run)
    return run


def _under_way(about: About, dataset: str, preset: str, store: Store) -> int | None:
    """The collection's latest run where it is just that which is asked for and hasn't ended."""
    try:
        run = store.job(about.run) if about.run is not None else None
    except NotFoundError:
        return None
    asked = run is not None and run.active and (run.config.dataset, run.config.backbone.name) == (dataset, preset)
    return about.run if asked else None


def _settings(dataset: str, preset: str) -> RunConfig:
    return parse({**PRESETS[preset], "dataset": dataset})


def _dataset(about: About, pictures: list[Taken], store: Store, workspace: Workspace) -> DatasetRecord:
    """The dataset of just these pictures and classes: one that is there, else a new one."""
    source = f"Camera: {about.name} ({_fingerprint(about, pictures)})"
    found = next((record for record in store.datasets() if record.source == source), None)
    if found is not None:
        return found
    names = {record.name for record in store.datasets()}
    name = next(each for number in range(1, len(names) + 2) if (each := about.name if number == 1 else f"{about.name} {number}") not in names)
    dataset = ingest(_plan(about, pictures, source), name, workspace, NullReporter())
    try:
        record = jobs.dataset_record(dataset, workspace)
        store.add_dataset(record)
    except TLError as error:
        jobs.remove_folder(workspace.dataset(dataset.id))
        if isinstance(error, ConflictError):
            raise ConflictError(f"A dataset named '{name}' was added meanwhile. Try again.") from error
        raise
    return record


def _fingerprint(about: About, pictures: list[Taken]) -> str:
    """Equal for equal classes, pictures and bursts."""
    facts = "\n".join([*(f"{label} {name}" for label, name in about.classes.items()), *sorted(taken.key for taken in pictures)])
    return hashlib.sha256(facts.encode()).hexdigest()[:8]


def _plan(about: About, pictures: list[Taken], source: str) -> Plan:
    order = sorted(about.classes, key=lambda label: about.classes[label])
    bursts = {each: number for number, each in enumerate(dict.fromkeys((taken.label, taken.burst) for taken in pictures))}
    return Plan(
        where=about.name,
        source=source,
        classes=tuple(about.classes[label] for label in order),
        names=[f"{about.classes[taken.label]}/{taken.path.name}" for taken in pictures],
        labels=[order.index(taken.label) for taken in pictures],
        official=[""] * len(pictures),
        read=lambda place: pictures[place].path.read_bytes(),
        store=from_file,
        estimated_bytes=PICTURE_BYTES * len(pictures),
        bursts=[bursts[taken.label, taken.burst] for taken in pictures],
    )

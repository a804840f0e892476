"""What a job of each kind does, in one function a kind; whoever calls them ends the job."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tlcore import chains, exports, jobs, weight_sets
from tlcore.reporter import Committed
from tlcore.store import DatasetRecord, Job, Store
from tlcore.store_reporter import StoreReporter, sha256_of
from tlcore.weight_sets import WeightSet


class Outcome(NamedTuple):
    """What a job leaves: figures, and a dataset that is to be recorded with its end."""

    result: dict[str, Any]
    dataset: DatasetRecord | None = None


def train(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Carry out a run; a study's trials leave the test pictures to its winner."""
    from tlcore.nn import training

    given = _given(job, store, reporter)
    if job.payload.get("trial", {}).get("role", "final") != "final":
        given["tested"] = False
    resume_from = last_committed(job, store, run_dir, reporter)
    return Outcome(training.run(job.config, given.pop("dataset"), store.workspace, run_dir, reporter, resume_from, **given))


def rate(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Find a learning rate for settings."""
    from tlcore.nn import rate_range
    from tlcore.rate_range import rising

    rates = rising(job.payload["low"], job.payload["high"], job.payload["steps"])
    found = rate_range.find(job.config, workspace=store.workspace, run_dir=run_dir, reporter=reporter, rates=rates, **_given(job, store, reporter))
    return Outcome(found.to_json())


def more(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """See whether more labels would help."""
    from tlcore.nn import growth

    return Outcome(growth.measure(job.config, workspace=store.workspace, reporter=reporter, **_given(job, store, reporter)).to_json())


def rank(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Rank backbones before any training."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn import ranking
    from tlcore.ranking.table import Row

    asked = job.payload
    candidates = [Row(**each) for each in asked["candidates"]]
    dataset = Dataset.open(store.workspace.dataset(asked["dataset_id"]))
    return Outcome(ranking.rank(candidates, dataset, asked["classes"], store.workspace, reporter, lambda so_far: so_far.save(run_dir)).to_json())


def _given(job: Job, store: Store, reporter: StoreReporter) -> dict[str, Any]:
    """The datasets that a run's settings name, as `dataset` and, where there is one, `source`; the weights they name are made where they are lacking."""
    from tlcore.datasets.dataset import Dataset

    if job.config.backbone.run is not None:
        reporter.phase("prepare")
        take_trunk(store, job.config.backbone.run)
    named = {"dataset": "dataset_id", "source": "source_id"}
    return {role: Dataset.open(store.workspace.dataset(job.payload[key])) for role, key in named.items() if key in job.payload}


def ingest(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Add a dataset: new pictures, or a revision of those of another."""
    asked = job.payload
    if "of" in asked:
        from tlcore.datasets.dataset import Dataset
        from tlcore.datasets.revision import revise

        before = Dataset.open(store.workspace.dataset(asked["of"]))
        dataset = revise(before, asked["left_out"], asked["name"], store.workspace, reporter)
    else:
        from tlcore.datasets.sources import add_dataset

        dataset = add_dataset(asked["source"], asked["name"], store.workspace, reporter, asked.get("uploaded_as"))
    record = jobs.dataset_record(dataset, store.workspace)
    return Outcome({"dataset": record.name, "dataset_id": record.id}, record)


def weights(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Add a weight set from a file, or from a finished run."""
    from tlcore.nn import foreign_weights

    asked = job.payload
    reporter.phase("read")
    if "run" in asked:
        made = take_trunk(store, asked["run"], asked["name"])
    else:
        made = foreign_weights.add_file(
            Path(asked["source"]), asked["backbone"], store.workspace, run_dir,
            name=asked["name"], partial=asked["partial"], trained_on=asked["trained_on"], shown=asked["shown"],
        )
    reporter.log(f"Weight set '{made.name}' for {made.backbone}: {made.report}.")
    return Outcome({"weight_set": made.id, "name": made.name})


def take_trunk(store: Store, run_id: int, name: str | None = None) -> WeightSet:
    """What the backbone of a finished run has learnt, as a weight set; the one that was made before serves."""
    from tlcore.nn import foreign_weights

    made = weight_sets.of_run(store.workspace, run_id)
    if made is not None:
        return made
    known = chains.after_run(store, store.job(run_id))
    return foreign_weights.add_run(store.workspace.run(run_id), run_id, known, store.workspace, name)


def export(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Write a finished run's model as a file of another runtime, and check it."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.model_card import model_card
    from tlcore.nn.exporting.making import make

    run, asked = store.job(job.payload["run"]), job.payload
    if run.config.backbone.run is not None:
        take_trunk(store, run.config.backbone.run)
    dataset = Dataset.open(store.workspace.dataset(run.payload["dataset_id"]))
    source = Dataset.open(store.workspace.dataset(run.payload["source_id"])) if "source_id" in run.payload else None
    kind = exports.kind_of(asked.get("format", "keras"), asked.get("int8", False))
    check = make(kind, store.workspace.run(run.id), dataset, source, reporter, lambda made: model_card(run, store, made))
    return Outcome({"run": run.id, **check.to_document()})


def shift(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Measure how far two domains are apart."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn.shift import measure

    if job.config.backbone.run is not None:
        take_trunk(store, job.config.backbone.run)
    target, source = (Dataset.open(store.workspace.dataset(job.payload[name])) for name in ("dataset_id", "source_id"))
    return Outcome(dataclasses.asdict(measure(job.config, target, source, store.workspace, reporter)))


def map_pictures(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Lay a t-SNE map of a finished run's pictures."""
    from tlcore import tsne

    laid = tsne.compute(store.workspace.run(job.payload["run"]), reporter)
    return Outcome({"run": job.payload["run"], "pictures": len(laid.positions)})


def label_check(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Look for wrong labels in a finished run's dataset."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn.label_check import check

    run = store.job(job.payload["run"])
    if run.config.backbone.run is not None:
        take_trunk(store, run.config.backbone.run)
    dataset = Dataset.open(store.workspace.dataset(run.payload["dataset_id"]))
    found = check(run.config, dataset, store.workspace.run(run.id), store.workspace, reporter)
    return Outcome({"run": run.id, "pictures": found.pictures, "suspects": len(found.table)})


def study(job: Job, store: Store, _run_dir: Path, reporter: StoreReporter) -> Outcome:
    """Try settings, one run after another, to find the best."""
    from tlcore.tuning.search import Search

    return Outcome(Search(job, store, reporter, JOB_KINDS["train"]).run())


Execute = Callable[[Job, Store, Path, StoreReporter], Outcome]
JOB_KINDS: dict[str, Execute] = {"train": train, "ingest": ingest, "export": export, "shift": shift, "weights": weights, "map": map_pictures, "label_check": label_check, "rate": rate, "more": more, "rank": rank, "study": study}


def last_committed(job: Job, store: Store, run_dir: Path, reporter: StoreReporter) -> Committed | None:
    """The newest epoch whose checkpoint is as it was committed; those after it are forgotten."""
    records = store.epoch_records(job.id)
    kept = len(records)
    while kept and not _unchanged(run_dir / records[kept - 1].checkpoint, records[kept - 1].sha256):
        kept -= 1
    if kept < len(records):
        instead = f"epoch {records[kept - 1].epoch}" if kept else "the beginning"
        newest = records[-1].epoch
        reporter.note(f"The checkpoint of epoch {newest} is missing or was altered; going on from {instead}.", "warning")
        store.drop_epochs(job, after=records[kept - 1].epoch if kept else 0)
    if not kept:
        return None
    history = [
        {"epoch": float(r.epoch), "seconds": r.seconds, **{k: float("nan") if v is None else v for k, v in r.metrics.items()}}
        for r in records[:kept]
    ]
    reporter.log(f"Going on after epoch {records[kept - 1].epoch}.")
    return Committed(records[kept - 1].epoch, run_dir / records[kept - 1].checkpoint, history)


def _unchanged(path: Path, sha256: str) -> bool:
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def remove_half_written(run_dir: Path) -> None:
    """Remove what an attempt that was killed had not finished writing."""
    for left in run_dir.glob(".writing-*"):
        left.unlink(missing_ok=True)

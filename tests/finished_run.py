"""Runs without the training engine: logistic regressions on real digits, recorded as a worker records.

All figures are real: the same split, metrics and files as those of a run that trains a network.
"""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, SGDClassifier

from tlcore import config as settings
from tlcore import demo, jobs, metrics
from tlcore.choosing import Choice
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import divide, read_by
from tlcore.datasets.splits import Split
from tlcore.embedding import Embedding, placed, save_embedding, unit
from tlcore.reporter import Stopwatch
from tlcore.results import SUMMARY, Predictions, load_predictions, save_predictions
from tlcore.schema import jobs as job_table
from tlcore.store import EpochRecord, Job, JobState, Store
from tlcore.workspace import Workspace

SIDE_PX = 8


@functools.lru_cache(maxsize=8)
def digits_predictions(strength: float = 0.01, seed: int = 0) -> Predictions:
    """Probabilities of a logistic regression for 359 digits that it has not seen."""
    pixels, labels = load_digits(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(labels))
    train, test = rows[359:], np.sort(rows[:359])
    model = LogisticRegression(C=strength, max_iter=200).fit(pixels[train] / 16, labels[train])
    return Predictions(
        split="test",
        rows=test,
        content_ids=np.array([f"{row:064x}" for row in test]),
        labels=labels[test],
        probabilities=model.predict_proba(pixels[test] / 16).astype(np.float32),
        classes=tuple(str(c) for c in range(10)),
    )


def finished_run(store: Store, workspace: Workspace, **changes: object) -> int:
    """Train a linear classifier and leave what a finished run leaves; `changes` as in `--set`: name, train.epochs …"""
    job, learner = _begun(store, workspace, changes)
    for epoch in range(1, job.config.train.epochs + 1):
        learner.epoch(store, job, epoch)
    leave_files(store, workspace, job, learner)
    return job.id


def finished_trial(store: Store, workspace: Workspace, **changes: object) -> int:
    """The same as a trial of a study leaves it: judged by its validation pictures, without a word of the test pictures."""
    run_id = finished_run(store, workspace, **changes)
    folder, result = workspace.run(run_id), dict(store.job(run_id).result or {})
    validation = load_predictions(folder, "val")
    for name in ("test_accuracy", "test_macro_f1", "test", "test_images", "test_ids_hash"):
        result.pop(name, None)
    result |= {"judged_on": "val", "val": metrics.evaluate(validation.labels, validation.probabilities)}
    save_predictions(folder, [validation])
    (folder / SUMMARY).write_text(json.dumps(result), encoding="utf-8")
    with store._writing() as connection:
        connection.execute(job_table.update().where(job_table.c.id == run_id).values(result=result))
    return run_id


def running_run(store: Store, workspace: Workspace, epochs: int = 3, **changes: object) -> tuple[Job, Learner]:
    """A run that is claimed and has committed some epochs; the caller ends it."""
    job, learner = _begun(store, workspace, changes)
    for epoch in range(1, epochs + 1):
        learner.epoch(store, job, epoch)
    store.report(job, progress=epochs / job.config.train.epochs, phase="train", message=f"epoch {epochs} of {job.config.train.epochs}")
    return store.job(job.id), learner


def listed_runs(store: Store, count: int) -> list[int]:
    """Finished runs as lists show them, without files: two epochs each, on the digits, oldest first."""
    dataset, done = store.dataset("digits"), []
    for number in range(count):
        config = {"dataset": "digits", "backbone": {"name": ("ResNet20", "VGG16")[number % 2]}}
        store.add_job("train", f"step {number}", {"config": config, "dataset_id": dataset.id}, dataset_id=dataset.id)
        job = store.claim("tests")
        assert job is not None
        for epoch in (1, 2):
            store.commit_epochs(job, [EpochRecord(epoch, job.attempt, epoch, {"val_accuracy": 0.5, "val_loss": 1.0}, f"checkpoint-{epoch}.npz", "0" * 64)])
        store.finish(job, JobState.done, result={"test_accuracy": number / count, "test_macro_f1": 0.5, "best_val_accuracy": 0.5, "seconds": 10.0 + number % 7})
        done.append(job.id)
    return done


class Learner:
    """A linear classifier on the digits of the split, or of two domains, one epoch at a time."""

    def __init__(self, config: RunConfig, dataset: Dataset, source: Dataset | None = None) -> None:
        self.dataset, self.source, self.config = dataset, source or dataset, config
        self.watch = Stopwatch()
        self.watch.begin("prepare")
        self.domains = divide(config, dataset, source)
        self.split = self.domains.target
        self.model = SGDClassifier(loss="log_loss", alpha=config.optimizer.learning_rate, random_state=config.train.seed)
        self.tells_domains = SGDClassifier(loss="log_loss", random_state=config.train.seed)
        own, given = config.strategy.reads_target_labels, self.domains.source
        self.learnt = [(self.dataset, self.split, "train")] if own else []
        self.watched = {"val_": (self.dataset, self.split, "val")} if own else {}
        self.tested = {**({"val": (self.dataset, self.split, "val")} if own else {}), "test": (self.dataset, self.split, "test")}
        if given is not None:
            self.learnt += [(self.source, given, "train")] if config.strategy.domain != "labelled" else []
            self.watched["source_val_" if own else "val_"] = (self.source, given, "val")
            self.tested |= {f"source_{part}": (self.source, given, part) for part in ("val", "test")}

    def epoch(self, store: Store, job: Job, number: int) -> None:
        self.watch.begin("train")
        pixels, labels = (np.concatenate(each) for each in zip(*(_part(*learnt) for learnt in self.learnt), strict=True))
        k = len(self.split.classes)
        order = np.random.default_rng((self.config.train.seed, number)).permutation(len(labels))
        self.model.partial_fit(pixels[order], labels[order], classes=np.arange(k))
        figures: dict[str, float | None] = {"learning_rate": self.config.optimizer.learning_rate, **self._domain_figures(order)}
        for prefix, (x, y) in {"": (pixels, labels), **{name: _part(*watched) for name, watched in self.watched.items()}}.items():
            given = self.model.predict_proba(x)
            figures |= {f"{prefix}loss": metrics.log_loss(y, given), f"{prefix}accuracy": float((given.argmax(1) == y).mean())}
            if prefix:
                figures |= {f"{prefix}balanced_accuracy": metrics.balanced_accuracy(y, given.argmax(1), k), f"{prefix}macro_f1": metrics.macro_f1(y, given.argmax(1), k), f"{prefix}auc": metrics.mean_auc(y, given)}
        seconds = sum(self.watch.seconds().values())
        store.commit_epochs(job, [EpochRecord(number, job.attempt, seconds, figures, f"checkpoint-{number}.npz", "0" * 64)])


    def _domain_figures(self, order: np.ndarray) -> dict[str, float]:
        """What a classifier of the domains finds, where the strategy has one."""
        if self.config.strategy.name != "dann":
            return {}
        parts = [_pixels(self.source, self.domains.source.train), _pixels(self.dataset, self.domains.unlabelled)]
        x, y = np.concatenate(parts), np.repeat([1, 0], [len(part) for part in parts])
        self.tells_domains.partial_fit(x[order % len(x)], y[order % len(x)], classes=np.arange(2))
        given = self.tells_domains.predict_proba(x)
        return {"domain_loss": metrics.log_loss(y, given), "domain_accuracy": float((given.argmax(1) == y).mean())}


def _part(dataset: Dataset, split: Split, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels. Shapes: (n, 64), (n,)."""
    rows = getattr(split, part)
    return _pixels(dataset, rows), split.labels(rows)


@functools.lru_cache(maxsize=16)
def _all_pixels(folder: Path) -> np.ndarray:
    dataset = Dataset.open(folder)
    return dataset.pixels(np.arange(len(dataset)), SIDE_PX)[..., 0].reshape(len(dataset), -1) / 255


def _pixels(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return _all_pixels(dataset.folder)[rows]


def png(image: Image.Image) -> bytes:
    """The picture as a file's content."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _begun(store: Store, workspace: Workspace, changes: dict[str, object]) -> tuple[Job, Learner]:
    wanted = {"dataset": "digits", "train.epochs": 6, "optimizer.learning_rate": 0.01, **{key.replace("__", "."): value for key, value in changes.items()}}
    config = settings.parse(settings.with_changes({}, wanted))
    for name in filter(None, (config.dataset, config.source.dataset)):
        demo.ensure_built_in(name, store, workspace)
    record, other = store.dataset(config.dataset), jobs.source_record(store, config)
    of_source = {"source_id": other.id} if other else {}
    payload = {"config": config.model_dump(mode="json"), "dataset_id": record.id, **of_source}
    job_id = store.add_job("train", config.title, payload, dataset_id=record.id, **of_source)
    job = store.claim("tests")
    assert job is not None and job.id == job_id, "another job was waiting"
    workspace.run(job.id).mkdir(parents=True)
    store.note(job, f"Training a linear classifier on {record.name}.")
    return job, Learner(config, *(Dataset.open(workspace.dataset(each.id)) for each in (record, other) if each))


def leave_files(store: Store, workspace: Workspace, job: Job, learner: Learner) -> None:
    learner.watch.begin("evaluate")
    folder, parts = workspace.run(job.id), {}
    for name, (dataset, split, part) in learner.tested.items():
        pixels, labels = _part(dataset, split, part)
        rows = getattr(split, part)
        parts[name] = Predictions(name, rows, dataset.content_ids[rows], labels, learner.model.predict_proba(pixels).astype(np.float32), split.classes)
    save_predictions(folder, list(parts.values()))
    save_embedding(folder, _embedding(learner))
    learner.domains.save(folder / "split.npz")
    (folder / "config.yaml").write_text(job.config.to_yaml(), encoding="utf-8")
    summary = _summary(store.epochs(job.id), learner, parts)
    (folder / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    store.finish(job, JobState.done, result=summary, worked_s=summary["seconds"])


def _embedding(learner: Learner) -> Embedding:
    """Principal components of the pixels."""
    given = {("train" if split is learner.domains.target else "source_train"): (dataset, split, part) for dataset, split, part in learner.learnt} | learner.tested
    pixels, labels = zip(*(_part(*each) for each in given.values()), strict=True)
    learnt = np.concatenate([each for name, each in zip(given, pixels, strict=True) if name.endswith("train")])
    fitted = PCA(16, random_state=0).fit(unit(learnt))
    vectors, rest = placed(np.concatenate(pixels), fitted.mean_, fitted.components_)
    rows = np.concatenate([getattr(split, part) for _, split, part in given.values()])
    return Embedding(vectors, np.repeat(list(given), list(map(len, labels))), rows, np.concatenate(labels), fitted.explained_variance_ratio_, fitted.mean_, fitted.components_, rest)


def _summary(epochs: pd.DataFrame, learner: Learner, parts: dict[str, Predictions]) -> dict:
    choice = Choice.of(learner.config.model_dump())
    best = epochs.set_index("epoch", drop=False).loc[choice.best(zip(epochs["epoch"], epochs[choice.monitor], strict=True))]
    tested = {name: metrics.evaluate(part.labels, part.probabilities) for name, part in parts.items() if name.endswith("test")}
    figures, params = tested["test"], int(learner.model.coef_.size + learner.model.intercept_.size)
    train, val, test = read_by(learner.config.strategy, learner.domains, learner.dataset, learner.source)
    phases = learner.watch.seconds()
    of_source = {"source_test": tested["source_test"], "source_test_images": len(parts["source_test"])} if "source_test" in tested else {}
    return {
        "test_accuracy": figures["accuracy"],
        "test_macro_f1": figures["macro_f1"],
        "test": figures,
        "epochs": len(epochs),
        "best_epoch": int(best["epoch"]),
        "best_val_accuracy": float(best["val_accuracy"]),
        "best_val_loss": float(best["val_loss"]),
        "seconds": sum(phases.values()),
        "phases": phases,
        "trainable_params": params,
        "total_params": params,
        "engine": "scikit-learn",
        "cache": {"hits": 0, "computed": len(train), "bytes": 0},
        "train_images": len(train),
        "val_images": len(val),
        "test_images": len(test),
        "classes": list(learner.split.classes),
        "model_bytes": params * 8,
        "latency_ms": 0.25,
        **of_source,
    }

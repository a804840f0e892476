"""Runs without the training engine: logistic regressions on real digits, recorded as a worker records.

All figures are real: the same split, metrics and files as those of a run that trains a network.
"""

from __future__ import annotations

import functools
import io
import json

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, SGDClassifier

from tlcore import config as settings
from tlcore import demo, metrics
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import Split, make_split
from tlcore.reporter import Stopwatch
from tlcore.results import SUMMARY, Predictions, save_predictions
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
        store.add_job("train", f"step {number}", {"config": {"dataset": "digits"}, "dataset_id": dataset.id}, dataset_id=dataset.id)
        job = store.claim("tests")
        assert job is not None
        for epoch in (1, 2):
            store.commit_epochs(job, [EpochRecord(epoch, job.attempt, epoch, {"val_accuracy": 0.5, "val_loss": 1.0}, f"checkpoint-{epoch}.npz", "0" * 64)])
        store.finish(job, JobState.done, result={"test_accuracy": number / count, "test_macro_f1": 0.5, "best_val_accuracy": 0.5})
        done.append(job.id)
    return done


class Learner:
    """A linear classifier on the split's digits, one epoch at a time."""

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.dataset, self.config = dataset, config
        self.watch = Stopwatch()
        self.watch.begin("prepare")
        self.pixels = dataset.pixels(np.arange(len(dataset)), SIDE_PX)[..., 0].reshape(len(dataset), -1) / 255
        self.split: Split = make_split(dataset, config.classes, config.split)
        self.model = SGDClassifier(loss="log_loss", alpha=config.optimizer.learning_rate, random_state=config.train.seed)

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(self.pixels[rows]).astype(np.float32)

    def epoch(self, store: Store, job: Job, number: int) -> None:
        self.watch.begin("train")
        rows, k = self.split.train, len(self.split.classes)
        order = np.random.default_rng((self.config.train.seed, number)).permutation(len(rows))
        self.model.partial_fit(self.pixels[rows[order]], self.split.labels(rows)[order], classes=np.arange(k))
        figures: dict[str, float | None] = {"learning_rate": self.config.optimizer.learning_rate}
        for prefix, part in (("", rows), ("val_", self.split.val)):
            labels, given = self.split.labels(part), self.probabilities(part)
            figures[f"{prefix}loss"] = metrics.log_loss(labels, given.astype(np.float64))
            figures[f"{prefix}accuracy"] = float((given.argmax(1) == labels).mean())
        labels = self.split.labels(self.split.val)
        figures["val_macro_f1"] = metrics.macro_f1(labels, self.probabilities(self.split.val).argmax(1), k)
        seconds = sum(self.watch.seconds().values())
        store.commit_epochs(job, [EpochRecord(number, job.attempt, seconds, figures, f"checkpoint-{number}.npz", "0" * 64)])


def png(image: Image.Image) -> bytes:
    """The picture as a file's content."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _begun(store: Store, workspace: Workspace, changes: dict[str, object]) -> tuple[Job, Learner]:
    wanted = {"dataset": "digits", "train.epochs": 6, "optimizer.learning_rate": 0.01, **{key.replace("__", "."): value for key, value in changes.items()}}
    config = settings.parse(settings.with_changes({}, wanted))
    demo.ensure_built_in(config.dataset, store, workspace)
    record = store.dataset(config.dataset)
    job_id = store.add_job("train", config.title, {"config": config.model_dump(mode="json"), "dataset_id": record.id}, dataset_id=record.id)
    job = store.claim("tests")
    assert job is not None and job.id == job_id, "another job was waiting"
    workspace.run(job.id).mkdir(parents=True)
    store.note(job, f"Training a linear classifier on {record.name}.")
    return job, Learner(config, Dataset.open(workspace.dataset(record.id)))


def leave_files(store: Store, workspace: Workspace, job: Job, learner: Learner) -> None:
    learner.watch.begin("evaluate")
    split, folder = learner.split, workspace.run(job.id)
    ids = np.asarray(learner.dataset.content_ids)
    parts = [
        Predictions(name, rows, ids[rows], split.labels(rows), learner.probabilities(rows), split.classes)
        for name, rows in (("val", split.val), ("test", split.test))
    ]
    save_predictions(folder, parts)
    split.save(folder / "split.npz")
    (folder / "config.yaml").write_text(job.config.to_yaml(), encoding="utf-8")
    summary = _summary(store.epochs(job.id), learner, parts[1])
    (folder / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    store.finish(job, JobState.done, result=summary, worked_s=summary["seconds"])


def _summary(epochs: pd.DataFrame, learner: Learner, test: Predictions) -> dict:
    best = epochs.loc[epochs["val_loss"].idxmin()]
    figures = metrics.evaluate(test.labels, test.probabilities)
    split, params = learner.split, int(learner.model.coef_.size + learner.model.intercept_.size)
    phases = learner.watch.seconds()
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
        "cache": {"hits": 0, "computed": len(split.train), "bytes": 0},
        "train_images": len(split.train),
        "val_images": len(split.val),
        "test_images": len(split.test),
        "classes": list(split.classes),
        "model_bytes": params * 8,
    }

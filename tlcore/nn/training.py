"""One run, from settings and pictures to a trained, evaluated and exported model."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tlcore import backbones
from tlcore.activations import CachedRows, HeldRows, Rows
from tlcore.config import DEMO, RunConfig, parse
from tlcore.cuts import cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import make_split
from tlcore.errors import ResourceError
from tlcore.metrics import evaluate
from tlcore.nn import checkpoints, export
from tlcore.nn.environment import environment
from tlcore.nn.features import CacheUse, PixelRows, activations
from tlcore.nn.models import Backbone, Classifier, prefix_model, tail_model
from tlcore.nn.openvino_engine import OpenVINOEngine
from tlcore.nn.prefix import Prefix, convert
from tlcore.nn.strategies import frozen
from tlcore.reporter import Committed, Reporter
from tlcore.results import Predictions, save_predictions
from tlcore.workspace import Workspace, whole_file

EARLIER = "earlier attempts"
SPARE_S = 0.5  # Evaluation and export follow what progress is measured by.


def run(
    config: RunConfig,
    dataset: Dataset,
    workspace: Workspace,
    run_dir: Path,
    reporter: Reporter,
    resume_from: Committed | None = None,
) -> dict[str, Any]:
    """Carry out a run and return its summary; everything it leaves lies in `run_dir`.

    Raises InputError for settings that don't fit the dataset or the network, ResourceError when memory,
    disk or network are lacking, and what `reporter.check` raises.
    """
    tf.config.experimental.enable_op_determinism()  # A resumed run must equal an uninterrupted one.
    with _explained_shortage():
        return _Run(config, dataset, workspace, run_dir, reporter).carry_out(resume_from)


def warm_up(workspace: Workspace | None = None) -> None:
    """Do before a job is there what every run would wait for: libraries, threads, first traces.

    With a workspace the bundled network is also converted there, once for all.
    """
    config = parse(DEMO)
    spec = backbones.spec(config.backbone.name)
    cut = cut_for(spec, 0, config.head.pooling)
    backbone = Backbone(spec, "bundled", spec.usual_size)
    if workspace is not None and backbone.weights_path.exists():
        engine = Prefix(backbone, cut, workspace).engine
    else:
        engine = OpenVINOEngine(convert(prefix_model(Backbone(spec, "none", spec.usual_size), cut)))
    engine.start(np.zeros((1, spec.usual_size, spec.usual_size, 3), np.uint8), 0, lambda position, rows: None)
    engine.wait()
    rows = HeldRows(np.zeros((32, *engine.row_shape), cut.dtype))
    trainer = frozen.Trainer(Classifier(None, cut, engine.row_shape, config.head, 2, 0), config.optimizer, config.train)
    trainer.epoch(1, rows, np.zeros(32, np.int64))
    evaluate(np.array([0, 1]), trainer.probabilities(rows)[:2])


class _Run:
    """The steps of one run and what they hand to each other."""

    def __init__(self, config: RunConfig, dataset: Dataset, workspace: Workspace, run_dir: Path, reporter: Reporter) -> None:
        self.config, self.dataset, self.workspace, self.run_dir, self.reporter = config, dataset, workspace, run_dir, reporter
        self._began = time.perf_counter()
        reporter.phase("prepare")
        spec = backbones.spec(config.backbone.name)
        self.cut = cut_for(spec, config.freeze.trainable_blocks, config.head.pooling)
        self.backbone = Backbone(spec, config.backbone.weights, config.backbone.input_size or spec.usual_size, config.train.seed)
        self.prefix = Prefix(self.backbone, self.cut, workspace, reporter.log)
        self.split = make_split(dataset, config.classes, config.split)
        self.use = CacheUse()

    def carry_out(self, resume_from: Committed | None) -> dict[str, Any]:
        self._before_s = resume_from.history[-1]["seconds"] if resume_from else 0.0
        self._write_settings()
        self.reporter.phase("features")
        both = self._rows("training", np.concatenate([self.split.train, self.split.val]), len(self.split.test))
        train, val = both.part(slice(len(self.split.train))), both.part(slice(len(self.split.train), None))
        self.reporter.phase("train")
        trainer, state = self._train(train, val, resume_from)
        self.reporter.phase("features")
        test = self._rows("test", self.split.test, 0)
        self.reporter.phase("evaluate")
        parts = [self._predictions(name, trainer.probabilities(rows, self.reporter.check)) for name, rows in (("val", val), ("test", test))]
        save_predictions(self.run_dir, parts)
        figures = evaluate(parts[1].labels, parts[1].probabilities)
        self.reporter.phase("export")
        self._export(trainer.classifier)
        summary = self._summary(figures, trainer.classifier, state)
        summary |= self._times()
        self._write_json("summary.json", summary)
        checkpoints.remove(self.run_dir, keep=[checkpoints.path_of(self.run_dir, state.epoch)])
        self.reporter.progress(1.0, "done")
        return summary

    def _rows(self, part: str, rows: np.ndarray, to_follow: int) -> CachedRows | PixelRows:
        """Activations of dataset rows; progress by the pace so far, with as many pictures `to_follow` later."""
        side_px = self.backbone.side_px

        def pixels(positions: np.ndarray) -> np.ndarray:
            return self.dataset.pixels(rows[positions], side_px)

        if self.cut.kind == "pixels":
            return PixelRows(pixels, np.arange(len(rows)), side_px)

        began = time.perf_counter()

        def report(fraction: float) -> None:
            picture_s = (time.perf_counter() - began) / (fraction * len(rows))
            rest_s = picture_s * ((1 - fraction) * len(rows) + to_follow)
            self._progress(rest_s, f"{fraction:.0%} of {len(rows):,} {part} pictures")

        found, use = activations(self.prefix, pixels, self.dataset.content_ids[rows], self.workspace, self.reporter, report)
        self.use.add(use)
        self.reporter.log(f"{use.computed} of {len(rows)} pictures went through the frozen layers ({self.prefix.engine_name}); {use.hits} were stored already.")
        return found

    def _train(self, train: Rows, val: Rows, resume_from: Committed | None) -> tuple[frozen.Trainer, checkpoints.State]:
        config = self.config
        tail = tail_model(self.backbone, self.cut) if self._has_tail() else None
        classifier = Classifier(tail, self.cut, train.layout.row_shape, config.head, len(self.split.classes), config.train.seed)
        trainer = frozen.Trainer(classifier, config.optimizer, config.train)
        state = checkpoints.load(resume_from.checkpoint, config.hash()) if resume_from else None
        labelled = (train, self.split.labels(self.split.train)), (val, self.split.labels(self.split.val))
        state = frozen.fit(
            trainer, *labelled, config.train, config.hash(), self.run_dir, self.reporter, state,
            self._progress_of_epochs(state.epoch if state else 0),
        )
        return trainer, state

    def _worked_s(self) -> float:
        """Seconds on this run, earlier attempts included."""
        return self._before_s + time.perf_counter() - self._began

    def _progress(self, rest_s: float, message: str) -> None:
        """Progress as the share of all time that is behind, so that the time left can be told from it."""
        worked_s = self._worked_s()
        self.reporter.progress(worked_s / (worked_s + rest_s + SPARE_S), message)

    def _times(self) -> dict[str, Any]:
        """Seconds in all, and by phase: of this attempt, and as one more the attempts that it goes on from."""
        earlier = {EARLIER: self._before_s} if self._before_s > 0 else {}
        return {"seconds": self._worked_s(), "earlier_seconds": self._before_s, "phases": {**earlier, **self.reporter.phases()}}

    def _progress_of_epochs(self, done_before: int) -> Callable[[float], None]:
        """Reports epochs as the share of all time that is behind, at the pace of this attempt."""
        began, epochs = time.perf_counter(), self.config.train.epochs
        features_s = self.reporter.phases().get("features", 0.0)
        test_s = features_s * len(self.split.test) / (len(self.split.train) + len(self.split.val))

        def report(done: float) -> None:
            epoch_s = (time.perf_counter() - began) / (done - done_before)
            percent = f", {done % 1:.0%} of it" if done % 1 else ""
            self._progress(epoch_s * (epochs - done) + test_s, f"epoch {math.ceil(done)} of {epochs}{percent}")

        return report

    def _has_tail(self) -> bool:
        return self.config.freeze.trainable_blocks > 0

    def _export(self, classifier: Classifier) -> None:
        export.save_keras(self.backbone, self.cut, classifier, self.run_dir / "model.keras")
        try:
            export.save_openvino(self.prefix, classifier, self.run_dir / "model.xml")
        except RuntimeError as error:  # What OpenVINO raises for an operation that it doesn't know.
            self.reporter.log(f"No OpenVINO model: {str(error).splitlines()[0][:200]}")

    def _write_settings(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with whole_file(self.run_dir / "config.yaml") as path:
            path.write_text(self.config.to_yaml(), encoding="utf-8")
        self.split.save(self.run_dir / "split.npz")

    def _predictions(self, split: str, probabilities: np.ndarray) -> Predictions:
        rows = getattr(self.split, split)
        return Predictions(split, rows, self.dataset.content_ids[rows], self.split.labels(rows), probabilities, self.split.classes)

    def _summary(self, test: dict[str, float | None], classifier: Classifier, state: checkpoints.State) -> dict[str, Any]:
        engine = self.prefix.engine_name
        self._write_json("environment.json", environment(engine))
        learning = sum(int(np.prod(v.shape)) for v in classifier.variables)
        head = sum(layer.count_params() for layer in classifier.dense)
        ids = sorted(str(each) for each in self.dataset.content_ids[self.split.test])
        return {
            "test_accuracy": test["accuracy"], "test_macro_f1": test["macro_f1"], "test": test,
            "epochs": state.epoch, "best_epoch": state.best_epoch,
            "best_val_accuracy": state.best_metrics["val_accuracy"], "best_val_loss": state.best_metrics["val_loss"],
            "trainable_params": learning, "total_params": self.backbone.model.count_params() + head,
            "engine": engine, "cache": dataclasses.asdict(self.use),
            "train_images": len(self.split.train), "val_images": len(self.split.val), "test_images": len(self.split.test),
            "classes": list(self.split.classes), "config_hash": self.config.hash(),
            "test_ids_hash": hashlib.sha256("".join(ids).encode()).hexdigest(),
            "weights_file": self.backbone.weights_file,
            "weights_sha256": self.backbone.weights_hash if self.backbone.weights_file else None,
            "model_bytes": (self.run_dir / "model.keras").stat().st_size,
        }

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        with whole_file(self.run_dir / name) as path:
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


@contextlib.contextmanager
def _explained_shortage() -> Iterator[None]:
    """Turn what the libraries raise for a full disk or memory into one sentence with a remedy."""
    memory = "The run ran out of memory. Lower train.batch_size, backbone.input_size or freeze.trainable_blocks, or take a smaller backbone."
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise ResourceError(memory) from error
    except RuntimeError as error:
        if not any(word in str(error).lower() for word in ("bad_alloc", "out of memory", "failed to allocate")):
            raise
        raise ResourceError(memory) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourceError("The disk is full. Free some space (unused runs, datasets or the cache), then resume the run.") from error

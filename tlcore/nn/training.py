"""One run, from settings and pictures to a trained, evaluated and exported model."""

from __future__ import annotations

import contextlib
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

from tlcore import backbones, weight_sets
from tlcore.activations import Rows
from tlcore.config import RunConfig
from tlcore.cuts import Cut, cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import make_split
from tlcore.errors import ResourceError
from tlcore.metrics import evaluate
from tlcore.nn import checkpoints, devices, export
from tlcore.nn.environment import environment
from tlcore.nn.inputs import Inputs
from tlcore.nn.models import Backbone, Classifier, tail_model
from tlcore.nn.strategies import frozen
from tlcore.reporter import Committed, Reporter
from tlcore.results import Predictions, save_predictions
from tlcore.workspace import Workspace, whole_file

EARLIER = "earlier attempts"
ROUTE_FILE = "route.json"  # From which stored feature maps the activations went on.
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
        steps = _Run(config, dataset, workspace, run_dir, reporter)
        with steps.strategy.scope():  # Whatever makes variables must be inside, so that several cards share them.
            return steps.carry_out(resume_from)


class _Run:
    """The steps of one run and what they hand to each other."""

    def __init__(self, config: RunConfig, dataset: Dataset, workspace: Workspace, run_dir: Path, reporter: Reporter) -> None:
        self.config, self.dataset, self.workspace, self.run_dir, self.reporter = config, dataset, workspace, run_dir, reporter
        self._began = time.perf_counter()
        reporter.phase("prepare")
        spec = backbones.spec(config.backbone.name)
        self.cut = cut_for(spec, config.freeze.trainable_blocks, config.head.pooling)
        self.plan = devices.plan(config.train.devices)
        self.strategy = devices.apply(self.plan)
        self.backbone = Backbone(spec, config.backbone.weights, config.backbone.input_size or spec.usual_size, config.train.seed, self.plan.policy, weight_sets.chosen(config.backbone, workspace))
        self.split = make_split(dataset, config.classes, config.split)

    def carry_out(self, resume_from: Committed | None) -> dict[str, Any]:
        self._before_s = resume_from.history[-1]["seconds"] if resume_from else 0.0
        self._write_settings()
        self.reporter.phase("features")
        self.inputs = self._inputs(resume_from)
        train, val = self.inputs.training_and_validation()
        self.reporter.phase("train")
        trainer, state = self._train(train, val, resume_from)
        self.reporter.phase("features")
        test = self.inputs.test()
        self.reporter.phase("evaluate")
        parts = [self._predictions(name, trainer.probabilities(rows, self.reporter.check)) for name, rows in (("val", val), ("test", test))]
        save_predictions(self.run_dir, parts)
        figures = evaluate(parts[1].labels, parts[1].probabilities)
        self.reporter.phase("export")
        model_bytes = self._export(trainer.classifier)
        summary = self._summary(figures, trainer.classifier, state) | {"model_bytes": model_bytes}
        summary |= self._times()
        self._write_json("summary.json", summary)
        trainer.release()
        checkpoints.remove(self.run_dir, keep=[checkpoints.path_of(self.run_dir, state.epoch)])
        self.reporter.progress(1.0, "done")
        return summary

    def _inputs(self, resume_from: Committed | None) -> Inputs:
        """A resumed run goes on from the same stored feature maps as before, or from pixels as before."""
        chosen, via = self.run_dir / ROUTE_FILE, "look"
        if resume_from:
            via = Cut(json.loads(chosen.read_text(encoding="utf-8"))["via"], "map") if chosen.exists() else None
        inputs = Inputs(self.config, self.dataset, self.split, self.backbone, self.cut, self.workspace, self.reporter, self._progress, via)
        if inputs.prefix.via and not resume_from:
            self._write_json(chosen.name, {"via": inputs.prefix.via.layer})
        elif not resume_from:
            chosen.unlink(missing_ok=True)  # Of an attempt that committed nothing.
        return inputs

    def _train(self, train: Callable[[int], Rows], val: Rows, resume_from: Committed | None) -> tuple[frozen.Trainer, checkpoints.State]:
        config = self.config
        trainer = self._trainer(val.layout.row_shape)
        state = checkpoints.load(resume_from.checkpoint, config.hash()) if resume_from else None
        labelled = (train, self.split.labels(self.split.train)), (val, self.split.labels(self.split.val))
        state = frozen.fit(
            trainer, *labelled, config.train, config.hash(), self.run_dir, self.reporter, state,
            self._progress_of_epochs(state.epoch if state else 0),
        )
        return trainer, state

    def _trainer(self, row_shape: tuple[int, ...]) -> frozen.Trainer:
        config, classes = self.config, len(self.split.classes)
        if not config.freeze.trainable_blocks and not self.plan.mirrored:
            return frozen.trainer_of_head(self.cut, row_shape, config.head, classes, config.optimizer, config.train)
        tail = tail_model(self.backbone, self.cut) if config.freeze.trainable_blocks else None
        classifier = Classifier(tail, self.cut, row_shape, config.head, classes, config.train.seed)
        return frozen.Trainer(classifier, config.optimizer, config.train, strategy=self.strategy, loss_scaling=self.plan.loss_scaling)

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

    def _export(self, classifier: Classifier) -> int:
        """Write the model and return its bytes; Keras's own file waits until it is asked for."""
        prefix = self.inputs.prefix
        if self.plan.policy != "float32":
            prefix = prefix.in_float32()
            classifier = classifier.in_float32(tail_model(prefix.backbone, self.cut))
        try:
            path = self.run_dir / export.OPENVINO_FILE
            export.save_openvino(prefix, classifier, path)
            return path.stat().st_size + path.with_suffix(".bin").stat().st_size
        except RuntimeError as error:  # What OpenVINO raises for an operation that it doesn't know.
            self.reporter.log(f"No OpenVINO model: {str(error).splitlines()[0][:200]}")
        path = self.run_dir / export.KERAS_FILE
        export.save_keras(prefix.backbone, self.cut, classifier, path, prefix.via)
        return path.stat().st_size

    def _write_settings(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with whole_file(self.run_dir / "config.yaml") as path:
            path.write_text(self.config.to_yaml(), encoding="utf-8")
        self.split.save(self.run_dir / "split.npz")

    def _predictions(self, split: str, probabilities: np.ndarray) -> Predictions:
        rows = getattr(self.split, split)
        return Predictions(split, rows, self.dataset.content_ids[rows], self.split.labels(rows), probabilities, self.split.classes)

    def _summary(self, test: dict[str, float | None], classifier: Classifier, state: checkpoints.State) -> dict[str, Any]:
        engine = self.inputs.prefix.engine_name
        self._write_json("environment.json", environment(engine))
        learning = sum(int(np.prod(v.shape)) for v in classifier.variables)
        head = sum(layer.count_params() for layer in classifier.dense)
        ids = sorted(str(each) for each in self.dataset.content_ids[self.split.test])
        return {
            "test_accuracy": test["accuracy"], "test_macro_f1": test["macro_f1"], "test": test,
            "epochs": state.epoch, "best_epoch": state.best_epoch,
            "best_val_accuracy": state.best_metrics["val_accuracy"], "best_val_loss": state.best_metrics["val_loss"],
            "trainable_params": learning, "total_params": self.backbone.spec.params + head,
            "engine": engine, "cache": self._cache_use(), "rates": self._rates(),
            "train_images": len(self.split.train), "val_images": len(self.split.val), "test_images": len(self.split.test),
            "classes": list(self.split.classes), "config_hash": self.config.hash(),
            "test_ids_hash": hashlib.sha256("".join(ids).encode()).hexdigest(),
            "weights_file": self.backbone.weights_file,
            "weights_sha256": self.backbone.weights_hash if self.backbone.weights_file else None,
        }

    def _cache_use(self) -> dict[str, Any]:
        use, via = self.inputs.use, self.inputs.prefix.via
        return {"hits": use.hits, "computed": use.computed, "bytes": use.bytes, "onward": use.onward, "via": via.layer if via else None}

    def _rates(self) -> dict[str, float]:
        """What the next forecast learns from; only what this run did."""
        use, conversion_s = self.inputs.use, self.inputs.prefix.conversion_s
        found = {"images_per_s": use.computed / use.seconds} if use.computed and use.seconds else {}
        return found | ({"conversion_s": conversion_s} if conversion_s else {})

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

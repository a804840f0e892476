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

from tlcore import backbones, baselines, weight_sets
from tlcore.activations import Rows
from tlcore.augment import view_name
from tlcore.config import RunConfig
from tlcore.cuts import Cut, cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import NONE, divide, read_by
from tlcore.datasets.splits import PARTS
from tlcore.embedding import save_embedding
from tlcore.errors import ResourceError
from tlcore.metrics import evaluate
from tlcore.nn import checkpoints, devices, export, strategies
from tlcore.nn.classifier import Classifier
from tlcore.nn.embedding import Pictures, embedding
from tlcore.nn.environment import environment
from tlcore.nn.features import CacheUse
from tlcore.nn.inputs import Inputs, prefix_for
from tlcore.nn.latency import latency_ms
from tlcore.nn.loop import fit
from tlcore.nn.models import Backbone, tail_model
from tlcore.nn.strategies import frozen
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.nn.trainer import Trainer
from tlcore.reporter import Committed, Reporter
from tlcore.results import Predictions, save_predictions
from tlcore.workspace import Workspace, whole_file

EARLIER = "earlier attempts"
TESTED = ("test", "source_test")
ROUTE_FILE = "route.json"  # From which stored feature maps the activations went on.
SPARE_S = 0.5  # Evaluation and export follow what progress is measured by.


def run(
    config: RunConfig,
    dataset: Dataset,
    workspace: Workspace,
    run_dir: Path,
    reporter: Reporter,
    resume_from: Committed | None = None,
    source: Dataset | None = None,
    tested: bool = True,
) -> dict[str, Any]:
    """Carry out a run and return its summary; everything it leaves lies in `run_dir`.

    source: the dataset that `config.source` names, unless that is `dataset` itself.
    tested: otherwise no test picture is looked at, and what the run leaves is of its validation pictures.

    Raises InputError for settings that don't fit the dataset or the network, ResourceError when memory,
    disk or network are lacking, and what `reporter.check` raises.
    """
    tf.config.experimental.enable_op_determinism()  # A resumed run must equal an uninterrupted one.
    with _explained_shortage():
        steps = _Run(config, dataset, source, workspace, run_dir, reporter, tested)
        with steps.devices.scope():  # Whatever makes variables must be inside, so that several cards share them.
            return steps.carry_out(resume_from)


@contextlib.contextmanager
def begun(
    config: RunConfig, dataset: Dataset, workspace: Workspace, run_dir: Path, reporter: Reporter, source: Dataset | None = None
) -> Iterator[tuple[Trainer, Parts]]:
    """A run's trainer, on its devices, and what it would learn from, before the first epoch; test pictures are not looked at. Raises as `run`."""
    tf.config.experimental.enable_op_determinism()
    with _explained_shortage():
        steps = _Run(config, dataset, source, workspace, run_dir, reporter)
        with steps.devices.scope():
            reporter.phase("features")
            steps.open_inputs(None)
            parts, watched = steps.parts()
            yield steps.trainer(parts, watched["val"].rows(1).layout.row_shape), parts


class _Run:
    """The steps of one run and what they hand to each other."""

    def __init__(
        self, config: RunConfig, dataset: Dataset, source: Dataset | None, workspace: Workspace, run_dir: Path, reporter: Reporter, tested: bool = True
    ) -> None:
        self.config, self.dataset, self.source, self.workspace, self.run_dir, self.reporter = config, dataset, source or dataset, workspace, run_dir, reporter
        self._began, self._before_s = time.perf_counter(), 0.0
        reporter.phase("prepare")
        spec = backbones.spec(config.backbone.name)
        self.cut = cut_for(spec, config.freeze.trainable_blocks, config.head.pooling)
        self.plan = devices.plan(config.train.devices)
        if self.plan.loss_scaling and not config.strategy.one_rate:  # One scale serves one optimiser.
            self.plan = dataclasses.replace(self.plan, policy="float32")
        self.devices = devices.apply(self.plan)
        side_px, weight_set = config.backbone.input_size or spec.usual_size, weight_sets.chosen(config.backbone, workspace)
        self.backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed, self.plan.policy, weight_set)
        self.domains = divide(config, dataset, source)
        self.split = self.domains.target
        way, given = config.strategy, self.domains.source
        # What nobody learns from isn't computed; the source's other parts are, to see how the network does there.
        self.unlabelled = self.domains.unlabelled if way.reads_unlabelled else NONE
        self.given = dataclasses.replace(given, train=NONE) if given is not None and way.domain == "labelled" else given
        self.tested = tested
        if not tested:
            self.split, self.given = (split and dataclasses.replace(split, test=NONE) for split in (self.split, self.given))

    def carry_out(self, resume_from: Committed | None) -> dict[str, Any]:
        if resume_from:
            self._before_s = resume_from.history[-1]["seconds"]
        self._write_settings()
        self.reporter.phase("features")
        self.open_inputs(resume_from)
        parts, watched = self.parts()
        self.reporter.phase("train")
        trainer, state = self._train(parts, watched, resume_from)
        self.reporter.phase("features")
        tested = self._tested(watched)
        self.reporter.phase("evaluate")
        found = {name: self._predictions(name, domain, trainer.probabilities(rows, self.reporter.check)) for name, (domain, rows) in tested.items()}
        save_predictions(self.run_dir, list(found.values()))
        figures = {name: evaluate(part.labels, part.probabilities) for name, part in found.items() if name in TESTED or not self.tested}
        simple = self._baselines(parts, {name: tested[name][1] for name in figures}, found)
        self._keep_embedding(trainer, parts, tested)
        self.reporter.phase("export")
        summary = self._summary(figures, trainer.network, state) | simple | self._export(trainer.network)
        summary |= self._times()
        self._write_json("summary.json", summary)
        trainer.release()
        checkpoints.remove(self.run_dir, keep=[checkpoints.path_of(self.run_dir, state.epoch)])
        self.reporter.progress(1.0, "done")
        return summary

    def open_inputs(self, resume_from: Committed | None) -> None:
        """A resumed run goes on from the same stored feature maps as before, or from pixels as before."""
        chosen, via = self.run_dir / ROUTE_FILE, "look"
        if resume_from:
            via = Cut(json.loads(chosen.read_text(encoding="utf-8"))["via"], "map") if chosen.exists() else None
        settings, source = self.config.augment, self.given
        kept = NONE if settings.enabled and not settings.views else np.concatenate([self.split.train, self.unlabelled])
        view = view_name(settings, 0) if settings.enabled else None
        self.prefix = prefix_for(self.backbone, self.cut, self.dataset.content_ids[kept], self.workspace, self.reporter, via, view)
        if self.prefix.via and not resume_from:
            self._write_json(chosen.name, {"via": self.prefix.via.layer})
        elif not resume_from:
            chosen.unlink(missing_ok=True)  # Of an attempt that committed nothing.
        common = self.prefix, self.workspace, self.reporter, self._progress
        later = sum(len(getattr(source, part)) for part in PARTS) if source else 0
        self.inputs = [Inputs(settings, self.dataset, self.split, *common, self.unlabelled, later, "target" if source else "")]
        if source:
            self.inputs.append(Inputs(settings, self.source, source, *common, role="source"))

    def parts(self) -> tuple[Parts, dict[str, Part]]:
        """What is learnt from, and what is only watched: "val" chooses the epoch."""
        split, source = self.split, self.given
        target = self.inputs[0].learnt()
        labelled = Part(target.train, split.labels(split.train)) if len(split.train) else None
        unlabelled = Part(target.unlabelled, None) if len(self.unlabelled) else None
        watched = {"val": Part.of(target.val, split.labels(split.val))} if len(split.val) else {}
        if source is None:
            return Parts(labelled, None, unlabelled), watched
        given = self.inputs[1].learnt()
        # Where no label of the target may be read the source's pictures choose the epoch.
        watched["source_val" if watched else "val"] = Part.of(given.val, source.labels(source.val))
        learnt_from = Part(given.train, source.labels(source.train)) if len(source.train) else None
        return Parts(labelled, learnt_from, unlabelled), watched

    def _tested(self, watched: dict[str, Part]) -> dict[str, tuple[str, Rows]]:
        """Pictures whose predictions are kept, by name: of which domain they are, and their rows."""
        own = {"val": ("target", watched["val"].rows(1))} if len(self.split.val) else {}
        tested = {**own, "test": ("target", self.inputs[0].test())} if self.tested else own
        if self.domains.source is None:
            return tested
        val = watched.get("source_val", watched["val"]).rows(1)
        return {**tested, "source_val": ("source", val)} | ({"source_test": ("source", self.inputs[1].test())} if self.tested else {})

    def _baselines(self, parts: Parts, tested: dict[str, Rows], found: dict[str, Predictions]) -> dict[str, Any]:
        """Figures of the nearest centroid on the frozen layers' features, by tested part; nothing where these aren't stored."""
        if not all(inputs.cached for inputs in self.inputs):
            return {}
        learnt = [(part.rows(1), part.labels) for part in (parts.labelled, parts.source) if part is not None and part.labels is not None]
        answers = baselines.nearest_centroid(learnt, tested, len(self.split.classes))
        if answers is None:
            return {}
        return {"baselines": {name: baselines.figures(found[name].labels, each, len(self.split.classes)) for name, each in answers.items()}}

    def _keep_embedding(self, trainer: Trainer, parts: Parts, tested: dict[str, tuple[str, Rows]]) -> None:
        """How the network sees what it learnt from and was tested on."""
        splits = {"target": self.split, "source": self.domains.source}
        given = {name: (domain, rows) for name, (domain, rows) in tested.items()}
        for name, domain, part in (("train", "target", parts.labelled), ("source_train", "source", parts.source)):
            if part is not None and part.labels is not None:
                given = {name: (domain, part.rows(1)), **given}
        shown = {}
        for name, (domain, rows) in given.items():
            split = splits[domain]
            assert split is not None
            at = getattr(split, name.removeprefix("source_"))
            shown[name] = Pictures(rows, at, split.labels(at))
        found = embedding(trainer, shown, all(inputs.cached for inputs in self.inputs), self.config.train.seed, self.reporter.check)
        if found is None:
            self.reporter.log("No map of the pictures: the network gives no finite numbers for them.")
        else:
            save_embedding(self.run_dir, found)

    def _train(self, parts: Parts, watched: dict[str, Part], resume_from: Committed | None) -> tuple[Trainer, checkpoints.State]:
        config = self.config
        trainer = self.trainer(parts, watched["val"].rows(1).layout.row_shape)
        state = checkpoints.load(resume_from.checkpoint, config.hash()) if resume_from else None
        state = fit(
            trainer, parts, watched, config.train, config.hash(), self.run_dir, self.reporter, state, self._progress_of_epochs(state.epoch if state else 0)
        )
        return trainer, state

    def trainer(self, parts: Parts, row_shape: tuple[int, ...]) -> Trainer:
        recipe, classes, optimizer = Recipe.of(self.config), len(self.split.classes), self.config.optimizer
        plain = recipe.way.name == "frozen" and optimizer.schedule == "constant" and not optimizer.warmup_epochs
        if plain and not self.config.freeze.trainable_blocks and not self.plan.mirrored:
            return frozen.trainer_of_head(self.cut, row_shape, classes, recipe)
        strategy = strategies.build(recipe, self.backbone, self.cut, row_shape, classes, parts.source is not None)
        return Trainer(strategy, devices=self.devices, loss_scaling=self.plan.loss_scaling, steps_per_epoch=strategy.steps(parts))

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
        test_s = features_s * len(self.split.test) / max(1, len(self.split.known_rows) + len(self.unlabelled) - len(self.split.test))

        def report(done: float) -> None:
            epoch_s = (time.perf_counter() - began) / (done - done_before)
            percent = f", {done % 1:.0%} of it" if done % 1 else ""
            self._progress(epoch_s * (epochs - done) + test_s, f"epoch {math.ceil(done)} of {epochs}{percent}")

        return report

    def _export(self, classifier: Classifier) -> dict[str, Any]:
        """Write the model and tell its bytes and what one picture takes; Keras's own file waits until it is asked for."""
        prefix = self.prefix
        if self.plan.policy != "float32":
            prefix = prefix.in_float32()
            classifier = classifier.in_float32(tail_model(prefix.backbone, self.cut))
        try:
            path = self.run_dir / export.OPENVINO_FILE
            export.save_openvino(prefix, classifier, path)
            return {"model_bytes": path.stat().st_size + path.with_suffix(".bin").stat().st_size, "latency_ms": latency_ms(path)}
        except RuntimeError as error:  # What OpenVINO raises for an operation that it doesn't know.
            self.reporter.log(f"No OpenVINO model: {str(error).splitlines()[0][:200]}")
        path = self.run_dir / export.KERAS_FILE
        export.save_keras(prefix.backbone, self.cut, classifier, path)
        return {"model_bytes": path.stat().st_size, "latency_ms": None}

    def _write_settings(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with whole_file(self.run_dir / "config.yaml") as path:
            path.write_text(self.config.to_yaml(), encoding="utf-8")
        self.domains.save(self.run_dir / "split.npz")

    def _predictions(self, name: str, domain: str, probabilities: np.ndarray) -> Predictions:
        split, dataset = (self.split, self.dataset) if domain == "target" else (self.domains.source, self.source)
        assert split is not None
        rows = getattr(split, name.removeprefix("source_"))
        return Predictions(name, rows, dataset.content_ids[rows], split.labels(rows), probabilities, split.classes)

    def _summary(self, figures: dict[str, dict[str, float | None]], classifier: Classifier, state: checkpoints.State) -> dict[str, Any]:
        engine = self.prefix.engine_name
        read = read_by(self.config.strategy, self.domains, self.dataset, self.source)  # All that it learnt from, whatever the domain.
        self._write_json("environment.json", environment(engine))
        learning = sum(int(np.prod(v.shape)) for v in classifier.variables)
        head = sum(int(np.prod(v.shape)) for v in classifier.head_variables)
        return {
            **self._judged(figures), **dict(zip(("train_images", "val_images"), map(len, read), strict=False)),
            "epochs": state.epoch, "best_epoch": state.best_epoch,
            "best_val_accuracy": state.best_metrics["val_accuracy"], "best_val_loss": state.best_metrics["val_loss"],
            "trainable_params": learning, "total_params": self.backbone.spec.params + head,
            "engine": engine, "cache": self._cache_use(), "rates": self._rates(),
            "best": {name: value if math.isfinite(value) else None for name, value in state.best_metrics.items() if name.startswith("val_")},
            **self._source_figures(figures),
            "classes": list(self.split.classes), "config_hash": self.config.hash(),
            "weights_file": self.backbone.weights_file,
            "weights_sha256": self.backbone.weights_hash if self.backbone.weights_file else None,
        }

    def _judged(self, figures: dict[str, dict[str, float | None]]) -> dict[str, Any]:
        """Figures on the test pictures, and which these are; of a run that leaves them alone, on what else it was judged."""
        if not self.tested:
            part = next(iter(figures))
            return {"judged_on": part, part: figures[part]}
        test, ids = figures["test"], sorted(str(each) for each in self.dataset.content_ids[self.split.test])
        return {
            "test_accuracy": test["accuracy"], "test_macro_f1": test["macro_f1"], "test": test, "test_images": len(ids),
            "test_ids_hash": hashlib.sha256("".join(ids).encode()).hexdigest(),
        }

    def _source_figures(self, figures: dict[str, dict[str, float | None]]) -> dict[str, Any]:
        """Of the other domain, and of pictures without labels; nothing where there are neither."""
        source, unlabelled = self.domains.source, len(self.domains.unlabelled)
        counts = {"unlabelled_images": unlabelled} if unlabelled else {}
        if source is None or not self.tested:
            return counts
        return {**counts, "source_test": figures["source_test"], "source_test_images": len(source.test)}

    @property
    def _use(self) -> CacheUse:
        whole = CacheUse()
        for each in self.inputs:
            whole.add(each.use)
        return whole

    def _cache_use(self) -> dict[str, Any]:
        use, via = self._use, self.prefix.via
        return {"hits": use.hits, "computed": use.computed, "bytes": use.bytes, "onward": use.onward, "via": via.layer if via else None}

    def _rates(self) -> dict[str, float]:
        """What the next forecast learns from; only what this run did."""
        use, conversion_s = self._use, self.prefix.conversion_s
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

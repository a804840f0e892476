"""Would more labels help? The run's head, learnt anew with a tenth, a quarter, half and all of the labels, on stored features."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf

from tlcore import backbones, weight_sets
from tlcore.activations import CachedRows, HeldRows
from tlcore.config import RunConfig
from tlcore.cuts import Cut, cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import divide
from tlcore.datasets.splits import Split
from tlcore.growth import FRACTIONS, SEEDS, Growth, grown, part_of, refuse_few
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.nn.strategies import frozen
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.reporter import Portion, Reporter
from tlcore.workspace import Workspace

FEATURES_SHARE = 0.5  # Of the time, about.
FEWEST_STEPS, MOST_STEPS = 200, 1_500  # Of each refit: a head on fixed features has learnt by then.
EPOCH_STEPS = 20  # At least; few pictures come several times in one.


def measure(config: RunConfig, dataset: Dataset, workspace: Workspace, reporter: Reporter, source: Dataset | None = None) -> Growth:
    """Refit the head of a run with fewer labels and see what its validation pictures say; test pictures are not looked at.

    Every refit takes as many steps, however few its pictures, and none is chosen by the validation pictures. Blocks stay
    frozen, pictures unchanged and the step size constant, whatever the run itself does.
    Raises: InputError where there are too few pictures, before the first is computed; ResourceError; what `reporter.check` raises.
    """
    tf.config.experimental.enable_op_determinism()
    reporter.phase("prepare")
    split = divide(config, dataset, source).target
    refuse_few(split.labels(split.train), split.val, split.classes)
    reporter.phase("features")
    cut, rows = _features(config, dataset, split, workspace, Portion(reporter, 0.0, FEATURES_SHARE))
    reporter.phase("refit")
    hits, counts = _refitted(config, split, cut, rows, Portion(reporter, FEATURES_SHARE, 1 - FEATURES_SHARE))
    truth = split.labels(split.val)
    return grown(counts, hits, truth, np.bincount(split.labels(split.train), minlength=len(split.classes)).tolist(), split.classes, config.train.seed)


def _features(config: RunConfig, dataset: Dataset, split: Split, workspace: Workspace, reporter: Reporter) -> tuple[Cut, CachedRows]:
    """What the frozen backbone makes of training pictures, then validation pictures."""
    spec = backbones.spec(config.backbone.name)
    side_px, weight_set = config.backbone.input_size or spec.usual_size, weight_sets.chosen(config.backbone, workspace)
    backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed, weight_set=weight_set)
    prefix = Prefix(backbone, cut_for(spec, 0, config.head.pooling), workspace, reporter.log)
    at = np.concatenate([split.train, split.val])

    def tell(fraction: float) -> None:
        reporter.check()
        reporter.progress(fraction, f"{fraction:.0%} of {len(at):,} pictures")

    found, use = activations(prefix, lambda positions: dataset.pixels(at[positions], side_px), dataset.content_ids[at], workspace, reporter, tell)
    reporter.log(f"{use.computed} of {len(at)} pictures went through the network; {use.hits} were stored already.")
    return prefix.cut, found


def _refitted(config: RunConfig, split: Split, cut: Cut, rows: CachedRows, reporter: Reporter) -> tuple[np.ndarray, list[int]]:
    """Whether each validation picture was recognised, bool (amounts, seeds, n), and training pictures by amount."""
    labels, truth = split.labels(split.train), split.labels(split.val)
    features, judged = rows.take(slice(len(labels))), HeldRows(rows.take(slice(len(labels), None)))
    batch, most = config.train.batch_size, config.train.epochs * -(-len(labels) // config.train.batch_size)
    steps = min(MOST_STEPS, max(FEWEST_STEPS, most))
    hits, done = np.zeros((len(FRACTIONS), SEEDS, len(truth)), bool), itertools.count(1)
    counts = [0] * len(FRACTIONS)
    for seed in range(SEEDS):
        for place, fraction in enumerate(FRACTIONS):
            some = part_of(labels, fraction, seed)
            counts[place] = len(some)
            again = np.tile(some, -(-EPOCH_STEPS * batch // len(some)))  # Beginning an epoch takes as long as a few steps.
            epochs = max(1, round(steps / -(-len(again) // batch)))
            changed = config.model_copy(update={"train": config.train.model_copy(update={"seed": config.train.seed + seed, "epochs": epochs})})
            parts = Parts(Part.of(HeldRows(features[again]), labels[again]))
            hits[place, seed] = _answers(changed, parts, judged, cut, len(split.classes), reporter) == truth
            reporter.progress(next(done) / (len(FRACTIONS) * SEEDS), f"{len(some):,} pictures, seed {seed + 1} of {SEEDS}")
    return hits, counts


def _answers(config: RunConfig, parts: Parts, judged: HeldRows, cut: Cut, classes: int, reporter: Reporter) -> np.ndarray:
    """Learn a head from the parts; what it then says of the judged pictures. Shapes: → int (n,)."""
    way = RunConfig(dataset=config.dataset).strategy
    recipe = Recipe(config.head, config.optimizer.model_copy(update={"schedule": "constant", "warmup_epochs": 0.0}), config.loss, config.train, way)
    trainer = frozen.trainer_of_head(cut, judged.layout.row_shape, classes, recipe)
    for number in range(1, config.train.epochs + 1):
        trainer.epoch(number, parts, lambda fraction: reporter.check())
    found = trainer.probabilities(judged, reporter.check).argmax(axis=1)
    trainer.release()
    return found

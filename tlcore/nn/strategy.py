"""A way of transferring as the loop sees it: which pictures a step takes, which weights move, and what is lowered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tlcore.activations import Rows
from tlcore.config import HeadConfig, LossConfig, OptimizerConfig, RunConfig, TrainConfig
from tlcore.nn import draws as chance
from tlcore.nn import losses
from tlcore.nn.classifier import Classifier
from tlcore.nn.draws import Draws
from tlcore.strategies import Frozen as FrozenSettings
from tlcore.strategies import Strategy as StrategySettings

if TYPE_CHECKING:
    from tlcore.nn.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Part:
    """Pictures of one role: their rows by epoch, counted from 1, and labels; an unlabelled part has none."""

    rows: Callable[[int], Rows]
    labels: np.ndarray | None

    @classmethod
    def of(cls, rows: Rows, labels: np.ndarray | None = None) -> Part:
        """The same rows in every epoch."""
        return cls(lambda epoch: rows, labels)


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a run may learn from."""

    labelled: Part | None = None  # Of the target.
    source: Part | None = None
    unlabelled: Part | None = None  # Of the target.


class Stream(NamedTuple):
    """Pictures of which every step takes a batch. Shapes: labels (n,) int, order int32, weights (n,) float32."""

    rows: Rows
    labels: np.ndarray
    order: np.ndarray
    batch: int
    weights: np.ndarray | None = None


class Batch(NamedTuple):
    """What a step gets of a stream, as tensors."""

    x: tf.Tensor
    labels: tf.Tensor
    weights: tf.Tensor | None


class Losses(NamedTuple):
    """What a step found. total: a mean, to be lowered; the others are shown: sum of classification losses, hits, and further means."""

    total: tf.Tensor
    classification: tf.Tensor
    hits: tf.Tensor
    further: tuple[tf.Tensor, ...] = ()


class Group(NamedTuple):
    """Weights that move at one rate, from an epoch on and up to one (both included)."""

    variables: list[keras.Variable]
    rate: float
    first_epoch: int = 1
    last_epoch: int | None = None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings that decide what is compiled."""

    head: HeadConfig = dataclasses.field(default_factory=HeadConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    way: StrategySettings = dataclasses.field(default_factory=FrozenSettings)

    @classmethod
    def of(cls, config: RunConfig) -> Recipe:
        return cls(config.head, config.optimizer, config.loss, config.train, config.strategy)


class Strategy:
    """Base of all: the target's labelled pictures, one loss, all weights together. Others override what they do otherwise."""

    network_type: ClassVar[type[Classifier]] = Classifier
    further: ClassVar[tuple[str, ...]] = ()  # Names of further figures that a step shows.
    selects_on_source: ClassVar[bool] = False  # The best epoch: by validation pictures of the source, where no label of the target may be read.

    def __init__(self, recipe: Recipe, network: Classifier, blocks: Sequence[list[keras.Variable]] = (), with_source: bool = False) -> None:
        """`blocks`: weights above the cut by block, the topmost first; `with_source`: whether there will be a source."""
        self.recipe, self.network, self.blocks, self.with_source = recipe, network, blocks, with_source

    @property
    def way(self) -> Any:
        """The strategy's own settings."""
        return self.recipe.way

    @property
    def settled_from(self) -> int:
        """The first epoch in which all learns that ever will: stopping early is out of the question before."""
        return max(group.first_epoch for group in self.groups())

    @property
    def selects_from(self) -> int:
        """The first epoch that may be chosen as the best one; before it the latest is."""
        return self.recipe.way.selects_from(self.recipe.train.epochs)

    @property
    def extras(self) -> list[keras.Variable]:
        """What learns beside the network and is not needed afterwards, such as a domain classifier."""
        return []

    @property
    def batches(self) -> tuple[int, ...]:
        """Pictures a step of each stream."""
        return (self.recipe.train.batch_size,)

    @property
    def weighted(self) -> bool:
        """Whether pictures count differently."""
        return self.recipe.loss.class_weights == "balanced"

    @property
    def drops_in_bulk(self) -> bool:
        """Whether nothing but dropout comes between rows and the first dense layer: several steps' worth is cheaper at once."""
        return self.network.tail is None and len(self.batches) == 1 and not self.recipe.loss.mixup and self.network.drops

    def groups(self) -> list[Group]:
        """Every weight that learns in at least one, the head's first."""
        return [Group(self.network.variables, self.recipe.optimizer.learning_rate)]

    def counted(self, streams: Sequence[Stream]) -> int:
        """Labelled pictures in an epoch, by which loss and accuracy are averaged."""
        return len(streams[0].order)

    def steps(self, parts: Parts) -> int:
        """Of an epoch."""
        labels = self._main(parts).labels
        assert labels is not None
        return -(-len(labels) // self.batches[0])

    def streams(self, parts: Parts, epoch: int) -> tuple[Stream, ...]:
        """What an epoch goes through; the first stream decides how many steps that takes."""
        return (self.labelled_stream(self._main(parts), epoch, self.batches[0]),)

    def loss(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        """`progress`: share of all epochs that is behind, 0 to 1. With `drops_in_bulk` dropout of rows is done already."""
        drop = draws.dropout(self.network.drop_level)
        x, targets = self.blended(batches[0], draws)
        return self.classified(targets, self.network.logits(x, _after_first(drop) if self.drops_in_bulk else drop, training=True), batches[0])

    def loss_of_head(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        """The same from features of blocks that don't move."""
        x, targets = self.blended(batches[0], draws)
        return self.classified(targets, self.network.classify(x, draws.dropout(self.network.drop_level)), batches[0])

    def before_epoch(self, number: int, trainer: Trainer, parts: Parts, check: Callable[[], None]) -> None:
        """Whatever must be known before an epoch; it may depend on weights, parts and number only, so that a resumed run finds the same."""

    # Parts to compose with.

    def labelled_stream(self, part: Part, epoch: int, batch: int, steps: int | None = None, number: int = 0) -> Stream:
        """A stream of labelled pictures: each once, or as often as `steps` ask for; or every class equally often."""
        train, labels = self.recipe.train, part.labels
        assert labels is not None
        if train.sampling == "balanced":
            order = chance.balanced(train.seed, epoch, labels)
            order = order if steps is None else np.resize(order, steps * batch)
        elif steps is None:
            order = chance.permutation(train.seed, epoch, len(labels))
        else:
            order = chance.repeated(train.seed, epoch, len(labels), steps * batch, number)
        return Stream(part.rows(epoch), labels, order, batch, class_weights(labels) if self.weighted else None)

    def unlabelled_stream(self, part: Part, epoch: int, batch: int, steps: int, number: int) -> Stream:
        """A stream of pictures whose labels nobody has: all are −1."""
        rows = part.rows(epoch)
        order = chance.repeated(self.recipe.train.seed, epoch, len(rows), steps * batch, number)
        return Stream(rows, np.full(len(rows), -1), order, batch, np.ones(len(rows), np.float32) if self.weighted else None)

    def blended(self, batch: Batch, draws: Draws) -> tuple[tf.Tensor, tf.Tensor]:
        """Inputs and targets of a batch, mixed up where that is asked for."""
        targets = losses.soft_targets(batch.labels, self.network.classes, self.recipe.loss.label_smoothing)
        if not self.recipe.loss.mixup:
            return as_input(batch.x), targets
        x, targets = losses.mixed_up(batch.x, targets, draws.mixing_share(self.recipe.loss.mixup))
        return as_input(x), targets

    def classified(self, targets: tf.Tensor, logits: tf.Tensor, batch: Batch) -> Losses:
        """Cross-entropy, in which pictures may count differently."""
        each = losses.cross_entropy(targets, logits)
        if batch.weights is not None:
            each *= batch.weights
        labels = tf.argmax(targets, 1, tf.int32)  # Where two are blended, the one that is more of it.
        hits = tf.reduce_sum(tf.cast(tf.equal(tf.argmax(logits, 1, tf.int32), labels), tf.float32))
        return Losses(tf.reduce_mean(each), tf.reduce_sum(each), hits)

    def _main(self, parts: Parts) -> Part:
        assert parts.labelled is not None
        return parts.labelled


def by_depth(strategy: Strategy, factor: float, first_epoch: Callable[[int], int] = lambda depth: 1) -> list[Group]:
    """The head, then each block at the rate of the one above times `factor`, from `first_epoch(depth)` on; depth 1 is the topmost block.

    Source: discriminative fine-tuning, Howard and Ruder 2018, ULMFiT, arXiv:1801.06146, section 3.2.
    """
    rate, head = strategy.recipe.optimizer.learning_rate, strategy.network.head_variables
    blocks = enumerate(strategy.blocks, 1)
    return [Group(head, rate, first_epoch(0)), *(Group(block, rate * factor**depth, first_epoch(depth)) for depth, block in blocks)]


def class_weights(labels: np.ndarray) -> np.ndarray:
    """n / (k · n of the class) for each picture, k the classes that occur, so that the mean is 1. Shapes: (n,) → float32 (n,).

    Source: King and Zeng 2001, Logistic Regression in Rare Events Data, as scikit-learn's "balanced".
    """
    counts = np.bincount(labels)
    return (len(labels) / (np.count_nonzero(counts) * counts[labels])).astype(np.float32)


def as_input(x: tf.Tensor) -> Any:
    return tf.cast(x, tf.float32) if x.dtype == tf.float16 else x


def _after_first(drop: chance.Drop | None) -> chance.Drop | None:
    return None if drop is None else lambda x, layer: drop(x, layer) if layer else x

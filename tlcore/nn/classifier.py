"""What learns: blocks above the cut, pooling, and the head."""

from __future__ import annotations

import copy
import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tlcore.config import HeadConfig
from tlcore.cuts import Cut
from tlcore.nn.draws import Drop, Level, level_of
from tlcore.nn.models import Backbone, as_float32, pooling_layer, prefix_model, within_float16

MOST_KEPT = 0.9  # Of batch normalisation's statistics, a step.


class Classifier:
    """Everything that learns: blocks above the cut, pooling, hidden layers and the output layer.

    batch_norm: whether that of the blocks follows the batches ("training") or keeps its statistics ("inference").
    Shapes: activations at the cut (n, *row_shape) in, logits (n, classes) out; between them features
    (n, *feature_shape), which the head alone sees.
    """

    copies = 1  # Of the blocks above the cut, whose features the head gets side by side.

    def __init__(
        self, tail: keras.Model | None, cut: Cut, row_shape: tuple[int, ...], head: HeadConfig, classes: int, seed: int, batch_norm: str = "inference"
    ) -> None:
        self.tail, self.cut, self.row_shape, self.dropout, self.classes = tail, cut, row_shape, head.dropout, classes
        self.drop_level: Level = level_of(head.dropout)
        self.batch_norm_learns = batch_norm == "training" and tail is not None
        if self.batch_norm_learns:
            _seed_layers(tail, seed)
            _follow_soon(tail)
        self.pool = pooling_layer(head.pooling) if cut.kind in ("map", "pixels") else None
        shape = (None, *(tail.output.shape[1:] if tail is not None else row_shape))
        if self.pool is not None:
            shape = self.pool.compute_output_shape(shape)
        shape = (*shape[:-1], shape[-1] * self.copies)
        self.feature_shape: tuple[int, ...] = tuple(shape[1:])
        self.dense: list[layers.Dense] = []
        for i, units in enumerate((*head.hidden, classes)):
            last = i == len(head.hidden)
            layer = layers.Dense(
                units, None if last else "relu", name="logits" if last else f"hidden_{i + 1}",
                kernel_initializer=keras.initializers.GlorotUniform(seed=seed + i),
            )
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            self.dense.append(layer)

    def in_float32(self, tail: keras.Model | None) -> Classifier:
        """The same with what it has learnt, on a tail in float32."""
        other = copy.copy(self)
        other.tail = tail
        other.__dict__.pop("tail_variables", None)
        other.__dict__.pop("statistics", None)
        for variable, learnt in zip(other.kept, self.kept, strict=True):
            if variable is not learnt:
                variable.assign(learnt)
        return other

    def dense_weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Kernel and bias of each dense layer, from the bottom."""
        return [(layer.kernel.numpy(), layer.bias.numpy()) for layer in self.dense]

    def start_over(self, seed: int, dropout: float) -> None:
        """Give the dense layers the weights that a new classifier with this seed has; a level that is a variable takes the rate."""
        self.dropout = dropout
        if isinstance(self.drop_level, tf.Variable):
            self.drop_level.assign(level_of(dropout))
        assert self.drop_level == level_of(dropout)
        for i, layer in enumerate(self.dense):
            layer.kernel.assign(keras.initializers.GlorotUniform(seed=seed + i)(layer.kernel.shape))
            layer.bias.assign(np.zeros(layer.bias.shape, np.float32))

    @property
    def drops(self) -> bool:
        """Whether inputs are dropped while it learns."""
        return not isinstance(self.drop_level, int) or self.drop_level > 0

    @property
    def is_chain(self) -> bool:
        """Whether it is dense layers on rows and nothing else."""
        return self.tail is None and self.copies == 1

    @functools.cached_property
    def tail_variables(self) -> list[keras.Variable]:
        """Those of the blocks that learn, in the order of the layers."""
        return list(self.tail.trainable_variables) if self.tail is not None else []

    @property
    def head_variables(self) -> list[keras.Variable]:
        return [v for layer in self.dense for v in layer.trainable_variables]

    @property
    def variables(self) -> list[keras.Variable]:
        """Those that learn, in an order that depends on the settings only."""
        return self.tail_variables + self.head_variables

    @functools.cached_property
    def statistics(self) -> list[keras.Variable]:
        """What batches move without a gradient: means and variances, and where layers with chance of their own stand."""
        return list(self.tail.non_trainable_variables) if self.tail is not None and self.batch_norm_learns else []

    @property
    def kept(self) -> list[keras.Variable]:
        """All that must be kept of it."""
        return self.variables + self.statistics

    def features(self, x: Any, training: bool = False) -> Any:
        """What the head sees of activations at the cut. Shapes: (n, *row_shape) → (n, *feature_shape)."""
        if self.tail is not None:
            # Batch norm too is in inference mode unless asked otherwise: a batch is too few to estimate it.
            x = as_float32(self.tail(x, training=training and self.batch_norm_learns))
        return x if self.pool is None else self.pool(x)

    def representation(self, features: Any, drop: Drop | None = None) -> Any:
        """What the output layer sees."""
        for i, layer in enumerate(self.dense[:-1]):
            features = layer(features if drop is None else drop(features, i))
        return features

    def classify(self, features: Any, drop: Drop | None = None) -> Any:
        """Logits from features. `drop(x, i)` is applied before the i-th dense layer; None in inference."""
        return self.answer(self.representation(features, drop), drop)

    def answer(self, representation: Any, drop: Drop | None = None) -> Any:
        """Logits from what the output layer sees."""
        return self.dense[-1](representation if drop is None else drop(representation, len(self.dense) - 1))

    def logits(self, x: Any, drop: Drop | None = None, training: bool = False) -> Any:
        """Logits from activations at the cut."""
        return self.classify(self.features(x, training), drop)

    def model(self) -> keras.Model:
        """The same as a Keras model that ends in probabilities."""
        inputs = keras.Input(self.row_shape, dtype=self.cut.given_dtype, name="activations")
        return keras.Model(inputs, layers.Softmax(name="probabilities")(self.logits(inputs, self._drop)), name="classifier")

    def _drop(self, x: Any, i: int) -> Any:
        return layers.Dropout(self.dropout, name=f"dropout_{i + 1}")(x) if self.dropout else x


class TwoStreams(Classifier):
    """Two copies of the blocks above the cut, each for pictures of one domain, and one head on both features side by side.

    In use one picture goes through both. Shapes: as Classifier; features are twice as wide.
    """

    copies = 2

    def __init__(self, tail: keras.Model | None, *settings: Any, **options: Any) -> None:
        super().__init__(tail, *settings, **options)
        self.other_tail = None
        if tail is not None:
            self.other_tail = keras.models.clone_model(tail)
            self.other_tail.name = f"{tail.name}_of_source"
            self.other_tail.set_weights(tail.get_weights())

    def in_float32(self, tail: keras.Model | None) -> Classifier:
        if tail is None:
            return super().in_float32(tail)
        other = TwoStreams.__new__(TwoStreams)
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name not in ("tail_variables", "statistics")})
        other.tail, other.other_tail = tail, keras.models.clone_model(tail)
        other.other_tail.name = f"{tail.name}_of_source"
        for variable, learnt in zip(other.kept, self.kept, strict=True):
            if variable is not learnt:
                variable.assign(learnt)
        return other

    @functools.cached_property
    def tail_variables(self) -> list[keras.Variable]:
        both = (self.tail, self.other_tail)
        return [v for tail in both if tail is not None for v in tail.trainable_variables]

    @functools.cached_property
    def statistics(self) -> list[keras.Variable]:
        both = (self.tail, self.other_tail)
        return [v for tail in both if tail is not None and self.batch_norm_learns for v in tail.non_trainable_variables]

    def features(self, x: Any, training: bool = False) -> Any:
        """Of one picture, through both."""
        return self.features_of_pair(x, x, training)

    def features_of_pair(self, target: Any, source: Any, training: bool = False) -> Any:
        """Of a picture of the target and one of the source. Shapes: 2 × (n, *row_shape) → (n, *feature_shape)."""
        learns = training and self.batch_norm_learns
        if self.tail is not None and self.other_tail is not None:
            target, source = as_float32(self.tail(target, training=learns)), as_float32(self.other_tail(source, training=learns))
        if self.pool is not None:
            target, source = self.pool(target), self.pool(source)
        return keras.ops.concatenate([target, source], axis=-1)


def blocks_of(backbone: Backbone, classifier: Classifier) -> list[list[keras.Variable]]:
    """The weights that learn of each block above the cut, the topmost block first; blocks without any are left out."""
    ends = {name: place for place, name in enumerate(backbone.spec.block_ends)}
    learning, blocks, place = {id(v) for v in classifier.tail_variables}, {}, 0
    for operation in backbone.model.operations:
        blocks.setdefault(place, []).extend(v for v in getattr(operation, "trainable_variables", []) if id(v) in learning)
        place = ends.get(operation.name, place - 1) + 1
    return [blocks[each] for each in sorted(blocks, reverse=True) if blocks[each]]


def whole_model(backbone: Backbone, cut: Cut, classifier: Classifier) -> keras.Model:
    """uint8 pixels in, probabilities out, built of built-in layers only; nothing is rounded."""
    learnt = classifier.model()
    if cut.kind == "pixels":
        return learnt
    prefix = prefix_model(backbone, cut)
    x = within_float16(prefix.output) if cut.kind == "map" else prefix.output
    return keras.Model(prefix.input, learnt(x), name="workbench_model")


def _seed_layers(tail: keras.Model, seed: int) -> None:
    """Layers that drop at random of their own start alike in every process."""
    states = [v for v in tail.non_trainable_variables if "seed_generator_state" in v.path]
    for place, state in enumerate(states):
        state.assign(np.array([seed, place], np.uint32))


def _follow_soon(tail: keras.Model) -> None:
    """Batch normalisation that learns gets there within a short run.

    MobileNets keep 0.999 of their statistics a step, which suits a hundred thousand steps: after a few hundred
    they would still be those of the start, and every test picture would be normalised wrongly.
    """
    for layer in tail.layers:
        if isinstance(layer, keras.Model):  # Where pixels come in, the backbone is one layer.
            _follow_soon(layer)
        elif isinstance(layer, layers.BatchNormalization):
            layer.momentum = min(layer.momentum, MOST_KEPT)

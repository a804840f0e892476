"""A strategy with its optimisers, and the compiled epoch.

Activations that fit into memory are held there; larger ones are read in blocks of whole steps. A compiled call
goes through as many steps as take about a second, so that a run can be stopped and tells how far it is. None of
this shows in the result: the order of the pictures depends on (seed, epoch) only, sums go on from call to call.
"""

from __future__ import annotations

import dataclasses
import functools
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tlcore.activations import HeldRows, Rows
from tlcore.nn import checkpoints
from tlcore.nn.draws import Draws
from tlcore.nn.models import within_float16
from tlcore.nn.optimizers import make_optimizer, step_size
from tlcore.nn.strategy import Batch, Group, Parts, Recipe, Strategy, Stream, as_input

BLOCK_BYTES = 512 * 2**20  # Activations beyond this are not held in memory at once.
CALL_S = 1.0  # A compiled call aims at this; between calls the run can be stopped.
CALL_GROWTH = 8  # At most, from one call to the next: a first measurement may mislead.
BUNDLE_BYTES, BUNDLE_STEPS = 8 * 2**20, 8  # Rows of a few steps are picked and dropped at once.
PREDICT_ROWS, PREDICT_ROWS_OF_TAIL = 256, 32

Check = Callable[[], None]


class Held(NamedTuple):
    """A stream, or a block of it, as tensors; `order` says in which order its rows are learnt."""

    x: tf.Tensor
    labels: tf.Tensor
    weights: tuple[tf.Tensor, ...]  # One, or none where all count alike.
    order: np.ndarray


class Epoch(NamedTuple):
    """Means of an epoch while learning: loss (nats), accuracy, and further figures by name."""

    loss: float
    accuracy: float
    further: dict[str, float]


class Trainer:
    """A strategy, its optimisers and its compiled epochs; `state` and `restore` are exact inverses.

    devices: that under whose scope this and the network are made; with several each takes a share of every batch.
    loss_scaling: for layers in float16, which loses small gradients; for one group of weights only. Source: Micikevicius et al. 2017, arXiv:1710.03740.
    steps_per_epoch: only asked for where the step size follows a schedule.
    """

    def __init__(
        self, strategy: Strategy, block_bytes: int = BLOCK_BYTES, devices: tf.distribute.Strategy | None = None,
        loss_scaling: bool = False, steps_per_epoch: int = 1,
    ) -> None:
        self.strategy, self._block_bytes = strategy, block_bytes
        self._train = strategy.recipe.train
        self.groups = strategy.groups()
        assert len(self.groups) == 1 or not loss_scaling
        self.optimizers = [self._optimizer(group, loss_scaling, steps_per_epoch) for group in self.groups]
        self._untouched = self.optimizer_state() if self.network.tail is None and not strategy.extras else []
        self._devices = devices or tf.distribute.get_strategy()
        self._held: list[tuple[weakref.ref[Rows], tf.Tensor]] = []
        self._features: list[tuple[weakref.ref[Rows], HeldRows]] = []
        self._call_steps = 1  # The first call is one bundle: nobody knows yet how long that takes.

    @property
    def network(self) -> Any:
        return self.strategy.network

    def learning_rate(self, epoch: int) -> float:
        """Of the head in an epoch, as it stands."""
        return float(self.optimizers[self.active(epoch)[0]].learning_rate)

    def active(self, epoch: int) -> tuple[int, ...]:
        """Places of the groups that learn in an epoch."""
        return tuple(i for i, group in enumerate(self.groups) if group.first_epoch <= epoch and (group.last_epoch is None or epoch <= group.last_epoch))

    def head_alone(self, epoch: int) -> bool:
        """Whether blocks above the cut don't move, so that their features need computing only once."""
        moving = {id(v) for i in self.active(epoch) for v in self.groups[i].variables}
        return self.network.tail is not None and not moving & {id(v) for v in self.network.tail_variables}

    def epoch(self, number: int, parts: Parts, tick: Callable[[float], None] = lambda fraction: None) -> Epoch:
        """One pass over all pictures.

        `tick(fraction)` is called about once a second with how much is done; what it raises ends the epoch.
        """
        streams = self.strategy.streams(parts, number)
        *_, (steps, sums) = self._passed(number, streams, tick)
        pictures, found = self.strategy.counted(streams), sums.numpy()
        return Epoch(float(found[0]) / pictures, float(found[1]) / pictures, {name: float(value) / steps for name, value in zip(self.strategy.further, found[2:], strict=True)})

    def step_losses(self, number: int, parts: Parts, tick: Callable[[float], None] = lambda fraction: None) -> Iterator[float]:
        """An epoch step by step: yields the classification loss (nats) of each as it is done."""
        streams, before = self.strategy.streams(parts, number), 0.0
        for done, sums in self._passed(number, streams, tick, most=1):
            step = [stream._replace(order=stream.order[(done - 1) * stream.batch : done * stream.batch]) for stream in streams]
            after = float(sums[0])
            yield (after - before) / self.strategy.counted(step)
            before = after

    def scale_rates(self, factor: float) -> None:
        """From now on every group learns at `factor` times its own rate; not where the step size follows a schedule."""
        for optimizer, group in zip(self.optimizers, self.groups, strict=True):
            optimizer.learning_rate = factor * group.rate

    def _passed(self, number: int, streams: tuple[Stream, ...], tick: Callable[[float], None], most: int | None = None) -> Iterator[tuple[int, tf.Tensor]]:
        """Go through an epoch: yields after each compiled call, of `most` steps, how many are done and the sums so far."""
        done = 0

        def check() -> None:
            tick(done / steps)

        steps = -(-len(streams[0].order) // streams[0].batch)
        from_features = self._from_features(number, streams)
        if not from_features:
            self._features = []  # From now on blocks above the cut move.
        else:
            streams = tuple(stream._replace(rows=self.features(stream.rows, check)) for stream in streams)
        call, bundle = self._compiled(self.active(number), from_features)
        seed = tf.constant([self._train.seed, number], tf.int32)
        sums = tf.zeros(2 + len(self.strategy.further))
        for block in self._blocks(streams, steps, bundle, check):
            start, block_steps = 0, -(-len(block[0].order) // streams[0].batch)
            while start < block_steps:
                count = min(most or max(bundle, self._call_steps // bundle * bundle), block_steps - start)
                began = time.perf_counter()
                given = tuple(
                    (held.x, held.labels, tf.constant(held.order[start * stream.batch : (start + count) * stream.batch]), *held.weights)
                    for held, stream in zip(block, streams, strict=True)
                )
                pace = tf.constant([(number - 1) / self._train.epochs, 1 / (steps * self._train.epochs)], tf.float32)
                sums = call(given, seed, tf.constant(done, tf.int32), pace, sums)
                float(sums[0])  # Wait for the result: a GPU's call returns before its work is done.
                self._measured(count, time.perf_counter() - began)
                start, done = start + count, done + count
                yield done, sums
                check()

    def probabilities(self, rows: Rows, check: Check = lambda: None, epoch: int | None = None) -> np.ndarray:
        """Softmax of the logits; `check` is called after each batch. Shapes: (n, classes) float32.

        epoch: one in which the head alone learns takes the features that are known."""
        if epoch is not None and self.head_alone(epoch) and self._fits_as_features(rows):
            return self._predicted(self._probabilities_of_features, self.features(rows, check), PREDICT_ROWS, check)
        return self._predicted(self._probabilities, rows, PREDICT_ROWS if self.network.tail is None else PREDICT_ROWS_OF_TAIL, check)

    def features(self, rows: Rows, check: Check = lambda: None) -> HeldRows:
        """What the blocks above the cut make of rows, pooled; kept as long as they don't move and the rows are there."""
        self._features = [(held, features) for held, features in self._features if held() is not None]
        found = next((features for held, features in self._features if held() is rows), None)
        if found is None:
            found = HeldRows(self._predicted(self._features_call, rows, PREDICT_ROWS_OF_TAIL, check))
            self._features.append((weakref.ref(rows), found))
        return found

    def representations(self, rows: Rows, check: Check = lambda: None) -> np.ndarray:
        """What the output layer sees of rows. Shapes: (n, representation_width) float32."""
        return self._predicted(self._representations, rows, PREDICT_ROWS if self.network.tail is None else PREDICT_ROWS_OF_TAIL, check)

    @property
    def representation_width(self) -> int:
        return int(self.network.dense[-1].kernel.shape[0])

    def start_over(self, recipe: Recipe) -> None:
        """As if newly made for a recipe with another step size, seed or dropout rate; only for a head alone."""
        train = recipe.train
        assert self._untouched and train.batch_size == self._train.batch_size
        self._train = train
        self.strategy.recipe = dataclasses.replace(self.strategy.recipe, train=train, head=recipe.head)
        self.network.start_over(train.seed, recipe.head.dropout)
        for variable, value in zip(self._optimizer_variables, self._untouched, strict=True):
            variable.assign(value)
        self.optimizers[0].learning_rate = recipe.optimizer.learning_rate

    def release(self) -> None:
        """Let go of the rows that are held in memory."""
        self._held, self._features = [], []

    def weights(self) -> list[np.ndarray]:
        """The network's, then those that learn beside it."""
        return [v.numpy() for v in self._weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self._weights, weights, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        return [np.asarray(v) for v in self._optimizer_variables]

    def restore(self, state: checkpoints.State) -> None:
        """Go back to the end of an epoch."""
        self.set_weights(state.weights)
        for variable, value in zip(self._optimizer_variables, state.optimizer, strict=True):
            variable.assign(value)

    @functools.cached_property
    def _weights(self) -> list[keras.Variable]:
        return [*self.network.kept, *self.strategy.extras]

    @property
    def _optimizer_variables(self) -> list[keras.Variable]:
        return [v for optimizer in self.optimizers for v in optimizer.variables]

    def _optimizer(self, group: Group, loss_scaling: bool, steps_per_epoch: int) -> keras.optimizers.Optimizer:
        config, epochs = self.strategy.recipe.optimizer, (group.last_epoch or self._train.epochs) - group.first_epoch + 1
        optimizer = make_optimizer(config, step_size(config, group.rate, steps_per_epoch, epochs))
        if loss_scaling:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(group.variables)
        return optimizer

    # Compiled calls.

    def _compiled(self, active: tuple[int, ...], from_features: bool) -> tuple[Callable, int]:
        """The epoch in which some groups learn, and the steps whose rows it picks at once."""
        if (active, from_features) not in self._calls:
            row_shape = self.network.feature_shape if from_features else self.network.row_shape
            row_bytes = int(np.prod(row_shape)) * (4 if from_features else np.dtype(self.network.cut.dtype).itemsize)
            bundle = max(1, min(BUNDLE_STEPS, BUNDLE_BYTES // max(1, sum(self.strategy.batches) * row_bytes)))
            self._calls[active, from_features] = self._compile(active, from_features, row_shape, bundle), bundle
        return self._calls[active, from_features]

    @functools.cached_property
    def _calls(self) -> dict[tuple[tuple[int, ...], bool], tuple[Callable, int]]:
        return {}

    def _compile(self, active: tuple[int, ...], from_features: bool, row_shape: tuple[int, ...], bundle: int) -> Callable:
        strategy, devices, step = self.strategy, self._devices, self._step(active, from_features)
        batches = strategy.batches
        bulk = strategy.drops_in_bulk and not from_features
        dtype = "float32" if from_features else self.network.cut.dtype
        whole, real, index = tf.TensorSpec((), tf.int32), tf.float32, tf.TensorSpec((None,), tf.int32)
        weights = (tf.TensorSpec((None,), real),) if strategy.weighted else ()
        stream = (tf.TensorSpec((None, *row_shape), dtype), index, index, *weights)
        sums_of = tf.TensorSpec((2 + len(strategy.further),), real)

        # One trace, however many steps a call is given.
        @tf.function(input_signature=((stream,) * len(batches), tf.TensorSpec((2,), tf.int32), whole, tf.TensorSpec((2,), real), sums_of))
        def epoch(streams: tuple, seed: tf.Tensor, first_step: tf.Tensor, pace: tf.Tensor, sums: tf.Tensor) -> tf.Tensor:
            steps = -(-tf.size(streams[0][2]) // batches[0])
            for start in tf.range(0, steps, bundle):
                picked = [_picked(stream, start, bundle, batch) for stream, batch in zip(streams, batches, strict=True)]
                if bulk:
                    drop = Draws(seed, (first_step + start) // bundle).dropout(strategy.network.drop_level)
                    picked = [batch._replace(x=drop(as_input(batch.x), 0)) for batch in picked]
                for place in tf.range(tf.minimum(bundle, steps - start)):
                    given = tuple(_sliced(each, place, batch) for each, batch in zip(picked, batches, strict=True))
                    number = first_step + start + place
                    progress = pace[0] + pace[1] * tf.cast(number, real)
                    sums += devices.reduce(tf.distribute.ReduceOp.SUM, devices.run(step, (given, seed, number, progress)), axis=None)
            return sums

        return epoch

    def _step(self, active: tuple[int, ...], from_features: bool) -> Callable:
        strategy, optimizers, replicas = self.strategy, self.optimizers, self._devices.num_replicas_in_sync
        groups = [self.groups[i].variables for i in active]
        scale = optimizers[0].scale_loss

        def step(batches: tuple[Batch, ...], seed: tf.Tensor, number: tf.Tensor, progress: tf.Tensor) -> tf.Tensor:
            """What one device found in its share of a batch; gradients of all shares add up."""
            share = tf.constant(1.0)
            if replicas > 1:
                whole, part = tf.size(batches[0].labels), tf.distribute.get_replica_context().replica_id_in_sync_group
                batches = tuple(Batch(*(None if each is None else each[part::replicas] for each in batch)) for batch in batches)
                share = tf.cast(tf.size(batches[0].labels) / whole, tf.float32)
            with tf.GradientTape() as tape:
                draws = Draws(seed, number)
                found = strategy.loss_of_head(batches, draws, progress) if from_features else strategy.loss(batches, draws, progress)
                total = scale(found.total * share)
            flat = [v for group in groups for v in group]
            gradients = tape.gradient(total, [v.value for v in flat])
            at = 0
            for i, group in zip(active, groups, strict=True):
                optimizers[i].apply(gradients[at : at + len(group)], group)
                at += len(group)
            return tf.stack([found.classification, found.hits, *(each / replicas for each in found.further)])

        return step

    @functools.cached_property
    def _probabilities(self) -> Callable:
        return self._of_rows(lambda x: tf.nn.softmax(self.network.logits(x)))

    @functools.cached_property
    def _representations(self) -> Callable:
        return self._of_rows(lambda x: self.network.representation(self.network.features(x)))

    @functools.cached_property
    def _features_call(self) -> Callable:
        return self._of_rows(self.network.features)

    def _of_rows(self, call: Callable) -> Callable:
        """`call` of rows; exact maps too are clipped as those are that the network learns from."""
        cut, rows = self.network.cut, tf.TensorSpec((None, *self.network.row_shape), self.network.cut.given_dtype)
        return tf.function(lambda x: call(within_float16(x) if cut.kind == "map" else x), input_signature=(rows,))

    @functools.cached_property
    def _probabilities_of_features(self) -> Callable:
        rows = tf.TensorSpec((None, *self.network.feature_shape), tf.float32)
        return tf.function(lambda x: tf.nn.softmax(self.network.classify(x)), input_signature=(rows,))

    # Rows.

    def _from_features(self, number: int, streams: Sequence[Stream]) -> bool:
        return len(streams) == 1 and self.head_alone(number) and self._fits_as_features(streams[0].rows)

    def _fits_as_features(self, rows: Rows) -> bool:
        return len(rows) * int(np.prod(self.network.feature_shape)) * 4 <= self._block_bytes

    def _predicted(self, call: Callable, rows: Rows, count: int, check: Check) -> np.ndarray:
        parts = []
        for start in range(0, len(rows), count):
            parts.append(call(as_input(tf.constant(rows.take(slice(start, start + count))))).numpy())
            check()
        return np.concatenate(parts)

    def _measured(self, steps: int, seconds: float) -> None:
        """Size the next call by the pace of the last one: at least one step."""
        fitting = CALL_S / max(seconds, 1e-6) * steps
        self._call_steps = max(1, int(min(fitting, CALL_GROWTH * max(steps, self._call_steps))))

    def _hold(self, rows: Rows, check: Check) -> tf.Tensor:
        """The rows in memory, beside others as far as there is room; those that nobody asks for again go first."""
        self._held = [(held, tensor) for held, tensor in self._held if held() is not None]
        found = next((tensor for held, tensor in self._held if held() is rows), None)
        if found is None:
            while self._held and sum(_bytes(tensor) for _, tensor in self._held) + rows.nbytes > self._block_bytes:
                self._held.pop(0)
            found = tf.constant(_read(rows, np.arange(len(rows)), check))
            self._held.append((weakref.ref(rows), found))
        return found

    def _blocks(self, streams: Sequence[Stream], steps: int, bundle: int, check: Check) -> Iterator[list[Held]]:
        """All steps at once, or, where a stream doesn't fit into memory, as many as do."""
        allowed = self._block_bytes // len(streams)
        large = [stream for stream in streams if stream.rows.nbytes > allowed]
        if not large:
            yield [self._whole(stream, check) for stream in streams]
            return
        # Half: the block before is still there while the next one is read.
        fitting = min(allowed // 2 // (stream.rows.layout.row_bytes * stream.batch) for stream in large)
        count = max(bundle, fitting // bundle * bundle)
        for start in range(0, steps, count):
            yield [
                self._some(stream, slice(start * stream.batch, (start + count) * stream.batch), check)
                if stream.rows.nbytes > allowed
                else self._whole(stream, check, slice(start * stream.batch, (start + count) * stream.batch))
                for stream in streams
            ]

    def _whole(self, stream: Stream, check: Check, part: slice = slice(None)) -> Held:
        return Held(self._hold(stream.rows, check), tf.constant(stream.labels, tf.int32), _weights(stream.weights), stream.order[part])

    def _some(self, stream: Stream, part: slice, check: Check) -> Held:
        ascending, order = np.unique(stream.order[part], return_inverse=True)  # The disk is read forwards.
        x = tf.constant(_read(stream.rows, ascending, check))
        weights = None if stream.weights is None else stream.weights[ascending]
        return Held(x, tf.constant(stream.labels[ascending], tf.int32), _weights(weights), order.astype(np.int32))


def _weights(weights: np.ndarray | None) -> tuple[tf.Tensor, ...]:
    return () if weights is None else (tf.constant(weights, tf.float32),)


def _picked(stream: tuple, start: tf.Tensor, bundle: int, batch: int) -> Batch:
    x, labels, order, *weights = stream
    chosen = order[start * batch : (start + bundle) * batch]
    return Batch(tf.gather(x, chosen), tf.gather(labels, chosen), tf.gather(weights[0], chosen) if weights else None)


def _sliced(given: Batch, place: tf.Tensor, batch: int) -> Batch:
    part = slice(place * batch, (place + 1) * batch)
    return Batch(given.x[part], given.labels[part], None if given.weights is None else given.weights[part])


def _bytes(tensor: tf.Tensor) -> int:
    return int(np.prod(tensor.shape)) * tensor.dtype.size


def _read(rows: Rows, positions: np.ndarray, check: Check) -> np.ndarray:
    """`rows.take(positions)` bit by bit: decoding pictures or a slow disk may take long."""
    whole = np.empty((len(positions), *rows.layout.row_shape), rows.layout.dtype)
    for start in range(0, len(positions), PREDICT_ROWS):
        part = slice(start, start + PREDICT_ROWS)
        whole[part] = rows.take(positions[part])
        check()
    return whole

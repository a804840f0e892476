"""Blocks below the cut never change: train head and tail on their stored activations.

Activations that fit into memory are held there; larger ones are read in blocks of whole steps. A compiled call
goes through as many steps as take about a second, so that a run can be stopped and tells how far it is. None of
this shows in the result: the order of the pictures depends on (seed, epoch) only, sums go on from call to call.
"""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tlcore.activations import Rows
from tlcore.config import HeadConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.errors import InputError
from tlcore.metrics import SMALLEST_PROBABILITY, macro_f1
from tlcore.nn import checkpoints
from tlcore.nn.models import Classifier
from tlcore.reporter import Reporter

BLOCK_BYTES = 512 * 2**20  # Activations beyond this are not held in memory at once.
CALL_S = 1.0  # A compiled call aims at this; between calls the run can be stopped.
CALL_GROWTH = 8  # At most, from one call to the next: a first measurement may mislead.
PREDICT_ROWS, PREDICT_ROWS_OF_TAIL = 256, 32
PROGRESS_S = 1.0
COMMIT_S = 0.25  # Epochs that take milliseconds are committed together, this often.
TRAINERS_KEPT = 8

Block = tuple[tf.Tensor, tf.Tensor, np.ndarray]  # Rows, labels, and the order in which they are learnt.


class Trainer:
    """Classifier, optimiser and the compiled epoch; `state` and `restore` are exact inverses.

    Shapes: rows (n, *row_shape), labels (n,) indices into the classes.
    strategy: that under whose scope this and the classifier are made; with several devices each takes a share of every batch.
    loss_scaling: for layers in float16, which loses small gradients. Source: Micikevicius et al. 2017, arXiv:1710.03740.
    """

    def __init__(
        self, classifier: Classifier, optimizer: OptimizerConfig, train: TrainConfig, block_bytes: int = BLOCK_BYTES,
        strategy: tf.distribute.Strategy | None = None, loss_scaling: bool = False,
    ) -> None:
        self.classifier, self._train, self._block_bytes = classifier, train, block_bytes
        self.optimizer = make_optimizer(optimizer)
        if loss_scaling:
            self.optimizer = keras.optimizers.LossScaleOptimizer(self.optimizer)
        self.optimizer.build(classifier.variables)
        self._untouched = self.optimizer_state() if classifier.tail is None else []
        self._epoch_call = _compile_epoch(classifier, self.optimizer, train.batch_size, strategy or tf.distribute.get_strategy())
        any_rows = tf.TensorSpec((None, *classifier.row_shape), classifier.cut.dtype)
        self._probabilities_call = tf.function(lambda x: tf.nn.softmax(classifier.logits(_as_input(x))), input_signature=(any_rows,))
        self._held: list[tuple[weakref.ref[Rows], tf.Tensor]] = []
        self._call_images = train.batch_size  # The first call is one step: nobody knows yet how long that takes.

    def epoch(self, number: int, rows: Rows, labels: np.ndarray, tick: Callable[[float], None] = lambda fraction: None) -> tuple[float, float]:
        """One pass over all pictures; gives mean loss (nats) and accuracy while learning.

        `tick(fraction)` is called about once a second with how much is done; what it raises ends the epoch.
        """
        seed = tf.constant([self._train.seed, number], tf.int32)
        loss, hits, done = tf.constant(0.0), tf.constant(0.0), 0

        def check() -> None:
            tick(done / len(labels))

        for x, y, order in self._blocks(number, rows, labels, check):
            start = 0
            while start < len(order):
                part = order[start : start + self._call_images]
                began = time.perf_counter()
                first_step = tf.constant(done // self._train.batch_size, tf.int32)
                loss, hits = self._epoch_call(x, y, tf.constant(part), seed, first_step, loss, hits)
                float(loss)  # Wait for the result: a GPU's call returns before its work is done.
                self._measured(len(part), time.perf_counter() - began)
                start, done = start + len(part), done + len(part)
                check()
        return float(loss) / len(labels), float(hits) / len(labels)

    def probabilities(self, rows: Rows, check: Callable[[], None] = lambda: None) -> np.ndarray:
        """Softmax of the logits; `check` is called after each batch. Shapes: (n, classes) float32."""
        parts, count = [], PREDICT_ROWS if self.classifier.tail is None else PREDICT_ROWS_OF_TAIL
        for start in range(0, len(rows), count):
            x = rows.take(slice(start, start + count))
            parts.append(self._probabilities_call(tf.constant(x)).numpy())
            check()
        return np.concatenate(parts)

    def start_over(self, learning_rate: float, train: TrainConfig) -> None:
        """As if newly made with another step size and another seed; only for a head alone."""
        assert self.classifier.tail is None and train.batch_size == self._train.batch_size
        self._train = train
        self.classifier.start_over(train.seed)
        for variable, value in zip(self.optimizer.variables, self._untouched, strict=True):
            variable.assign(value)
        self.optimizer.learning_rate = learning_rate

    def release(self) -> None:
        """Let go of the rows that are held in memory."""
        self._held = []

    def weights(self) -> list[np.ndarray]:
        return [v.numpy() for v in self.classifier.variables]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        for variable, value in zip(self.classifier.variables, weights, strict=True):
            variable.assign(value)

    def optimizer_state(self) -> list[np.ndarray]:
        return [np.asarray(v) for v in self.optimizer.variables]

    def restore(self, state: checkpoints.State) -> None:
        """Go back to the end of an epoch."""
        self.set_weights(state.weights)
        for variable, value in zip(self.optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)

    def _measured(self, images: int, seconds: float) -> None:
        """Size the next call by the pace of the last one: whole steps, at least one."""
        batch, fitting = self._train.batch_size, CALL_S / max(seconds, 1e-6) * images
        self._call_images = batch * max(1, int(min(fitting, CALL_GROWTH * self._call_images) // batch))

    def _hold(self, rows: Rows, check: Callable[[], None]) -> tf.Tensor:
        """The rows in memory, beside those of other views as far as there is room; views that nobody asks for again go first."""
        self._held = [(held, tensor) for held, tensor in self._held if held() is not None]
        found = next((tensor for held, tensor in self._held if held() is rows), None)
        if found is None:
            while self._held and (len(self._held) + 1) * rows.nbytes > self._block_bytes:
                self._held.pop(0)
            found = tf.constant(_read(rows, np.arange(len(rows)), check))
            self._held.append((weakref.ref(rows), found))
        return found

    def _blocks(self, number: int, rows: Rows, labels: np.ndarray, check: Callable[[], None]) -> Iterator[Block]:
        order = permutation(self._train.seed, number, len(labels))
        if rows.nbytes <= self._block_bytes:
            yield self._hold(rows, check), tf.constant(labels, tf.int32), order
            return
        # Half: the block before is still there while the next one is read.
        steps = max(1, self._block_bytes // 2 // rows.layout.row_bytes // self._train.batch_size)
        for start in range(0, len(order), steps * self._train.batch_size):
            part = order[start : start + steps * self._train.batch_size]
            ascending = np.sort(part)  # The disk is read forwards.
            x, y = tf.constant(_read(rows, ascending, check)), tf.constant(labels[ascending], tf.int32)
            yield x, y, np.searchsorted(ascending, part).astype(np.int32)


def trainer_of_head(cut: Cut, row_shape: tuple[int, ...], head: HeadConfig, classes: int, optimizer: OptimizerConfig, train: TrainConfig) -> Trainer:
    """A trainer of a head on frozen rows; one that is compiled already starts over where only seed and step size are others."""
    same = optimizer.model_copy(update={"learning_rate": OptimizerConfig().learning_rate})
    trainer = _compiled_head(cut, row_shape, head, classes, same, TrainConfig(batch_size=train.batch_size))
    trainer.start_over(optimizer.learning_rate, train)
    return trainer


@functools.lru_cache(maxsize=TRAINERS_KEPT)
def _compiled_head(cut: Cut, row_shape: tuple[int, ...], head: HeadConfig, classes: int, optimizer: OptimizerConfig, train: TrainConfig) -> Trainer:
    return Trainer(Classifier(None, cut, row_shape, head, classes, train.seed), optimizer, train)


def fit(
    trainer: Trainer,
    train: tuple[Callable[[int], Rows], np.ndarray],
    val: tuple[Rows, np.ndarray],
    config: TrainConfig,
    config_hash: str,
    run_dir: Path,
    reporter: Reporter,
    state: checkpoints.State | None = None,
    report: Callable[[float], None] = lambda epochs: None,
) -> checkpoints.State:
    """Train to the end or until validation stalls, committing epochs; the trainer ends at the best one.

    `train` holds rows by epoch, counted from 1, and labels. The first epoch and the last are committed at once, others no more often than every `COMMIT_S`.
    `report(epochs)` hears how many epochs are done, and fractions of those that take seconds.
    """
    best_loss, committed_at = state.best_metrics["val_loss"] if state else np.inf, -np.inf
    if state:
        trainer.restore(state)
    while not _finished(state, config):
        reporter.check()
        number = state.epoch + 1 if state else 1
        metrics = _one_epoch(trainer, number, train, val, reporter, report)
        if not np.isfinite([metrics["loss"], metrics["val_loss"]]).all():
            raise InputError(f"training became unstable in epoch {number}: the loss is no longer a number. Lower optimizer.learning_rate.")
        weights = trainer.weights()
        if state is None or metrics["val_loss"] < best_loss:
            best_loss = metrics["val_loss"]
            best = (number, metrics, weights)
        else:
            best = (state.best_epoch, state.best_metrics, state.best_weights)
        state = checkpoints.State(number, weights, [], *best)
        due = _finished(state, config) or time.perf_counter() - committed_at > COMMIT_S
        if due:
            state.optimizer = trainer.optimizer_state()
        reporter.epoch(number, metrics, checkpoints.save(state, config_hash, run_dir) if due else None)
        committed_at = time.perf_counter() if due else committed_at
        report(number)
    assert state is not None
    trainer.set_weights(state.best_weights)
    return state


def permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of the pictures in an epoch, int32; another one each epoch, the same in each repetition."""
    return np.random.default_rng((seed, epoch)).permutation(count).astype(np.int32)


def make_optimizer(config: OptimizerConfig) -> keras.optimizers.Optimizer:
    """Keras's optimiser with decoupled weight decay, from which biases are left out."""
    decay = config.weight_decay or None
    rate = config.learning_rate
    optimizers: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
        "adam": lambda: keras.optimizers.Adam(rate, weight_decay=decay),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=config.weight_decay),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate, weight_decay=decay),
    }
    optimizer = optimizers[config.name]()
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def _finished(state: checkpoints.State | None, config: TrainConfig) -> bool:
    if state is None:
        return False
    patience = config.early_stopping_patience
    return state.epoch >= config.epochs or (patience is not None and state.epoch - state.best_epoch >= patience)


def _one_epoch(
    trainer: Trainer, number: int, train: tuple[Callable[[int], Rows], np.ndarray], val: tuple[Rows, np.ndarray], reporter: Reporter, report: Callable[[float], None]
) -> dict[str, float]:
    began = told = time.perf_counter()

    def tick(fraction: float) -> None:
        nonlocal told
        reporter.check()
        if fraction and time.perf_counter() - told > PROGRESS_S:
            told = time.perf_counter()
            report(number - 1 + fraction)

    rows, labels = train
    loss, accuracy = trainer.epoch(number, rows(number), labels, tick)
    probabilities, labels = trainer.probabilities(val[0], reporter.check), val[1]
    predicted = probabilities.argmax(1)
    true = np.maximum(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY)
    return {
        "loss": loss,
        "accuracy": accuracy,
        "val_loss": float(-np.log(true.astype(np.float64)).mean()),
        "val_accuracy": float((predicted == labels).mean()),
        "val_macro_f1": macro_f1(labels, predicted, probabilities.shape[1]),
        "learning_rate": float(trainer.optimizer.learning_rate),
        "seconds": time.perf_counter() - began,
    }


def _read(rows: Rows, positions: np.ndarray, check: Callable[[], None]) -> np.ndarray:
    """`rows.take(positions)` bit by bit: decoding pictures or a slow disk may take long."""
    whole = np.empty((len(positions), *rows.layout.row_shape), rows.layout.dtype)
    for start in range(0, len(positions), PREDICT_ROWS):
        part = slice(start, start + PREDICT_ROWS)
        whole[part] = rows.take(positions[part])
        check()
    return whole


def _as_input(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32) if x.dtype == tf.float16 else x


def _compile_epoch(classifier: Classifier, optimizer: keras.optimizers.Optimizer, batch_size: int, strategy: tf.distribute.Strategy) -> Callable:
    variables, devices = classifier.variables, strategy.num_replicas_in_sync

    def step(x: tf.Tensor, y: tf.Tensor, chosen: tf.Tensor, seed: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of losses and hits of one device's share of a batch; gradients of all shares add up."""
        whole = tf.cast(tf.size(chosen), tf.float32)
        if devices > 1:
            chosen = chosen[tf.distribute.get_replica_context().replica_id_in_sync_group :: devices]
        labels = tf.gather(y, chosen)
        with tf.GradientTape() as tape:
            logits = classifier.logits(_as_input(tf.gather(x, chosen)), _dropout(classifier.dropout, seed, number))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = optimizer.scale_loss(tf.reduce_sum(losses) / whole)
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return tf.reduce_sum(losses), tf.reduce_sum(tf.cast(tf.equal(tf.argmax(logits, 1, tf.int32), labels), tf.float32))

    rows = tf.TensorSpec((None, *classifier.row_shape), classifier.cut.dtype)
    indices, number, real = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32), tf.TensorSpec((), tf.float32)

    # One trace, however many pictures a call is given.
    @tf.function(input_signature=(rows, indices, indices, tf.TensorSpec((2,), tf.int32), number, real, real))
    def epoch(x: tf.Tensor, y: tf.Tensor, order: tf.Tensor, seed: tf.Tensor, first_step: tf.Tensor, loss_sum: tf.Tensor, hits: tf.Tensor) -> tuple:
        for place in tf.range(-(-tf.size(order) // batch_size)):
            chosen = order[place * batch_size : (place + 1) * batch_size]
            found = strategy.run(step, (x, y, chosen, seed, first_step + place))
            losses, right = (strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None) for each in found)
            loss_sum += losses
            hits += right
        return loss_sum, hits

    return epoch


def _dropout(rate: float, seed: tf.Tensor, step: tf.Tensor) -> Callable | None:
    """Dropout whose mask depends on (seed, epoch, step, layer) only. Source: Srivastava et al. 2014.

    The rate is kept to a 256th: 8 random bits a number take a fifth of the time of a random float.
    """
    dropped = min(round(rate * 256), 255)
    if dropped == 0:
        return None

    def drop(x: tf.Tensor, layer: int) -> tf.Tensor:
        # Two 32-bit words of seed: run and layer in one, epoch and step in the other.
        words = tf.stack([seed[0] ^ tf.constant((layer + 1) * 0x01000193, tf.int32), seed[1] * 1_000_003 + step])
        count = tf.size(x)
        fours = tf.random.stateless_uniform([(count + 3) // 4], words, None, None, tf.int32)
        bits = tf.reshape(tf.bitcast(fours, tf.uint8), [-1])[:count]
        keep = tf.cast(bits >= tf.constant(dropped, tf.uint8), tf.float32)
        return x * tf.reshape(keep * (256 / (256 - dropped)), tf.shape(x))

    return drop

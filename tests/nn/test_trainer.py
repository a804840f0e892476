"""Training above the cut: repeatable to the bit, resumable, and blind to how the rows are read."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlcore.activations import HeldRows
from tlcore.config import HeadConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.errors import Cancelled, ConflictError, InputError
from tlcore.nn import checkpoints, draws, loop
from tlcore.nn import trainer as trainer_module
from tlcore.nn.classifier import Classifier
from tlcore.nn.models import hash_of, tail_model
from tlcore.nn.optimizers import make_optimizer
from tlcore.nn.strategies.frozen import Frozen
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.nn.trainer import Trainer
from tlcore.reporter import NullReporter

TRAIN = TrainConfig(epochs=6, batch_size=32, early_stopping_patience=None, seed=7)
HEAD = HeadConfig(hidden=(16,), dropout=0.3)


class Notes(NullReporter):
    """Keeps what was committed and can stop after an epoch, as a killed worker would."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.checkpoints, self.stop_after = {}, stop_after

    def epoch(self, number, metrics, checkpoint):
        super().epoch(number, metrics, checkpoint)
        assert checkpoint.exists()
        self.checkpoints[number] = checkpoint
        if number == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _every_epoch_committed(monkeypatch):
    monkeypatch.setattr(loop, "COMMIT_S", 0.0)


@pytest.fixture
def setting(stored_rows_at, resnet, pictures):
    """A trainer with fresh weights, and the rows it trains on: `setting(trainable_blocks)`."""

    def make(trainable_blocks=0, train=TRAIN, optimizer=None, block_bytes=trainer_module.BLOCK_BYTES):
        optimizer = optimizer or OptimizerConfig(learning_rate=0.003)
        cut, rows, _ = stored_rows_at(trainable_blocks)
        fresh = type(resnet)(resnet.spec, "none", 32, seed=3)
        tail = tail_model(fresh, cut) if trainable_blocks else None
        classifier = Classifier(tail, cut, rows.layout.row_shape, HEAD, 10, train.seed)
        parts = Parts(Part.of(rows.part(slice(200)), pictures.labels[:200]))
        watched = {"val": Part.of(rows.part(slice(200, 300)), pictures.labels[200:])}
        return Trainer(Frozen(Recipe(HEAD, optimizer, train=train), classifier), block_bytes), (parts, watched), fresh

    return make


def comparable(history):
    """Metrics without what a clock says."""
    return [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in history]


@pytest.mark.parametrize(("depth", "optimizer"), [(0, "adam"), *(pytest.param(0, name, marks=pytest.mark.slow) for name in ("sgd", "rmsprop", "adamw")), (1, "adam")])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(setting, tmp_path, depth, optimizer):
    settings = OptimizerConfig(name=optimizer, learning_rate=0.01, weight_decay=0.01)
    train = TRAIN.model_copy(update={"epochs": 3}) if depth else TRAIN
    whole_dir, parts_dir = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole_dir, parts_dir):
        folder.mkdir()

    trainer, parts, _ = setting(depth, train, settings)
    whole = Notes()
    last = loop.fit(trainer, *parts, train, "h", whole_dir, whole)

    trainer, parts, _ = setting(depth, train, settings)
    first = Notes(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        loop.fit(trainer, *parts, train, "h", parts_dir, first)
    trainer, parts, _ = setting(depth, train, settings)
    second = Notes()
    resumed = loop.fit(trainer, *parts, train, "h", parts_dir, second, checkpoints.load(first.checkpoints[2], "h"))

    assert comparable(first.epochs + second.epochs) == comparable(whole.epochs)
    assert hash_of(resumed.weights) == hash_of(last.weights)
    assert hash_of(resumed.optimizer) == hash_of(last.optimizer)
    assert hash_of(resumed.best_weights) == hash_of(last.best_weights)


def test_rows_read_in_blocks_train_like_rows_in_memory(setting, tmp_path):
    results = []
    for block_bytes in (trainer_module.BLOCK_BYTES, 8 * 2 * 32 * 64 * 4):  # All at once; two steps at a time.
        trainer, parts, _ = setting(block_bytes=block_bytes)
        notes = Notes()
        state = loop.fit(trainer, *parts, TRAIN, "h", tmp_path, notes)
        results.append((hash_of(state.weights), [e["val_loss"] for e in notes.epochs]))
    assert results[0] == results[1]


def test_another_seed_gives_another_result(setting, tmp_path):
    losses = []
    for seed in (1, 2):
        trainer, parts, _ = setting(train=TRAIN.model_copy(update={"seed": seed}))
        notes = Notes()
        loop.fit(trainer, *parts, TRAIN.model_copy(update={"epochs": 1}), "h", tmp_path, notes)
        losses.append(notes.epochs[0]["loss"])
    assert losses[0] != losses[1]


def test_layers_below_the_cut_and_batch_statistics_do_not_change(setting, tmp_path):
    trainer, parts, backbone = setting(1)
    learning = {id(v) for v in trainer.network.variables}
    fixed = [v for v in backbone.model.weights if id(v) not in learning]
    moving = [v for v in fixed if "moving" in v.path]
    before, learnt_before = hash_of([v.numpy() for v in fixed]), hash_of(trainer.weights())
    loop.fit(trainer, *parts, TRAIN.model_copy(update={"epochs": 1}), "h", tmp_path, Notes())
    assert hash_of([v.numpy() for v in fixed]) == before
    assert hash_of(trainer.weights()) != learnt_before
    assert len(moving) == 2 * 21 and len(fixed) > len(moving)


def test_early_stopping_restores_the_best_epoch(setting, tmp_path):
    train = TRAIN.model_copy(update={"epochs": 50, "early_stopping_patience": 3})
    trainer, parts, _ = setting(0, train, OptimizerConfig(learning_rate=0.3))  # So fast that it soon gets worse.
    notes = Notes()
    state = loop.fit(trainer, *parts, train, "h", tmp_path, notes)
    losses = [epoch["val_loss"] for epoch in notes.epochs]
    assert len(losses) < 50, "it should have stopped early"
    assert state.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 3
    rows, labels = parts[1]["val"].rows(1), parts[1]["val"].labels
    probabilities = trainer.probabilities(rows)
    assert -np.log(probabilities[np.arange(len(labels)), labels]).mean() == pytest.approx(min(losses), rel=1e-5)
    assert hash_of(trainer.weights()) == hash_of(state.best_weights) != hash_of(state.weights)


def test_a_run_that_had_ended_only_restores_its_best_epoch(setting, tmp_path):
    trainer, parts, _ = setting()
    done = loop.fit(trainer, *parts, TRAIN, "h", tmp_path, Notes())
    trainer, parts, _ = setting()
    notes = Notes()
    again = loop.fit(trainer, *parts, TRAIN, "h", tmp_path, notes, checkpoints.load(tmp_path / "checkpoint-6.npz", "h"))
    assert notes.epochs == [] and hash_of(trainer.weights()) == hash_of(done.best_weights) == hash_of(again.best_weights)


def test_only_the_last_two_checkpoints_are_kept(setting, tmp_path):
    trainer, parts, _ = setting()
    loop.fit(trainer, *parts, TRAIN, "h", tmp_path, Notes())
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == ["checkpoint-5.npz", "checkpoint-6.npz"]


def test_a_checkpoint_of_other_settings_is_refused(setting, tmp_path):
    trainer, parts, _ = setting()
    loop.fit(trainer, *parts, TRAIN.model_copy(update={"epochs": 1}), "h", tmp_path, Notes())
    with pytest.raises(ConflictError, match="other settings"):
        checkpoints.load(tmp_path / "checkpoint-1.npz", "another hash")


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(setting, tmp_path):
    trainer, parts, _ = setting(optimizer=OptimizerConfig(name="sgd", learning_rate=10))
    trainer.set_weights([np.full_like(w, 1e30) for w in trainer.weights()])
    with pytest.raises(InputError, match=r"epoch 1.*Lower optimizer.learning_rate"):
        loop.fit(trainer, *parts, TRAIN, "h", tmp_path, Notes())


def by_hand(rate=0.1, dropout=0.0, optimizer="sgd"):
    """One weight matrix of zeros, two pictures of two features, two classes."""
    classifier = Classifier(None, Cut("x", "avg"), (2,), HeadConfig(dropout=dropout), 2, 0)
    recipe = Recipe(HeadConfig(dropout=dropout), OptimizerConfig(name=optimizer, learning_rate=rate), train=TrainConfig(batch_size=2))
    trainer = Trainer(Frozen(recipe, classifier))
    trainer.set_weights([np.zeros((2, 2), np.float32), np.zeros(2, np.float32)])
    return trainer, Parts(Part.of(HeldRows(np.array([[1, 2], [3, 4]], np.float32)), np.array([0, 1])))


def test_loss_and_step_agree_with_a_calculation_by_hand():
    trainer, parts = by_hand()
    loss = trainer.epoch(1, parts).loss
    assert loss == pytest.approx(np.log(2), rel=1e-6)  # Two classes, no knowledge.
    # d loss / d logits = (p - onehot) / n = ±0.25; gradient of W = xᵀ of that; Nesterov's first step is 1.9 rates.
    gradient = np.array([[1, 2], [3, 4]]).T @ np.array([[-0.25, 0.25], [0.25, -0.25]])
    np.testing.assert_allclose(trainer.weights()[0], -0.1 * 1.9 * gradient, rtol=1e-6)
    np.testing.assert_allclose(trainer.weights()[1], [0, 0], atol=1e-8)


def test_weight_decay_spares_the_biases():
    optimizer = make_optimizer(OptimizerConfig(name="adamw", learning_rate=0.1, weight_decay=0.5))
    kernel, bias = keras.Variable(np.ones(2), name="kernel"), keras.Variable(np.ones(2), name="bias")
    optimizer.build([kernel, bias])
    optimizer.apply([tf.zeros(2), tf.zeros(2)], [kernel, bias])
    np.testing.assert_allclose(kernel, [0.95, 0.95])  # 1 - rate * decay, decoupled from the gradient.
    np.testing.assert_allclose(bias, [1, 1])


def test_dropout_keeps_the_mean_and_depends_on_its_seed_only():
    x = tf.ones((400, 50))
    seed = tf.constant([3, 5])

    def dropped(seed=seed, step=11, layer=0):
        return draws.Draws(seed, tf.constant(step)).dropout(draws.level_of(0.25))(x, layer).numpy()

    once, again = dropped(), dropped()
    np.testing.assert_array_equal(once, again)
    assert set(np.unique(once)) == {np.float32(0), np.float32(1 / 0.75)}
    assert once.mean() == pytest.approx(1, abs=0.02)
    for other in (dropped(layer=1), dropped(step=12), dropped(tf.constant([3, 6]))):
        assert (other != once).any()


def test_each_epoch_has_an_order_of_its_own():
    first, second = draws.permutation(0, 1, 100), draws.permutation(0, 2, 100)
    assert sorted(first) == sorted(second) == list(range(100))
    assert (first != second).any()
    np.testing.assert_array_equal(first, draws.permutation(0, 1, 100))


def test_a_state_survives_its_file(tmp_path):
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(4, np.int64)]
    state = checkpoints.State(3, arrays, arrays[::-1], 2, {"val_loss": 0.5}, [a + 1 for a in arrays])
    read = checkpoints.load(checkpoints.save(state, "h", tmp_path), "h")
    assert dataclasses.replace(read, weights=[], optimizer=[], best_weights=[]) == dataclasses.replace(state, weights=[], optimizer=[], best_weights=[])
    for name in ("weights", "optimizer", "best_weights"):
        assert hash_of(getattr(read, name)) == hash_of(getattr(state, name))


@pytest.mark.parametrize("depth", [0, 1])
def test_calls_of_any_length_give_the_same_to_the_bit(setting, tmp_path, monkeypatch, depth):
    train = TRAIN.model_copy(update={"epochs": 1})
    results = []
    monkeypatch.setattr(trainer_module, "BUNDLE_STEPS", 2)
    for call_s in (trainer_module.CALL_S, 0.0):  # Measured; one bundle a call.
        monkeypatch.setattr(trainer_module, "CALL_S", call_s)
        trainer, parts, _ = setting(depth, train)
        notes, ticks = Notes(), []
        state = loop.fit(trainer, *parts, train, "h", tmp_path, notes)
        trainer.epoch(2, parts[0], ticks.append)
        results.append((hash_of(state.weights), hash_of(state.optimizer), comparable(notes.epochs), hash_of(trainer.weights())))
    assert results[0] == results[1]
    assert [tick for tick in ticks if tick] == pytest.approx([min(1, step / 7) for step in (2, 4, 6, 7)])


def test_calls_grow_until_they_take_the_time_meant_for_one(setting):
    trainer, _, _ = setting()
    sizes = []
    for _ in range(5):
        sizes.append(trainer._call_steps)
        trainer._measured(trainer._call_steps, trainer._call_steps * 0.032)
    assert sizes == [1, 8, 31, 31, 31]  # A step takes 32 milliseconds.
    trainer._measured(1, 10.0)
    assert trainer._call_steps == 1


class StopsAtCheck(Notes):
    """Cancelled at the n-th check."""

    def __init__(self, count):
        super().__init__()
        self.left = count

    def check(self):
        self.left -= 1
        if self.left == 0:
            raise Cancelled("stopped")


def test_a_run_can_be_stopped_within_an_epoch_and_tells_how_far_it_is(setting, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "CALL_S", 0.0)
    monkeypatch.setattr(trainer_module, "BUNDLE_STEPS", 1)
    monkeypatch.setattr(loop, "PROGRESS_S", 0.0)
    trainer, parts, _ = setting(1, block_bytes=64 * 16 * 16 * 32 * 2)  # Two steps a block.
    epochs, notes = [], StopsAtCheck(10)
    with pytest.raises(Cancelled):
        loop.fit(trainer, *parts, TRAIN, "h", tmp_path, notes, report=epochs.append)
    assert notes.epochs == [] and epochs == sorted(epochs) and 0 < epochs[0] < epochs[-1] < 1


def test_predicting_can_be_stopped_after_each_batch(setting):
    trainer, parts, _ = setting(1)
    checks = []
    trainer.probabilities(parts[0].labelled.rows(1), lambda: checks.append(1))
    assert len(checks) == 7  # 200 pictures, 32 at once.

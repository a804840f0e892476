"""Every way of transferring does what its formula says, and goes on after a kill as if there had been none."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.some_of import some_of
from tlcore.activations import HeldRows
from tlcore.config import HeadConfig, LossConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.nn import checkpoints, loop
from tlcore.nn.classifier import Classifier, blocks_of
from tlcore.nn.models import hash_of
from tlcore.nn.strategies import STRATEGIES
from tlcore.nn.strategies.pseudo_label import confident
from tlcore.nn.strategies.two_stream import partners
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.nn.trainer import Trainer
from tlcore.reporter import NullReporter
from tlcore.strategies import STRATEGIES as SETTINGS

SHAPE, CLASSES = (4, 4, 2), 3
TRAIN = TrainConfig(epochs=4, batch_size=16, early_stopping_patience=None, seed=5)


def tail_of_two_blocks():
    """Two convolutions with batch normalisation, always with the same weights."""
    maps = keras.Input(SHAPE, name="maps")
    x = layers.Conv2D(4, 3, padding="same", name="conv_1", kernel_initializer=keras.initializers.HeNormal(seed=1))(maps)
    x = layers.ReLU(name="end_1")(layers.BatchNormalization(name="bn_1")(x))
    x = layers.Conv2D(4, 3, padding="same", name="conv_2", kernel_initializer=keras.initializers.HeNormal(seed=2))(x)
    x = layers.ReLU(name="end_2")(layers.BatchNormalization(name="bn_2")(x))
    return keras.Model(maps, x)


def make(name, head=None, optimizer=None, train=TRAIN, loss=None, frozen=False, source=True, **settings):
    """A trainer of the strategy on the two blocks, or on pooled vectors that stay as they are."""
    recipe = Recipe(head or HeadConfig(dropout=0.1), optimizer or OptimizerConfig(learning_rate=0.01), loss or LossConfig(), train, SETTINGS[name](name=name, **settings))
    kind, tail = STRATEGIES[name], None if frozen else tail_of_two_blocks()
    cut, shape = (Cut("end_2", "avg"), (4,)) if frozen else (Cut("end_0", "map"), SHAPE)
    batch_norm = "training" if name == "scratch" else getattr(recipe.way, "batch_norm", "inference")
    network = kind.network_type(tail, cut, shape, recipe.head, CLASSES, train.seed, batch_norm)
    backbone = SimpleNamespace(model=tail, spec=SimpleNamespace(block_ends=("end_0", "end_1", "end_2")))
    strategy = kind(recipe, network, [] if frozen else blocks_of(backbone, network), source)
    parts = domains(frozen)
    return Trainer(strategy, steps_per_epoch=strategy.steps(parts)), parts


def domains(pooled=False, shift=1.5):
    """Three classes that differ in their mean; the target's pictures lie elsewhere."""
    rng = np.random.default_rng(0)

    def part(count, offset, labelled=True):
        labels = np.arange(count) % CLASSES
        centres = np.random.default_rng(1).normal(0, 2, (CLASSES, *((4,) if pooled else (1, 1, 2))))
        rows = (centres[labels] + rng.normal(0, 0.7, (count, *((4,) if pooled else SHAPE))) + offset).astype("float32" if pooled else "float16")
        return Part.of(HeldRows(rows), labels if labelled else None)

    return Parts(part(40, shift), part(60, 0.0), part(50, shift, labelled=False))


def watched(parts):
    return {"val": parts.source}


def fit(trainer, parts, folder, reporter=None, state=None, train=TRAIN):
    folder.mkdir(exist_ok=True)
    return loop.fit(trainer, parts, watched(parts), train, "h", folder, reporter or Notes(), state)


class Notes(NullReporter):
    def __init__(self, stop_after=None):
        super().__init__()
        self.stop_after, self.checkpoint = stop_after, None

    def epoch(self, number, metrics, checkpoint):
        super().epoch(number, metrics, checkpoint)
        self.checkpoint = checkpoint
        if number == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _every_epoch_committed(monkeypatch):
    monkeypatch.setattr(loop, "COMMIT_S", 0.0)


OPTIONS = {"lp_ft": {"head_epochs": 2}, "gradual": {"epochs_per_block": 1}, "pseudo_label": {"warm_epochs": 1, "threshold": 0.4}, "fine_tune": {"rate_factor": 0.5, "batch_norm": "training"}}


@pytest.mark.parametrize("name", some_of(sorted(STRATEGIES), quick=("gradual", "pseudo_label", "dann")))
def test_a_run_that_was_killed_goes_on_to_the_same_weights(name, tmp_path):
    optimizer = OptimizerConfig(learning_rate=0.01, schedule="cosine", warmup_epochs=1)
    options = OPTIONS.get(name, {})
    whole_notes = Notes()
    trainer, parts = make(name, optimizer=optimizer, **options)
    whole = fit(trainer, parts, tmp_path / "whole", whole_notes)
    first, second = Notes(stop_after=2), Notes()
    trainer, parts = make(name, optimizer=optimizer, **options)
    with pytest.raises(KeyboardInterrupt):
        fit(trainer, parts, tmp_path / "parts", first)
    trainer, parts = make(name, optimizer=optimizer, **options)
    resumed = fit(trainer, parts, tmp_path / "parts", second, checkpoints.load(first.checkpoint, "h"))
    for each in ("weights", "optimizer", "best_weights"):
        assert hash_of(getattr(resumed, each)) == hash_of(getattr(whole, each)), each
    told = [[{k: v for k, v in epoch.items() if k != "seconds"} for epoch in notes] for notes in (first.epochs + second.epochs, whole_notes.epochs)]
    assert told[0] == told[1]
    assert len(whole_notes.epochs) == 4 and all(np.isfinite(epoch["loss"]) for epoch in whole_notes.epochs)


@pytest.mark.parametrize("name", some_of(sorted(STRATEGIES), quick=("lp_ft", "mixed", "two_stream", "coral")))
def test_every_strategy_learns_something(name, tmp_path):
    train = TRAIN.model_copy(update={"epochs": 25})
    trainer, parts = make(name, train=train, **OPTIONS.get(name, {}))
    notes = Notes()
    fit(trainer, parts, tmp_path, notes, train=train)
    assert notes.epochs[-1]["accuracy"] > 0.8 > notes.epochs[0]["accuracy"]


def moved(trainer, before):
    """How far each weight went, by the name of its layer."""
    return {v.path.split("/")[-2]: float(np.abs(v.numpy() - old).max()) for v, old in zip(trainer.network.variables, before, strict=True) if "kernel" in v.path}


def test_rates_fall_by_the_factor_from_block_to_block():
    steps = {}
    for factor in (1.0, 0.1):
        trainer, parts = make("fine_tune", optimizer=OptimizerConfig(name="sgd", learning_rate=1e-4), head=HeadConfig(dropout=0.0), rate_factor=factor, train=TRAIN.model_copy(update={"batch_size": 64}))
        before = trainer.weights()
        trainer.epoch(1, parts)
        steps[factor] = moved(trainer, before)
    ratios = {name: steps[0.1][name] / steps[1.0][name] for name in steps[1.0]}
    assert ratios["logits"] == pytest.approx(1, rel=0.01)
    assert ratios["conv_2"] == pytest.approx(0.1, rel=0.02) and ratios["conv_1"] == pytest.approx(0.01, rel=0.02)


def test_the_head_learns_alone_first_and_then_everything_does():
    trainer, parts = make("lp_ft", head_epochs=2, head_rate=0.05)
    for number, alone in ((1, True), (2, True), (3, False)):
        before = trainer.weights()
        trainer.epoch(number, parts)
        went = moved(trainer, before)
        assert went["logits"] > 0 and (went["conv_1"] == went["conv_2"] == 0) == alone == trainer.head_alone(number)
    assert trainer.learning_rate(1) == pytest.approx(0.05) and trainer.learning_rate(3) == pytest.approx(0.01)
    assert trainer.strategy.settled_from == 3


def test_a_head_on_known_features_learns_what_it_would_learn_through_the_blocks(monkeypatch):
    found = []
    for known in (True, False):
        trainer, parts = make("lp_ft", head=HeadConfig(dropout=0.0), head_epochs=2)
        if not known:
            monkeypatch.setattr(trainer, "_fits_as_features", lambda rows: False)
        trainer.epoch(1, parts)
        found.append((trainer.weights(), trainer.probabilities(parts.source.rows(1), epoch=1)))
    for one, other in zip(*(weights for weights, _ in found), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-5)


def test_blocks_thaw_from_the_top():
    trainer, parts = make("gradual", epochs_per_block=1)
    frozen_layers = []
    for number in (1, 2, 3):
        before = trainer.weights()
        trainer.epoch(number, parts)
        frozen_layers.append(sorted(name for name, distance in moved(trainer, before).items() if distance == 0))
    assert frozen_layers == [["conv_1", "conv_2"], ["conv_1"], []]


@pytest.mark.parametrize(("name", "options", "moves"), [("fine_tune", {}, False), ("fine_tune", {"batch_norm": "training"}, True), ("scratch", {}, True)])
def test_batch_statistics_move_only_where_asked_and_are_kept(name, options, moves):
    trainer, parts = make(name, **options)
    statistics = [v for v in trainer.network.tail.non_trainable_variables if "moving" in v.path]
    before = [v.numpy() for v in statistics]
    trainer.epoch(1, parts)
    assert any((v.numpy() != old).any() for v, old in zip(statistics, before, strict=True)) == moves
    kept = {id(v) for v in trainer.network.kept}
    assert all(id(v) in kept for v in statistics) == moves


def test_batch_statistics_arrive_within_a_short_run():
    trainer, parts = make("scratch", optimizer=OptimizerConfig(learning_rate=1e-9))
    tail = trainer.network.tail
    for number in range(1, 5):
        trainer.epoch(number, parts)
    first = keras.Model(tail.input, tail.get_layer("conv_1").output)
    seen = first.predict(parts.labelled.rows(1).take(np.arange(len(parts.labelled.labels))).astype(np.float32), verbose=0).mean((0, 1, 2))
    found = tail.get_layer("bn_1").moving_mean.numpy()
    assert np.abs(found - seen).max() < 0.4 * np.abs(seen).max()  # It began at zero; of 0.99 a step it would hardly have left.


def test_batch_statistics_arrive_in_a_backbone_that_is_one_layer():
    inner = tail_of_two_blocks()
    maps = keras.Input(SHAPE)
    network = Classifier(keras.Model(maps, inner(maps, training=False)), Cut("end_0", "map"), SHAPE, HeadConfig(), CLASSES, 0, "training")
    rows = np.random.default_rng(0).normal(3, 1, (64, *SHAPE)).astype(np.float32)
    for _ in range(20):
        network.features(rows, training=True)
    seen = inner.get_layer("conv_1")(rows).numpy().mean((0, 1, 2))
    assert inner.get_layer("bn_1").moving_mean.numpy() == pytest.approx(seen, rel=0.2)


def test_mixed_batches_hold_the_share_that_was_asked_for():
    trainer, parts = make("mixed", source_share=0.25)
    target, source = trainer.strategy.streams(parts, 1)
    assert (target.batch, source.batch) == (12, 4)
    steps = -(-100 // 16)
    assert len(target.order) == 12 * steps and len(source.order) == 4 * steps
    assert set(target.order) == set(range(40)), "the target's few pictures come again and again"


def test_partners_are_of_the_same_class_and_take_turns():
    labels = np.array([0, 0, 1, 1, 1])
    found = partners(0, 1, np.array([1, 0, 1, 1, 0]), labels)
    assert labels[found].tolist() == [1, 0, 1, 1, 0]
    assert sorted(found) == [0, 1, 2, 3, 4]


def test_one_picture_goes_through_both_streams():
    trainer, parts = make("two_stream")
    rows = parts.labelled.rows(1).take().astype(np.float32)
    network = trainer.network
    network.other_tail.layers[1].kernel.assign(network.other_tail.layers[1].kernel * 2)
    features = network.features(tf.constant(rows)).numpy()
    one, other = (np.asarray(keras.ops.mean(tail(rows, training=False), axis=(1, 2))) for tail in (network.tail, network.other_tail))
    np.testing.assert_allclose(features, np.concatenate([one, other], 1), atol=1e-5)
    assert (one != other).any()
    np.testing.assert_allclose(network.model()(rows), trainer.probabilities(parts.labelled.rows(1)), atol=1e-5)


def test_confident_predictions_become_labels_and_no_class_takes_over():
    probabilities = np.array([[0.95, 0.05], [0.99, 0.01], [0.92, 0.08], [0.2, 0.8], [0.04, 0.96]])
    places, labels = confident(probabilities, 0.9, balance=False)
    assert places.tolist() == [0, 1, 2, 4] and labels.tolist() == [0, 0, 0, 1]
    places, labels = confident(probabilities, 0.9, balance=True)  # Medians of 3 and 1: two each at most; the surest stay.
    assert places.tolist() == [0, 1, 4] and labels.tolist() == [0, 0, 1]
    assert all(len(each) == 0 for each in confident(probabilities, 0.999, balance=True))


def test_pseudo_labels_count_more_from_epoch_to_epoch():
    trainer, parts = make("pseudo_label", warm_epochs=1, ramp_epochs=4, threshold=0.34, weight=2.0)
    weights = []
    for number in (1, 2, 3, 6):
        trainer.strategy.before_epoch(number, trainer, parts, lambda: None)
        weights.append(float(trainer.strategy.streams(parts, number)[-1].weights.max()))
    assert weights == pytest.approx([0, 0.5, 1.0, 2.0])


def test_without_confident_predictions_pseudo_labels_change_nothing():
    results = []
    for threshold in (0.9999, 0.99999):
        trainer, parts = make("pseudo_label", warm_epochs=0, threshold=threshold)
        trainer.strategy.before_epoch(1, trainer, parts, lambda: None)
        assert trainer.epoch(1, parts).further["pseudo_loss"] == 0
        results.append(hash_of(trainer.weights()))
    assert results[0] == results[1]


def spread(trainer, parts):
    """Distance of the domains' mean features, as the output layer sees them, by their own spread."""
    network = trainer.network
    source, target = (np.asarray(network.representation(network.features(tf.constant(part.rows(1).take().astype(np.float32))))) for part in (parts.source, parts.unlabelled))
    source, target = (each.reshape(len(each), -1) for each in (source, target))
    return float(np.linalg.norm(source.mean(0) - target.mean(0)) / np.concatenate([source, target]).std())


@pytest.mark.parametrize(("name", "options"), [("dann", {"weight": 3.0}), pytest.param("coral", {"weight": 100.0}, marks=pytest.mark.slow), pytest.param("mmd", {"weight": 1.0}, marks=pytest.mark.slow)])
def test_adaptation_draws_the_domains_together_without_a_label_of_the_target(name, options, tmp_path):
    train, head = TRAIN.model_copy(update={"epochs": 40}), HeadConfig(hidden=(8,), dropout=0.0)
    found = {}
    for each, settings in (("source_only", {}), (name, options)):
        trainer, parts = make(each, head=head, train=train, **settings)
        parts = Parts(None, parts.source, parts.unlabelled)  # There is no labelled target at all.
        notes = Notes()
        fit(trainer, parts, tmp_path / each, notes, train=train)
        found[each] = spread(trainer, parts)
        assert notes.epochs[-1]["accuracy"] > 0.8
    assert found[name] < found["source_only"]


def test_the_domain_classifier_is_right_unless_the_features_deceive_it():
    train, right = TRAIN.model_copy(update={"epochs": 30}), {}
    for gamma in (1e-6, 10.0):  # As good as no deception; as in the paper.
        trainer, parts = make("dann", head=HeadConfig(hidden=(8,), dropout=0.0), train=train, gamma=gamma, weight=3.0)
        seen = [trainer.epoch(number, parts).further["domain_accuracy"] for number in range(1, 31)]
        right[gamma] = np.mean(seen[-5:])
    assert right[1e-6] > 0.9 and right[10.0] < 0.75
    assert len(trainer.weights()) == len(trainer.network.kept) + 6, "it is kept, so that a killed run can go on"


def test_adaptation_chooses_no_epoch_of_the_first_half(tmp_path):
    train = TRAIN.model_copy(update={"epochs": 6, "early_stopping_patience": 1})
    trainer, parts = make("coral", optimizer=OptimizerConfig(learning_rate=0.3), train=train)
    state = fit(trainer, parts, tmp_path, train=train)
    assert state.epoch > 4 and state.best_epoch >= 4


def test_the_domain_classifier_keeps_the_rate_that_deep_blocks_do_not_have():
    trainer, _ = make("dann", rate_factor=0.1)
    rates = {v.path.split("/")[-2]: group.rate for group in trainer.groups for v in group.variables}
    assert rates["domain_1"] == rates["logits"] == 0.01
    assert rates["conv_2"] == pytest.approx(0.001) and rates["conv_1"] == pytest.approx(0.0001)


@pytest.mark.parametrize("loss", [{"class_weights": "balanced"}, {"label_smoothing": 0.1}, {"mixup": 0.2}, {"class_weights": "balanced", "label_smoothing": 0.1, "mixup": 0.4}])
@pytest.mark.parametrize("name", some_of(["frozen", "mixed", "two_stream", "pseudo_label", "dann"], quick=("mixed", "dann")))
def test_losses_for_imbalance_and_noise_go_with_every_kind_of_strategy(name, loss):
    trainer, parts = make(name, loss=LossConfig(**loss))
    assert np.isfinite(trainer.epoch(1, parts).loss)


def test_class_weights_move_the_decision_towards_the_rare_class(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array([0] * 190 + [1] * 10)
    rows = (labels[:, None] * 1.0 + rng.normal(0, 1, (200, 4))).astype("float32")
    parts, shares = Parts(Part.of(HeldRows(rows), labels)), {}
    for weights in ("none", "balanced"):
        train = TRAIN.model_copy(update={"epochs": 30, "batch_size": 64})
        trainer, _ = make("frozen", frozen=True, loss=LossConfig(class_weights=weights), train=train, head=HeadConfig(dropout=0.0))
        loop.fit(trainer, parts, {"val": parts.labelled}, train, "h", tmp_path, Notes())
        predicted = trainer.probabilities(parts.labelled.rows(1)).argmax(1)
        shares[weights] = (predicted[190:] == 1).mean()
    assert shares["balanced"] > shares["none"] + 0.3


@pytest.mark.parametrize("monitor", some_of(["val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auc"], quick=("val_loss", "val_macro_f1")))
def test_the_monitored_figure_chooses_the_epoch(monitor, tmp_path):
    train = TRAIN.model_copy(update={"epochs": 6, "monitor": monitor})
    trainer, parts = make("frozen", frozen=True, optimizer=OptimizerConfig(learning_rate=0.3), train=train)
    notes = Notes()
    state = fit(trainer, parts, tmp_path, notes, train=train)
    figures = [epoch[monitor] for epoch in notes.epochs]
    assert state.best_epoch == 1 + int(np.argmin(figures) if monitor == "val_loss" else np.argmax(figures))


def test_no_number_is_never_better():
    assert loop.better({"val_auc": 0.7}, {"val_auc": float("nan")}, "val_auc")
    assert not loop.better({"val_auc": float("nan")}, {"val_auc": 0.7}, "val_auc")

"""Whole runs on two domains: no hidden label is read, both domains are evaluated, models leave as any other."""

import json

import numpy as np
import pytest

from tests.reloaded import reloaded
from tests.some_of import some_of
from tlcore.choosing import Choice
from tlcore.config import parse, with_changes
from tlcore.curves import FURTHER, METRICS, metrics_of
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains
from tlcore.datasets.sources import add_dataset
from tlcore.embedding import load_embedding
from tlcore.nn import inference, training
from tlcore.nn.strategies import STRATEGIES as KINDS
from tlcore.reporter import NullReporter
from tlcore.results import load_predictions
from tlcore.strategies import STRATEGIES
from tlcore.workspace import Workspace

SMALL = {
    "dataset": "digits-textures", "source": {"dataset": "digits"}, "target": {"label_fraction": 0.5}, "classes": ["1", "4"],
    "split": {"train_fraction": 0.3}, "freeze": {"trainable_blocks": 1}, "head": {"hidden": [16]},
    "train": {"epochs": 2, "batch_size": 32}, "optimizer": {"learning_rate": 0.001},
}
OPTIONS = {"lp_ft": {"head_epochs": 1}, "pseudo_label": {"warm_epochs": 1, "threshold": 0.6}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    return workspace, {name: add_dataset(name, None, workspace, NullReporter()) for name in ("digits", "digits-textures")}


def carry_out(shared, folder, name, **changes):
    workspace, datasets = shared
    config = parse(with_changes({**SMALL, "strategy": {"name": name, **OPTIONS.get(name, {})}}, changes))
    reporter = NullReporter()
    return training.run(config, datasets[config.dataset], workspace, folder, reporter, None, datasets[config.source.dataset]), reporter.epochs


def test_every_figure_that_a_strategy_shows_has_a_title_and_a_meaning():
    assert {name for kind in KINDS.values() for name in kind.further} == set(FURTHER)


@pytest.mark.parametrize("name", some_of(sorted(STRATEGIES), quick=("pseudo_label", "dann")))
def test_once_the_pictures_are_divided_nobody_reads_a_label_of_the_datasets(shared, tmp_path, monkeypatch, name):
    """What was divided holds no hidden label, so nothing that comes later can have read one."""
    divide = training.divide

    def divided(*arguments):
        found = divide(*arguments)
        monkeypatch.setattr(Dataset, "labels", property(lambda self: pytest.fail("a label was read after the division")))
        return found

    monkeypatch.setattr(training, "divide", divided)
    summary, epochs = carry_out(shared, tmp_path / "run", name)
    domains = Domains.load(tmp_path / "run" / "split.npz")
    assert not np.isin(domains.unlabelled, domains.target.known_rows).any(), "no label of an unlabelled picture is kept"
    reads_labels = STRATEGIES[name]().reads_target_labels
    assert (len(domains.target.train) > 0) == (len(domains.target.val) > 0) == reads_labels and len(domains.unlabelled) > 0
    assert summary["unlabelled_images"] == len(domains.unlabelled)
    watched = {key.removesuffix("_loss") for epoch in epochs for key in epoch if key.endswith("val_loss")}
    assert watched == ({"val", "source_val"} if reads_labels else {"val"})
    told = Choice.of(with_changes(SMALL, {"strategy.name": name}))
    assert summary["best_epoch"] == told.best((int(epoch["epoch"]), epoch["val_loss"]) for epoch in epochs), "pages find it without TensorFlow"
    undescribed = {metric for metric in metrics_of(epochs[-1]) if metric not in METRICS and metric not in FURTHER}
    assert not undescribed and set(KINDS[name].further) <= set(metrics_of(epochs[-1]))


@pytest.mark.parametrize("name", some_of(["mixed", "two_stream", "pseudo_label", "dann", "fine_tune", "scratch"], quick=("two_stream",)))
def test_both_domains_are_evaluated_and_the_models_repeat_it(shared, tmp_path, name):
    folder = tmp_path / "run"
    summary, _ = carry_out(shared, folder, name, **({"train.epochs": 1} if name == "scratch" else {}))
    assert json.loads((folder / "summary.json").read_text()) == summary
    parts = dict(zip(*np.unique(load_embedding(folder).part, return_counts=True), strict=True))
    tested = {part: len(load_predictions(folder, part)) for part in ("test", "source_test", "source_val")}
    assert tested.items() <= parts.items() and ("train" in parts) == STRATEGIES[name]().reads_target_labels
    _, datasets = shared
    for split, dataset in (("test", datasets["digits-textures"]), ("source_test", datasets["digits"])):
        stored = load_predictions(folder, split)
        pixels = dataset.pixels(stored.rows, 32)
        np.testing.assert_allclose(inference.load(folder).probabilities(pixels), stored.probabilities, atol=1e-4)
        figures = summary["test"] if split == "test" else summary["source_test"]
        assert figures["accuracy"] == pytest.approx((stored.predicted == stored.labels).mean())

    model = reloaded(folder)
    np.testing.assert_allclose(model.predict(pixels, verbose=0), stored.probabilities, atol=1e-4)


@pytest.mark.slow
def test_one_dataset_may_be_both_domains(shared, tmp_path):
    summary, _ = carry_out(shared, tmp_path / "run", "mixed", **{"source.dataset": "digits-textures", "target.fraction": 0.4})
    domains = Domains.load(tmp_path / "run" / "split.npz")
    assert summary["train_images"] == len(domains.target.train) + len(domains.source.train)
    assert 0 < len(domains.target.train) < len(domains.source.train)


@pytest.mark.slow
def test_from_scratch_everything_learns_whatever_the_form_says(shared, tmp_path):
    summary, _ = carry_out(shared, tmp_path / "run", "scratch", **{"freeze.trainable_blocks": 0, "train.epochs": 1})
    assert summary["weights_sha256"] is None and summary["trainable_params"] > 260_000


def test_pictures_that_a_strategy_does_not_read_are_not_computed(shared, tmp_path):
    workspace = Workspace(tmp_path / "workspace").create()
    datasets = {name: add_dataset(name, None, workspace, NullReporter()) for name in shared[1]}
    summary, _ = carry_out((workspace, datasets), tmp_path / "run", "frozen")
    domains = Domains.load(tmp_path / "run" / "split.npz")
    target, source = domains.target, domains.source
    assert summary["train_images"] == len(target.train)
    assert summary["cache"]["computed"] == len(target.known_rows) + len(source.val) + len(source.test)

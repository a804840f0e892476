"""Several devices share a batch, half precision shares a run: on a processor that plays the cards."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tlcore.config import parse
from tlcore.datasets.sources import add_dataset
from tlcore.nn import devices, inference, training
from tlcore.nn import prefix as prefix_module
from tlcore.reporter import NullReporter

TWO_DEVICES = """
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
from tlcore.activations import HeldRows
from tlcore.config import HeadConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.nn.classifier import Classifier
from tlcore.nn.strategies.frozen import Frozen
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.nn.trainer import Trainer

rng = np.random.default_rng(0)
rows, labels = HeldRows(rng.normal(size=(70, 6)).astype("float32")), rng.integers(0, 3, 70)
settings = Cut("x", "avg"), (6,), HeadConfig(hidden=(4,), dropout=0.0), 3, 0
found = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])):
    with strategy.scope():
        recipe = Recipe(settings[2], OptimizerConfig(learning_rate=0.01), train=TrainConfig(batch_size=32))
        trainer = Trainer(Frozen(recipe, Classifier(None, *settings)), devices=strategy)
        figures = [trainer.epoch(number, Parts(Part.of(rows, labels)))[:2] for number in (1, 2, 3)]
        found.append((figures, trainer.weights(), trainer.probabilities(rows)))
assert strategy.num_replicas_in_sync == 2
np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
for one, two in zip(found[0][1] + [found[0][2]], found[1][1] + [found[1][2]]):
    np.testing.assert_allclose(one, two, atol=1e-5)
"""


def test_two_devices_learn_what_one_learns():
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(("strategy", "policy"), [({"name": "fine_tune"}, "mixed_float16"), ({"name": "fine_tune", "rate_factor": 0.5}, "float32"), ({"name": "gradual"}, "float32")])
def test_several_rates_do_without_float16_which_needs_one_scale(workspace, tmp_path, monkeypatch, strategy, policy):
    monkeypatch.setattr(devices, "plan", lambda asked=1: devices.Plan(1, 1, "mixed_float16"))
    monkeypatch.setattr(devices, "apply", lambda plan: None)
    dataset = add_dataset("digits", None, workspace, NullReporter())
    config = parse({"dataset": "digits", "freeze": {"trainable_blocks": 1}, "strategy": strategy})
    run = training._Run(config, dataset, None, workspace, tmp_path, NullReporter())
    assert run.plan.policy == run.backbone.policy == policy


@pytest.mark.parametrize("depth", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_in_half_precision_leaves_models_in_float32(workspace, tmp_path, monkeypatch, depth):
    monkeypatch.setattr(prefix_module, "_has_gpu", lambda: True)
    monkeypatch.setattr(devices, "plan", lambda asked=1: devices.Plan(1, 1, "mixed_bfloat16"))
    dataset = add_dataset("digits", None, workspace, NullReporter())
    config = parse({
        "dataset": "digits", "classes": ["0", "1"], "split": {"train_fraction": 0.2}, "head": {"pooling": "flatten"},
        "freeze": {"trainable_blocks": depth}, "train": {"epochs": 2, "batch_size": 32},
    })
    summary = training.run(config, dataset, workspace, tmp_path / "run", NullReporter())
    assert summary["engine"] == "tensorflow" and summary["test_accuracy"] > 0.9
    stored = pd.read_parquet(tmp_path / "run" / "predictions.parquet")
    answers = inference.load(tmp_path / "run").probabilities(dataset.pixels(stored["row"].to_numpy(), 32))
    np.testing.assert_allclose(answers, stored[["p0", "p1"]], atol=0.05)
    assert ((answers[:, 1] > 0.5) == (stored["p1"] > 0.5)).mean() > 0.98

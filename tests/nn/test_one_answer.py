"""One picture gets one answer: in the run's own evaluation, from its model, and from each file that is exported of it."""

import numpy as np
import pytest

from tests.some_of import some_of
from tlcore import backbones
from tlcore.config import parse
from tlcore.datasets.sources import add_dataset
from tlcore.exports import FORMATS, MOST_DIFFERENCE, kind_of
from tlcore.nn import inference, training
from tlcore.nn.exporting import asking, making
from tlcore.reporter import NullReporter
from tlcore.results import load_predictions
from tlcore.weights import weights_path
from tlcore.workspace import Workspace

PICTURES = 100
# Both runs learn from feature maps in float16; those of the second are computed from those of the first, so rounded twice.
NETWORKS = {
    "ResNet20": {"backbone": {"name": "ResNet20", "weights": "bundled"}, "split": {"train_fraction": 0.3}},
    "MobileNetV2": {"backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": 96}, "split": {"train_fraction": 0.4}},
}
BLOCKS = {"ResNet20": (2, 1), "MobileNetV2": (3, 1)}
MOST = {"ResNet20": MOST_DIFFERENCE / 10, "MobileNetV2": MOST_DIFFERENCE}  # A small network's last digits are smaller; rounding shows in it too.


@pytest.fixture(scope="module")
def runs_of(tmp_path_factory):
    """Folders of two fine-tuned runs with this backbone, and the dataset."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    dataset, done = add_dataset("digits", None, workspace, NullReporter()), {}

    def go(name):
        if not weights_path(backbones.spec(name), NETWORKS[name]["backbone"]["weights"], 96).exists():
            pytest.skip("the weights are not here")
        for blocks in BLOCKS[name] if name not in done else ():
            config = parse({"dataset": "digits", "optimizer": {"learning_rate": 0.003}, "train": {"epochs": 2}, "freeze": {"trainable_blocks": blocks}, **NETWORKS[name]})
            run_dir = workspace.run(len(done) * 10 + blocks)
            summary = training.run(config, dataset, workspace, run_dir, NullReporter())
            done.setdefault(name, []).append((run_dir, summary["cache"]["via"]))
        (first, pixels), (second, maps) = done[name]
        assert pixels is None and maps is not None
        return first, second, dataset

    return go


def some_pictures(run_dir, dataset, part):
    stored = load_predictions(run_dir, part)
    stored = stored.take(making.evenly(len(stored), PICTURES))
    return dataset.pixels(stored.rows, inference.load(run_dir).side_px), stored.probabilities


@pytest.mark.parametrize("name", some_of(NETWORKS, quick=["ResNet20"]))
def test_in_the_evaluation_and_from_the_model(runs_of, name):
    *folders, dataset = runs_of(name)
    for run_dir in folders:
        for part in ("test", "val"):
            pixels, stored = some_pictures(run_dir, dataset, part)
            predictor = inference.load(run_dir)
            assert np.abs(predictor.probabilities(pixels) - stored).max() <= MOST[name]
            alone = [predictor.look(pixels[at : at + 1], closely=True).probabilities[0] for at in range(0, len(pixels), 10)]
            assert np.abs(alone - stored[::10]).max() <= MOST[name]


EVERY = [f"{name} {format_}" for name in NETWORKS for format_ in FORMATS]


@pytest.mark.parametrize("wanted", some_of(EVERY, quick=["ResNet20 litert", "ResNet20 onnx"]))
def test_in_the_evaluation_and_from_every_exported_file(runs_of, wanted):
    name, format_ = wanted.split()
    *folders, dataset = runs_of(name)
    kind = kind_of(format_)
    for run_dir in folders:
        making.make(kind, run_dir, dataset, None, NullReporter())
        pixels, stored = some_pictures(run_dir, dataset, "test")
        assert np.abs(asking.ask(kind, kind.folder(run_dir), pixels, NullReporter()).probabilities - stored).max() <= MOST[name]

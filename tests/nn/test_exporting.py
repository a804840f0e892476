"""Exported files, each loaded by its own runtime in a process of its own, say what the network says."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.some_of import some_of
from tlcore import exports
from tlcore.config import parse
from tlcore.datasets.sources import add_dataset
from tlcore.errors import ConflictError, NotFoundError
from tlcore.images import to_pixels
from tlcore.nn import training
from tlcore.nn.exporting import asking, making
from tlcore.nn.exporting.original import Original
from tlcore.reporter import NullReporter
from tlcore.results import load_predictions
from tlcore.workspace import Workspace

BACKBONES = {
    "ResNet20": {"freeze": {"trainable_blocks": 1}},
    # Depthwise convolutions. With random weights it takes longer until its answers are sure enough to be compared.
    "MobileNetV2": {"backbone": {"name": "MobileNetV2", "weights": "none", "input_size": 32}, "optimizer": {"learning_rate": 0.1}, "train": {"epochs": 60, "early_stopping_patience": None}},
    "VGG16": {"backbone": {"name": "VGG16", "weights": "none", "input_size": 32}},  # Its preprocessing swaps the colours.
}
KINDS = {kind.name: kind for kind in exports.kinds()}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    return workspace, add_dataset("digits", None, workspace, NullReporter())


@pytest.fixture(scope="module")
def run_of(shared):
    """The folder of a finished run with this backbone, trained when it is first asked for."""
    workspace, dataset = shared
    done = {}

    def go(name):
        if name not in done:
            changes = {"backbone": {"name": "ResNet20"}, "optimizer": {"learning_rate": 0.01}, "train": {"epochs": 4}, **BACKBONES[name]}
            done[name] = workspace.run(len(done) + 1)
            training.run(parse({"dataset": "digits", "classes": ["1", "4", "7"], **changes}), dataset, workspace, done[name], NullReporter())
        return done[name]

    return go


EVERY = [(backbone, kind) for backbone in BACKBONES for kind in KINDS]
QUICK = [("ResNet20", kind) for kind in KINDS if kind != "keras"]


@pytest.mark.parametrize("wanted", some_of(EVERY, quick=QUICK), ids=" ".join)
def test_the_file_answers_as_the_network_does(run_of, shared, wanted):
    run_dir, kind = run_of(wanted[0]), KINDS[wanted[1]]
    check = making.make(kind, run_dir, shared[1], None, NullReporter(), lambda made: f"about {next(iter(made)).title}")
    assert exports.made(run_dir)[kind] == check and exports.check_of(run_dir, kind) == check
    folder = exports.require(run_dir, kind)
    assert {kind.format.file, "classes.json", "example.py", "check.json"} <= {path.name for path in folder.iterdir()}
    assert (folder / "MODEL_CARD.md").read_text() == f"about {kind.title}"
    assert check.latency_ms > 0 and all(check.versions.values())
    if kind.int8:
        assert check.calibrated_on == making.CALIBRATION_PICTURES and check.agreement > 0.9
        assert check.accuracy >= check.accuracy_before - exports.MOST_ACCURACY_LOST
        assert check.bytes < 0.45 * (run_dir / "model.bin").stat().st_size
    else:
        assert check.largest_difference <= exports.MOST_DIFFERENCE and check.agreement == 1 and not check.calibrated_on
    stored = load_predictions(run_dir)
    assert abs(check.accuracy_before - (stored.predicted == stored.labels).mean()) < 0.1
    assert not list(folder.parent.glob(".writing-*"))


@pytest.mark.parametrize("name", some_of(list(KINDS), quick=["litert", "onnx", "openvino"]))
def test_the_example_beside_the_file_says_what_the_network_says(run_of, shared, tmp_path, name):
    run_dir = run_of("ResNet20")
    if exports.check_of(run_dir, KINDS[name]) is None:
        making.make(KINDS[name], run_dir, shared[1], None, NullReporter())
    folder, dataset = exports.require(run_dir, KINDS[name]), shared[1]
    picture = dataset.image(int(load_predictions(run_dir).rows[0])).resize((50, 40))
    picture.save(tmp_path / "a.png")
    told = subprocess.run([sys.executable, "example.py", tmp_path / "a.png"], cwd=folder, capture_output=True, text=True, check=True, env=asking.child_environment())
    label, probability = told.stdout.splitlines()[-1].split()
    expected = Original(run_dir).probabilities(to_pixels(Image.open(tmp_path / "a.png"), 32)[None])[0]
    assert label == json.loads((folder / "classes.json").read_text())[int(expected.argmax())]
    assert float(probability) == pytest.approx(expected.max(), abs=0.1 if KINDS[name].int8 else 1e-3)


def test_a_file_that_says_something_else_is_not_offered_and_the_one_before_stays(run_of, shared, monkeypatch):
    run_dir, kind = run_of("ResNet20"), KINDS["litert"]
    before = making.make(kind, run_dir, shared[1], None, NullReporter())

    def other(original, folder, calibration):
        weights = original.network.get_weights()
        original.network.set_weights([weight * 1.01 for weight in weights])
        making.litert.write(original, folder, calibration)
        original.network.set_weights(weights)

    monkeypatch.setitem(making.WRITERS, "litert", other)
    with pytest.raises(ConflictError, match=r"LiteRT: on \d+ test pictures a probability differs by"):
        making.make(kind, run_dir, shared[1], None, NullReporter())
    monkeypatch.setitem(making.WRITERS, "litert", lambda original, folder, calibration: (folder / "model.tflite").write_bytes(b"no model"))
    with pytest.raises(ConflictError, match="can't be used by its own runtime"):
        making.make(kind, run_dir, shared[1], None, NullReporter())
    assert exports.check_of(run_dir, kind) == before and not list(kind.folder(run_dir).parent.glob(".writing-*"))


def test_a_network_without_an_openvino_model_and_a_run_without_a_model_get_a_sentence(run_of, shared, tmp_path):
    with pytest.raises(NotFoundError, match="no result yet"):
        making.make(KINDS["onnx"], tmp_path, shared[1], None, NullReporter())
    with pytest.raises(NotFoundError, match="there is no OpenVINO, int8 file"):
        exports.require(tmp_path, KINDS["openvino-int8"])


def test_pictures_are_spread_over_all():
    assert making.evenly(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert making.evenly(9, 3).tolist() == [0, 4, 8]
    assert np.all(np.diff(making.evenly(1000, 100)) > 0)

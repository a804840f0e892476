"""Which checkpoint a run takes, and where Keras keeps it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlcore.backbones import spec
from tlcore.weights import ASSETS, checkpoint_size, keras_home, weights_path


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


def place(home: Path, name: str, size: int) -> None:
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / spec(name).weights_file.format(size=size)).write_bytes(b"x")


def test_the_wanted_size_comes_first_then_one_that_is_here_then_the_nearest(home):
    network = spec("MobileNetV2")
    assert [checkpoint_size(network, side) for side in (96, 100, 140, 500)] == [96, 96, 128, 224]
    place(home, "MobileNetV2", 160)
    assert [checkpoint_size(network, side) for side in (96, 100, 140, 500)] == [160] * 4
    place(home, "MobileNetV2", 96)
    assert [checkpoint_size(network, side) for side in (96, 100, 140, 500)] == [96, 96, 160, 160]


def test_networks_with_one_checkpoint_have_one_path(home):
    assert weights_path(spec("VGG16"), "imagenet", 64) == weights_path(spec("VGG16"), "imagenet", 224) == home / "models" / spec("VGG16").weights_file
    assert weights_path(spec("ResNet20"), "bundled", 32) == ASSETS / spec("ResNet20").weights_file


def test_keras_keeps_its_files_in_the_same_folder(home):
    code = "import keras, tlcore.weights as w; from keras.src.backend import config; print(config.keras_home() == str(w.keras_home()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "KERAS_BACKEND": "openvino"})
    assert result.stdout.split() == ["True"], result.stderr[-500:]


def test_a_folder_that_cannot_be_written_is_left_as_keras_leaves_it(home, monkeypatch):
    assert keras_home() == home and not home.exists()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert keras_home() == Path("/tmp/.keras")


def test_asking_needs_no_tensorflow():
    code = "import sys, tlcore.weights, tlcore.forecast; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

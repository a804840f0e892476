"""Where weights come from: Keras's folder, a download that fails, the bundled file; each in a process of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tlcore.backbones import spec
from tlcore.weights import ASSETS

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "keras-home"


def run(code: str, **environment: str) -> str:
    """Keras reads KERAS_HOME when it is imported, so each case gets a fresh process."""
    preamble = "from tlcore.backbones import spec\nfrom tlcore.nn.models import Backbone, hash_of\n"
    result = subprocess.run([sys.executable, "-c", preamble + code], capture_output=True, text=True, env={**os.environ, **environment})
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.strip()


def test_without_network_the_error_says_which_file_to_place_where(tmp_path):
    code = """
from tlcore.errors import ResourceError
for name in ("VGG16", "MobileNet_0.5"):
    try:
        Backbone(spec(name), "imagenet", 96).weights_hash
    except ResourceError as error:
        print(error)
"""
    dead = "http://127.0.0.1:9"
    lines = run(code, KERAS_HOME=str(tmp_path), https_proxy=dead, http_proxy=dead, HTTPS_PROXY=dead, HTTP_PROXY=dead).splitlines()
    errors = [line for line in lines if "can't be downloaded" in line]
    assert [f"Place {name} in {tmp_path / 'models'}" in error for name, error in zip(
        ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "mobilenet_5_0_128_tf_no_top.h5"), errors, strict=True
    )] == [True, True]
    assert all("bundled backbone ResNet20" in error for error in errors)


@pytest.mark.skipif(not SHARED.exists(), reason="the folder with ImageNet weights is not here")
def test_a_checkpoint_of_another_size_serves_every_size(tmp_path):
    shutil.copytree(SHARED, tmp_path / "keras")
    code = """
for name, here in (("MobileNetV2", 224), ("MobileNet", 224), ("MobileNet_0.5", 160), ("MobileNet_0.25", 128)):
    at = {size: Backbone(spec(name), "imagenet", size) for size in (96, here)}
    assert f"_{here}_" in at[96].weights_path.name
    assert at[96].model.input.shape[1] == 96
    assert at[96].weights_hash == at[here].weights_hash
    print(hash_of(at[96].model.get_weights()) == hash_of(at[here].model.get_weights()))
"""
    assert run(code, KERAS_HOME=str(tmp_path / "keras")).split() == ["True"] * 4


@pytest.mark.skipif(not (ASSETS / spec("ResNet20").weights_file).exists(), reason="the bundled weights are not here")
def test_the_bundled_weights_are_small_and_load_at_any_size():
    assert (ASSETS / spec("ResNet20").weights_file).stat().st_size < 2_000_000
    code = "print(*[hash_of(Backbone(spec('ResNet20'), 'bundled', size).model.get_weights()) for size in (32, 64)])"
    first, second = run(code).split()
    assert first == second


def test_prediction_needs_no_tensorflow_and_reports_nothing_to_anybody():
    code = "import sys, tlcore.nn.inference; print(sorted(m for m in ('tensorflow', 'keras') if m in sys.modules), sys.modules['openvino_telemetry'])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] None"

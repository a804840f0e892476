"""Weights from files of every format become what the file holds, or one sentence; nothing else is opened, run or left."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest

from tests.nn import weight_samples as samples
from tlcore import weight_sets
from tlcore.backbones import spec
from tlcore.cuts import weights_hash
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.nn import foreign_weights, layer_weights
from tlcore.nn.models import Backbone
from tlcore.weight_sets import Report

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "keras-home"

FORMATS = {
    "keras3": lambda folder: samples.keras3(folder / "a.weights.h5"),
    "keras": lambda folder: samples.whole_keras(folder / "a.keras"),
    "older": lambda folder: samples.older(folder / "a.h5"),
    "older-nested": lambda folder: samples.older(folder / "a.h5", nested=True),
    "older-model": lambda folder: samples.older(folder / "a.h5", inside=True),
    "npz": lambda folder: samples.npz(folder / "a.npz"),
    "npz-numbered": lambda folder: samples.numbered_npz(folder / "a.npz"),
    "safetensors": lambda folder: samples.safetensors(folder / "a.safetensors"),
    "safetensors-64": lambda folder: samples.safetensors(folder / "a.safetensors", "F64"),
    "misnamed": lambda folder: samples.npz(folder / "a.weights.h5"),
}


@pytest.fixture
def add(workspace, tmp_path):
    """Add a file to the workspace; its scratch folder must be empty afterwards."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def added(path: Path, backbone: str = "ResNet20", **options):
        try:
            return foreign_weights.add_file(path, backbone, workspace, scratch, **options)
        finally:
            assert not list(scratch.iterdir())

    return added


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_weights_that_were_saved(make, add, tmp_path, workspace):
    made = add(make(tmp_path))
    assert made.content == samples.content()
    assert len(made.report.loaded) == len(layer_weights.layers_of(samples.network())) == 42
    assert made.report.missing == made.report.mismatched == ()
    assert weight_sets.find(workspace, made.name) == made == weight_sets.find(workspace, made.id)
    loaded = Backbone(spec("ResNet20"), "set", 48, weight_set=made)
    assert layer_weights.content_of(layer_weights.arrays_of(loaded.model)) == samples.content()


@pytest.mark.parametrize(("kind", "off"), [("F16", 1e-3), ("BF16", 1e-2)])
def test_numbers_of_half_the_length_are_read_as_such(kind, off, add, tmp_path):
    made = add(samples.safetensors(tmp_path / "half.safetensors", kind))
    with np.load(made.arrays) as file:
        for key, value in samples.arrays().items():
            np.testing.assert_allclose(file[key], value, atol=off, rtol=off)
    assert made.content != samples.content()


def test_a_classifier_on_top_is_named_and_left_out(add, tmp_path):
    assert add(samples.whole_keras(tmp_path / "top.keras")).report.unused == ("logits",)


HOSTILE = [
    (samples.external_link, "is a link to another place or file"),
    (samples.soft_link, "is a link to another place or file"),
    (samples.external_storage, "lie in another file"),
    (samples.virtual, "lie in another file"),
    (samples.group_in_a_circle, "more groups and arrays, or deeper ones, than a network has"),
    (samples.huge_h5, "stem_conv: kernel is 2000000000, not 3×3×3×16"),
    (samples.huge_npz, "stem_conv: kernel is 2000000×1000000, not 3×3×3×16"),
    (samples.bomb, "unpack to more than 68 MiB, which this network can't fill"),
    (samples.pickled_npz, "a pickle, which runs whatever program"),
    (samples.objects_npz, "holds Python objects, a pickle"),
    (samples.torch_zip, "a file of PyTorch, which holds a pickle"),
    (samples.saved_model, "a SavedModel, which holds programs"),
    (samples.graph, "SavedModel.*which holds programs"),
    (samples.single_array, "a single NumPy array"),
    (samples.nan, "stem_conv/kernel holds NaN or infinity"),
    (samples.too_large_for_float32, "stem_bn/gamma holds NaN or infinity"),
    (samples.truncated, "cut short or damaged"),
    (lambda folder: samples.truncated(folder, samples.npz, "cut.npz"), "cut short or damaged"),
    (lambda folder: samples.truncated(folder, samples.safetensors, "cut.safetensors"), "makes no sense"),
    (samples.offsets_beyond, "'stem_bn/gamma' makes no sense"),
    (samples.shape_beyond, "'stem_bn/gamma' makes no sense"),
    (samples.long_header, "none of the formats"),
    (samples.empty, "the file is empty"),
    (samples.picture, "none of the formats"),
    (samples.other_zip, "neither model.weights.h5 nor NumPy arrays alone"),
    (lambda folder: folder / "absent.npz", "not found"),
]


@pytest.mark.parametrize(("make", "says"), HOSTILE, ids=[says[:25] + str(i) for i, (_, says) in enumerate(HOSTILE)])
def test_what_is_no_file_of_bare_weights_gets_one_sentence_and_leaves_nothing(make, says, add, tmp_path, workspace, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, before = make(tmp_path), psutil.Process().memory_info().rss
    with pytest.raises(InputError, match=says) as refused:
        add(path)
    assert str(refused.value).startswith(path.name) and "\n" not in str(refused.value)
    assert psutil.Process().memory_info().rss - before < 500e6
    assert not (tmp_path / "unpickled").exists()
    assert not list(workspace.weights.iterdir())


def test_another_architecture_is_refused_with_the_first_five_differences(add, tmp_path):
    other = Backbone(spec("MobileNet_0.25"), "none", 32).model
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(InputError, match="not a layer fits ResNet20") as refused:
        add(tmp_path / "other.weights.h5")
    assert str(refused.value).count(": missing") == 5 and "stem_conv" in str(refused.value) and "conv1" in str(refused.value)


def test_a_wider_network_of_the_same_names_is_refused(add, tmp_path):
    Backbone(spec("MobileNet_0.5"), "none", 32).model.save_weights(tmp_path / "half.weights.h5")
    with pytest.raises(InputError, match=r"half.weights.h5: not a layer fits MobileNet_0.25 \(conv1: kernel is 3×3×3×16, not 3×3×3×8; "):
        add(tmp_path / "half.weights.h5", "MobileNet_0.25")


def test_a_part_is_loaded_only_when_that_was_asked_for(add, tmp_path):
    path = samples.npz(tmp_path / "part.npz", {"stem_conv/kernel": np.zeros((5, 5, 3, 16), np.float32), "stem_bn/gamma": None, "stem_bn/beta": None, "stem_bn/moving_mean": None, "stem_bn/moving_variance": None})
    with pytest.raises(InputError, match=r"40 layers fit ResNet20, 1 have another shape and 1 are missing \(stem_conv: kernel is 5×5×3×16, not 3×3×3×16; stem_bn: missing\)"):
        add(path)
    made = add(path, partial=True, name="in part", trained_on="pets")
    assert made.report.missing == ("stem_bn",) and made.report.mismatched[0].startswith("stem_conv: ")
    assert str(made.report) == "40 loaded, 1 missing, 1 of another shape"
    assert (made.name, weight_sets.in_words(made.trained_on)) == ("in part", "pets")
    with np.load(made.arrays) as file:
        np.testing.assert_array_equal(file["stem_bn/gamma"], np.ones(16))
        assert file["stem_conv/kernel"].shape == (3, 3, 3, 16)


def test_automatic_names_of_another_process_are_counted_anew(add, tmp_path):
    variables = Backbone(spec("InceptionV3"), "none", 75, seed=2).model
    named = layer_weights.arrays_of(variables)

    def later(key: str) -> str:
        layer, weight = key.split("/")
        base, _, number = layer.rpartition("_")
        return f"{base}_{int(number) + 94}/{weight}" if number.isdigit() else f"{layer}_94/{weight}"

    with (tmp_path / "later.npz").open("wb") as file:
        np.savez(file, **{later(key): value for key, value in named.items()})
    assert add(tmp_path / "later.npz", "InceptionV3").content == layer_weights.content_of(named)


def test_a_file_without_names_is_read_by_kind_and_number(add, tmp_path):
    import h5py

    path = samples.keras3(tmp_path / "bare.weights.h5")
    with h5py.File(path, "a") as file:
        for layer in file["layers"].values():
            if "name" in layer["vars"].attrs:
                del layer["vars"].attrs["name"]
    assert add(path).content == samples.content()


def test_the_same_file_twice_is_one_set_and_a_taken_name_is_refused(add, tmp_path, workspace):
    first = add(samples.npz(tmp_path / "a.npz"), name="mine")
    assert add(tmp_path / "a.npz", name="again") == first
    with pytest.raises(ConflictError, match="named 'mine' exists already"):
        add(samples.safetensors(tmp_path / "a.safetensors"), name="mine")
    assert weight_sets.listed(workspace) == [first] and weight_sets.listed(workspace, "VGG16") == []
    assert [path.name for path in workspace.weights.iterdir()] == [first.id]


def test_the_cache_goes_by_the_content(add, tmp_path):
    one, same = add(samples.npz(tmp_path / "a.npz")), add(samples.safetensors(tmp_path / "a.safetensors"))
    other = add(samples.npz(tmp_path / "b.npz", {"stem_bn/beta": np.full(16, 0.5, np.float32)}))
    hashes = [weights_hash(spec("ResNet20"), "set", 32, 0, each) for each in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert Backbone(spec("ResNet20"), "set", 32, weight_set=other).weights_hash == hashes[2]
    assert weights_hash(spec("ResNet20"), "set", 32, 0, None) is None


def test_a_set_that_was_altered_is_noticed(add, tmp_path):
    made = add(samples.npz(tmp_path / "a.npz"))
    samples.npz(made.arrays, {"stem_bn/beta": np.full(16, 0.5, np.float32)})
    with pytest.raises(ConflictError, match="weight set 'a.npz' is damaged on disk"):
        _ = Backbone(spec("ResNet20"), "set", 32, weight_set=made).model


def test_a_set_of_another_backbone_is_refused(add, tmp_path, workspace):
    made = add(samples.npz(tmp_path / "a.npz"))
    with pytest.raises(InputError, match="'a.npz' is for ResNet20, not for VGG16"):
        Backbone(spec("VGG16"), "set", 32, weight_set=made)
    with pytest.raises(NotFoundError, match="Weight sets here: a.npz"):
        weight_sets.find(workspace, "b.npz")


def test_what_keras_adds_with_imagenet_weights_goes_into_the_normalisation():
    """EfficientNet's empty network lacks a scaling that the one with ImageNet weights has."""
    inputs = keras.Input((4, 4, 3))
    normal = keras.layers.Normalization(name="normalization")
    scale = [2.0, 4.0, 0.5]
    model = keras.Model(inputs, keras.layers.Rescaling(scale)(normal(inputs)))
    normal.adapt_mean.assign([1.0, 2.0, 3.0])
    normal.adapt_variance.assign([4.0, 9.0, 16.0])
    normal.finalize_state()
    plain = keras.Model(inputs, keras.layers.Normalization(name="normalization")(inputs))
    layer_weights.assign(plain, layer_weights.arrays_of(model))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(plain(pictures), model(pictures), rtol=1e-5)


@pytest.mark.skipif(not SHARED.exists(), reason="the folder with ImageNet weights is not here")
def test_imagenet_files_of_keras_give_the_network_that_keras_builds(tmp_path, workspace):
    shutil.copytree(SHARED, tmp_path / "keras")
    code = """
import sys, pathlib
from tlcore.backbones import spec
from tlcore.nn import foreign_weights, layer_weights
from tlcore.nn.models import Backbone
from tlcore.workspace import Workspace
workspace, folder = Workspace(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])
for name in ("MobileNetV2", "MobileNet", "MobileNet_0.5", "MobileNet_0.25"):
    own = Backbone(spec(name), "imagenet", 96)
    made = foreign_weights.add_file(own.weights_path, name, workspace, folder)
    print(made.content == layer_weights.content_of(layer_weights.arrays_of(own.model)) and not made.report.missing)
"""
    result = subprocess.run([sys.executable, "-c", code, workspace.root, tmp_path], capture_output=True, text=True, env={**os.environ, "KERAS_HOME": str(tmp_path / "keras")})
    assert result.stdout.split() == ["True"] * 4, result.stderr[-2000:]


def test_a_report_counts_what_became_of_the_layers():
    assert str(Report(("a", "b"), unused=("logits",))) == "2 loaded, 1 not needed"


def test_an_archive_holds_nothing_but_the_arrays(add, tmp_path):
    made = add(samples.whole_keras(tmp_path / "a.keras"))
    with zipfile.ZipFile(made.arrays) as archive:
        assert set(archive.namelist()) == {f"{key}.npy" for key in samples.arrays()}

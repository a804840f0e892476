"""Every backbone builds at several sizes and can be cut at the end of every block."""

import itertools

import keras
import numpy as np
import pytest

from tests.some_of import some_of
from tlcore.backbones import BACKBONES
from tlcore.nn.models import Backbone, preprocessing, tensor_at

QUICK = ("ResNet20", "VGG16", "MobileNetV2", "EfficientNetB0", "ConvNeXtTiny")
LARGER = {"ResNet20": 48, "InceptionV3": 107, "Xception": 103}


def sections(model: keras.Model, ends: tuple[str, ...]) -> list[keras.Model]:
    """The network between each pair of block ends; Keras refuses where more than one tensor carries on."""
    tensors = [model.input, *(tensor_at(model, end) for end in ends)]
    return [keras.Model(below, above) for below, above in itertools.pairwise(tensors)]


@pytest.mark.parametrize("name", some_of(BACKBONES, quick=QUICK))
def test_the_blocks_one_after_the_other_are_the_whole_network(name):
    spec = BACKBONES[name]
    backbone = Backbone(spec, "none", spec.min_size, seed=1)
    model = backbone.model
    picture = np.random.default_rng(0).uniform(-1, 1, (1, spec.min_size, spec.min_size, 3)).astype(np.float32)
    parts = sections(model, spec.block_ends)
    x = picture
    for part in parts:
        x = part(x, training=False)
    np.testing.assert_allclose(x, model(picture, training=False), rtol=1e-4, atol=1e-5)
    assert x.shape[-1] == spec.feature_dim
    assert tuple(part.count_params() for part in parts) == spec.block_params
    assert np.isfinite(x).all() and float(np.std(x)) > 0


def costs_of(part: keras.Model) -> tuple[int, int, int]:
    """Multiply-adds, numbers given, and layers, from the shapes of outputs and kernels."""
    layers = [layer for layer in part.layers if not isinstance(layer, keras.layers.InputLayer)]
    multiply_adds = sum(int(np.prod(layer.output.shape[1:-1])) * int(np.prod(w.shape)) for layer in layers for w in layer.weights if "kernel" in w.path.rpartition("/")[2])
    return multiply_adds, sum(int(np.prod(layer.output.shape[1:])) for layer in layers), len(layers)


@pytest.mark.parametrize("name", some_of(BACKBONES, quick=QUICK))
def test_the_costs_of_each_block_are_those_of_its_graph(name):
    spec = BACKBONES[name]
    parts = sections(Backbone(spec, "none", spec.usual_size).model, spec.block_ends)
    assert tuple(costs_of(part) for part in parts) == spec.block_costs


@pytest.mark.parametrize("name", some_of(BACKBONES, quick=QUICK))
def test_another_input_size_has_the_same_cuts_and_weights(name):
    spec = BACKBONES[name]
    keras.layers.Add()  # Automatic names have moved on: they must not matter.
    keras.layers.Activation("relu")
    small, large = (Backbone(spec, "none", size, seed=1).model for size in (spec.min_size, LARGER.get(name, 64)))
    assert all(np.array_equal(a, b) for a, b in zip(small.get_weights(), large.get_weights(), strict=True))
    assert [layer.name for layer in small.layers][1:] == [layer.name for layer in large.layers][1:]
    assert len(sections(large, spec.block_ends)) == len(spec.blocks)
    maps = [tensor_at(large, end).shape for end in spec.block_ends]
    assert tuple(shape[-1] for shape in maps) == tuple(channels for _, channels in spec.block_maps)
    for block, shape in enumerate(maps):  # Without padding a map loses a few positions more.
        assert abs(spec.map_side(block, LARGER.get(name, 64)) - shape[1]) <= (4 if "ception" in name else 0)


@pytest.mark.parametrize(
    ("name", "module"),
    [("VGG16", "vgg16"), ("ResNet50", "resnet50"), ("ResNet50V2", "resnet_v2"), ("MobileNet", "mobilenet"), ("MobileNetV2", "mobilenet_v2"),
     ("MobileNetV3Small", "mobilenet_v3"), ("EfficientNetB0", "efficientnet"), ("DenseNet121", "densenet"), ("InceptionV3", "inception_v3"),
     ("Xception", "xception"), ("ConvNeXtTiny", "convnext")],
)
def test_preprocessing_equals_that_of_keras(name, module):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3)).astype(np.uint8)
    x = pixels
    for layer in preprocessing(BACKBONES[name]):
        x = layer(x)
    expected = getattr(keras.applications, module).preprocess_input(pixels.astype(np.float32))
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-5)

"""Backbone, preprocessing and head as Keras models, cut where freezing ends."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from tlcore.backbones import ELSEWHERE, BackboneSpec
from tlcore.cuts import Cut, weights_hash
from tlcore.errors import InputError, ResourceError
from tlcore.nn import devices, layer_weights
from tlcore.nn.openvino_graph import FLOAT16_MAX
from tlcore.nn.resnet import ResNet20
from tlcore.weight_sets import WeightSet
from tlcore.weights import checkpoint_size, weights_path

CAFFE_MEANS_BGR = (103.939, 116.779, 123.68)
TORCH_MEANS_RGB, TORCH_DEVIATIONS_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DOWNLOAD_SILENCE_S = 20


class Backbone:
    """A pretrained network at one input size; its layers are only built when somebody needs them.

    policy: Keras's dtype policy of its layers. weight_set: where the weights are from elsewhere.
    """

    def __init__(
        self, spec: BackboneSpec, weights: str, side_px: int, seed: int = 0, policy: str = "float32", weight_set: WeightSet | None = None
    ) -> None:
        if weights not in spec.choices:
            raise InputError(f"backbone {spec.name} has no weights '{weights}'. Choose one of: {', '.join(spec.choices)}.")
        if weight_set is not None and weight_set.backbone != spec.name:
            raise InputError(f"weight set '{weight_set.name}' is for {weight_set.backbone}, not for {spec.name}. Choose one that is, or that backbone.")
        assert (weight_set is not None) == (weights in ELSEWHERE)
        if side_px < spec.min_size:
            raise InputError(f"backbone {spec.name} needs an input of {spec.min_size} px or more, not {side_px}. Raise backbone.input_size.")
        self.spec, self.weights, self.side_px, self.seed, self.policy = spec, weights, side_px, seed, policy
        self.weight_set = weight_set

    @functools.cached_property
    def model(self) -> keras.Model:
        """The network without preprocessing and classifier; equal layer names in every process."""
        with devices.precision(self.policy):
            model = self._built()
        stable_names(model)
        if self.weight_set is not None:
            layer_weights.load(model, self.weight_set)
        return model

    def _built(self) -> keras.Model:
        if self.weights == "imagenet":
            model = self._from_checkpoint()
        else:
            model = self._empty(self.side_px)
            if self.weights == "bundled":
                model.load_weights(self.weights_path)
            elif self.weights == "none":
                _randomise(model, self.seed)
        return model

    def in_float32(self) -> Backbone:
        """The same for a processor, and for what is exported."""
        return self if self.policy == "float32" else Backbone(self.spec, self.weights, self.side_px, self.seed, weight_set=self.weight_set)

    @functools.cached_property
    def weights_hash(self) -> str:
        """Equal for equal weights: from the file where there is one, so that nothing must be built."""
        found = weights_hash(self.spec, self.weights, self.side_px, self.seed, self.weight_set)
        if found is None:
            _ = self.model  # Keras downloads the file, or the error says what to do.
            found = weights_hash(self.spec, self.weights, self.side_px, self.seed)
        return found or hash_of(self.model.get_weights())

    @property
    def weights_path(self) -> Path:
        """Where the checkpoint lies, or will lie once Keras has downloaded it."""
        return self.weight_set.arrays if self.weight_set else weights_path(self.spec, self.weights, self.side_px)

    @property
    def weights_file(self) -> str | None:
        """Name of the checkpoint's file, or of the weight set; None for random weights."""
        if self.weight_set is not None:
            return f"weight set '{self.weight_set.name}'"
        return None if self.weights == "none" else self.weights_path.name

    def _empty(self, side_px: int, weights: str | None = None) -> keras.Model:
        if self.spec.builder == "ResNet20":
            return ResNet20(input_shape=(side_px, side_px, 3))
        builder = getattr(keras.applications, self.spec.builder)
        return builder(weights=weights, include_top=False, input_shape=(side_px, side_px, 3), **self.spec.kwargs)

    def _from_checkpoint(self) -> keras.Model:
        size, path = checkpoint_size(self.spec, self.side_px), self.weights_path
        if self.spec.checkpoint_sizes and path.exists():
            try:
                return self._empty(self.side_px, str(path))
            except (OSError, ValueError, KeyError) as error:  # What h5py and Keras raise for a file that isn't whole, or is another network's.
                raise ResourceError(f"{self.spec.name}: {path.name} in {path.parent} can't be read as its weights. Delete the file, so that Keras downloads it again, or replace it.") from error
        with _explained_download(self.spec, path):
            source = self._empty(size, "imagenet")
        if size == self.side_px:
            return source
        model = self._empty(self.side_px)
        model.set_weights(source.get_weights())
        return model


def preprocessing(spec: BackboneSpec) -> list[layers.Layer]:
    """Layers from uint8 RGB 0..255 to what the backbone was trained on."""
    if spec.preprocessing == "tf":
        return [layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocess")]
    if spec.preprocessing == "torch":
        scale = [1 / (255 * d) for d in TORCH_DEVIATIONS_RGB]
        offset = [-m / d for m, d in zip(TORCH_MEANS_RGB, TORCH_DEVIATIONS_RGB, strict=True)]
        return [layers.Rescaling(scale, offset=offset, name="preprocess")]
    as_float = layers.Rescaling(1.0, name="as_float")
    if spec.preprocessing == "none":
        return [as_float]
    # A 1x1 convolution that swaps RGB to BGR and subtracts the means: exact, and a built-in layer.
    swap = layers.Conv2D(3, 1, trainable=False, name="preprocess")
    swap.build((None, None, None, 3))
    swap.set_weights([np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3), -np.array(CAFFE_MEANS_BGR, np.float32)])
    return [as_float, swap]


def prefix_model(backbone: Backbone, cut: Cut, via: Cut | None = None) -> keras.Model:
    """The frozen part: uint8 pixels (n, side, side, 3) in, activations at the cut out (float32).

    `via`: feature maps at that earlier cut are rounded as the cache rounds those to learn from, so that it doesn't
    matter whether the activations are computed from pixels or go on from stored maps.
    """
    pixels = keras.Input((backbone.side_px, backbone.side_px, 3), dtype="uint8", name="pixels")
    x: Any = pixels
    for layer in preprocessing(backbone.spec):
        x = layer(x)
    base = backbone.model
    first = via or cut
    below = keras.Model(base.inputs[0], tensor_at(base, str(first.layer)), name=f"{backbone.spec.name}_frozen")
    x = below(x, training=False)  # Batch norm stays in inference mode: it is frozen too.
    if via is not None:
        x = onward_model(backbone, via, cut)(as_stored(x), training=False)
    else:
        x = as_float32(x)
        if cut.kind in ("avg", "max"):
            x = pooling_layer(cut.kind)(x)
    return keras.Model(pixels, x, name="prefix")


def onward_model(backbone: Backbone, start: Cut, cut: Cut) -> keras.Model:
    """The frozen layers between two cuts: feature maps at `start` in (float32), activations at `cut` out."""
    base = backbone.model
    maps = tensor_at(base, str(start.layer))
    x = as_float32(maps if start.layer == cut.layer else tensor_at(base, str(cut.layer)))
    if cut.kind in ("avg", "max"):
        x = pooling_layer(cut.kind)(x)
    return keras.Model(maps, x, name=f"{backbone.spec.name}_onward")


def as_float32(x: Any) -> Any:
    """For what comes out of layers in half precision; anything else stays as it is."""
    return x if keras.backend.standardize_dtype(x.dtype) == "float32" else keras.ops.cast(x, "float32")


def within_float16(x: Any) -> Any:
    """Clipped to float16's range, as feature maps are that a network learns from; float32."""
    return keras.ops.clip(x, -FLOAT16_MAX, FLOAT16_MAX)


def as_stored(x: Any) -> Any:
    """Clipped and rounded to float16 as the cache keeps feature maps to learn from, and float32 again."""
    x = layers.Activation("linear", dtype="float16")(within_float16(x))
    return layers.Activation("linear", dtype="float32")(x)


def row_shape(backbone: Backbone, cut: Cut) -> tuple[int, ...]:
    """Shape of one picture's activations at the cut."""
    if cut.kind == "pixels":
        return backbone.side_px, backbone.side_px, 3
    shape = tuple(tensor_at(backbone.model, str(cut.layer)).shape[1:])
    return shape if cut.kind == "map" else shape[-1:]


def tail_model(backbone: Backbone, cut: Cut) -> keras.Model | None:
    """The blocks above the cut, that learn; None when all are frozen."""
    if cut.layer == backbone.spec.block_ends[-1]:
        return None
    base = backbone.model
    if cut.kind == "pixels":
        pixels = keras.Input((backbone.side_px, backbone.side_px, 3), dtype="uint8", name="pixels")
        x: Any = pixels
        for layer in preprocessing(backbone.spec):
            x = layer(x)
        return keras.Model(pixels, base(x, training=False), name="tail")
    return keras.Model(tensor_at(base, str(cut.layer)), base.output, name=f"{backbone.spec.name}_tail")


def tensor_at(model: keras.Model, name: str) -> Any:
    """The tensor that the operation called `name` gives in the graph of `model`."""
    operation = next(each for each in model.operations if each.name == name)
    # Not `.output`: that of a nested model belongs to its inner graph.
    return operation._inbound_nodes[0].output_tensors[0]


def pooling_layer(kind: str) -> layers.Layer:
    table = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}
    return table[kind](name="pool")


def hash_of(arrays: list[np.ndarray]) -> str:
    """SHA-256 over shapes and values."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _explained_download(spec: BackboneSpec, path: Path) -> Iterator[None]:
    silence = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SILENCE_S)  # Without it a dead connection waits for ever.
    try:
        yield
    except Exception as error:  # Keras raises plain Exception for every failed download.
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise ResourceError(
            f"{spec.name}: the ImageNet weights can't be downloaded. Place {path.name} in {path.parent}, "
            "or choose the bundled backbone ResNet20, which needs no network."
        ) from error
    finally:
        socket.setdefaulttimeout(silence)


def _randomise(model: keras.Model, seed: int) -> None:
    """He-normal kernels from `seed` alone, whatever other models this process has built."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if len(variable.shape) > 1:
            fan_in = float(np.prod(variable.shape[:-1]))
            if "depthwise" in variable.path:
                fan_in = float(np.prod(variable.shape[:2]))
            variable.assign(rng.normal(0.0, np.sqrt(2.0 / fan_in), variable.shape).astype(np.float32))


def stable_names(model: keras.Model) -> None:
    """Number Keras's automatic names (add_7) from zero in order of creation: they count a whole process."""
    automatic: dict[str, list[tuple[int, Any]]] = {}
    for operation in model.operations:
        base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(operation).__name__).lower()
        match = re.fullmatch(r"(\w+?)(?:_(\d+))?", operation.name)
        if match and match[1].replace("_", "") == base.replace("_", ""):
            automatic.setdefault(match[1], []).append((int(match[2] or 0), operation))
    for base, numbered in automatic.items():
        for rank, (_, operation) in enumerate(sorted(numbered, key=lambda pair: pair[0])):
            operation.name = base if rank == 0 else f"{base}_{rank}"

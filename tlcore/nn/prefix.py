"""The frozen part of a network as an engine: OpenVINO on a CPU, TensorFlow otherwise."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from tlcore.cuts import Cut, PrefixIdentity
from tlcore.nn import openvino_engine
from tlcore.nn.models import Backbone, prefix_model
from tlcore.nn.openvino_engine import OpenVINOEngine, Sink, ov
from tlcore.workspace import Workspace, whole_file

GPU_BATCH_IMAGES = 64


class Engine(Protocol):
    """Turns batches of pixels into rows; see OpenVINOEngine."""

    name: str
    batch_images: int
    row_shape: tuple[int, ...]

    def start(self, pixels: np.ndarray, position: int, sink: Sink) -> None: ...

    def wait(self) -> None: ...


class Prefix:
    """The frozen layers of `backbone` below `cut`; nothing is built until it has to compute."""

    def __init__(self, backbone: Backbone, cut: Cut, workspace: Workspace, log: Callable[[str], None] = lambda message: None) -> None:
        self.backbone, self.cut, self._workspace, self._log = backbone, cut, workspace, log

    @property
    def engine_name(self) -> str:
        """What computes the rows; as long as nothing is built, what will be tried first."""
        if "engine" in self.__dict__:
            return self.engine.name
        return "tensorflow" if self.cut.kind == "pixels" or _has_gpu() else "openvino"

    @property
    def identity(self) -> PrefixIdentity:
        """What decides the activations; another engine once it turns out that OpenVINO can't."""
        return PrefixIdentity(self.backbone.spec.name, self.backbone.weights_hash, self.backbone.side_px, self.cut, self.engine_name)

    @property
    def key(self) -> str:
        return self.identity.key

    @functools.cached_property
    def engine(self) -> Engine:
        """OpenVINO on a CPU; TensorFlow on a GPU, and where OpenVINO can't take the network."""
        if _has_gpu():
            return TensorFlowEngine(prefix_model(self.backbone, self.cut), GPU_BATCH_IMAGES)
        try:
            return OpenVINOEngine(self.converted())
        except RuntimeError as error:  # What OpenVINO raises for an operation that it doesn't know.
            self._log(f"OpenVINO can't run {self.backbone.spec.name} ({str(error).splitlines()[0][:120]}); TensorFlow does.")
            return TensorFlowEngine(prefix_model(self.backbone, self.cut))

    def converted(self) -> Path:
        """The prefix as OpenVINO files, converted once for each key; damaged files are made again."""
        path = self._workspace.compiled / f"{self.key}.xml"
        stamp = path.with_suffix(".sha256")
        if not (path.exists() and stamp.exists() and stamp.read_text() == _fingerprint(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            openvino_engine.save(convert(prefix_model(self.backbone, self.cut)), path)
            with whole_file(stamp) as temporary:
                temporary.write_text(_fingerprint(path))
        return path


class TensorFlowEngine:
    """A Keras model behind the same interface as OpenVINOEngine."""

    name = "tensorflow"

    def __init__(self, model: keras.Model, batch_images: int = openvino_engine.BATCH_IMAGES) -> None:
        self.batch_images = batch_images
        self.row_shape = tuple(model.output.shape[1:])
        self._compiled = tf.function(lambda pixels: model(pixels, training=False))

    def start(self, pixels: np.ndarray, position: int, sink: Sink) -> None:
        count = len(pixels)
        padding = np.zeros((self.batch_images - count, *pixels.shape[1:]), np.uint8)
        sink(position, self._compiled(tf.constant(np.concatenate([pixels, padding]))).numpy()[:count])

    def wait(self) -> None:
        """Every batch is done when `start` returns."""


def convert(model: keras.Model) -> ov.Model:
    """A Keras model as an OpenVINO one with any number of pictures. Raises RuntimeError where it can't."""
    signature = tf.TensorSpec(model.input.shape, model.input.dtype)
    traced = tf.function(lambda x: model(x, training=False), input_signature=[signature])
    return ov.convert_model(traced.get_concrete_function())


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _fingerprint(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes())
    weights = path.with_suffix(".bin")
    digest.update(weights.read_bytes() if weights.exists() else b"")
    return digest.hexdigest()

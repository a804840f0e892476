"""The frozen part of a network as an engine: OpenVINO on a CPU, TensorFlow otherwise."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from tlcore.cache_files import ONWARD
from tlcore.cuts import Cut, PrefixIdentity
from tlcore.nn import openvino_engine, openvino_graph
from tlcore.nn.models import Backbone, onward_model, prefix_model
from tlcore.nn.openvino_engine import OpenVINOEngine, Sink, ov
from tlcore.workspace import Workspace, whole_file

GPU_BATCH_IMAGES = 64


class Engine(Protocol):
    """Turns batches of pixels, or of feature maps at an earlier cut, into rows; see OpenVINOEngine."""

    name: str
    batch_images: int
    row_shape: tuple[int, ...]

    def start(self, batch: np.ndarray, position: int, sink: Sink) -> None: ...

    def wait(self) -> None: ...


class Prefix:
    """The frozen layers of `backbone` below `cut`; nothing is built until it has to compute.

    via: the earlier cut whose stored feature maps are taken up where they are. `view` and `exact` as in PrefixIdentity.
    """

    def __init__(
        self, backbone: Backbone, cut: Cut, workspace: Workspace, log: Callable[[str], None] = lambda message: None,
        via: Cut | None = None, view: str | None = None, exact: bool = False,
    ) -> None:
        self.backbone, self.cut, self.via, self.view, self.exact = backbone, cut, via, view, exact
        self._workspace, self._log = workspace, log
        self.conversion_s: float | None = None  # Once it had to be converted.
        self._layers = self  # Views differ in their pictures only: they share engines and converted files.

    @property
    def engine_name(self) -> str:
        """What computes the rows; as long as nothing is built, what will be tried first."""
        if "engine" in self._layers.__dict__:
            return self._layers.engine.name
        return "tensorflow" if self.cut.kind == "pixels" or _has_gpu() else "openvino"

    @property
    def identity(self) -> PrefixIdentity:
        """What decides the activations; another engine once it turns out that OpenVINO can't."""
        via = None if self.via is None or self.exact else self.via.layer
        backbone, precision = self.backbone, None if self.backbone.policy == "float32" else self.backbone.policy
        return PrefixIdentity(backbone.spec.name, backbone.weights_hash, backbone.side_px, self.cut, self.engine_name, via, self.view, precision, self.exact)

    @property
    def key(self) -> str:
        return self.identity.key

    def seen_as(self, view: str | None) -> Prefix:
        """The same layers, given another augmented view of each picture; one engine serves all."""
        other = self._like(view=view)
        other._layers = self._layers
        return other

    @property
    def rounds(self) -> bool:
        """Whether activations are rounded to float16, on the way or as they are kept."""
        return not self.exact and (self.via is not None or self.cut.kind == "map")

    def exactly(self) -> Prefix:
        """The same layers with nothing rounded."""
        other = self._like(exact=True)
        if self.via is None:
            other._layers = self._layers  # From pixels there is nothing to round before the end.
        elif "onward" in self._layers.__dict__:
            other.onward = self._layers.onward
        return other

    def in_float32(self) -> Prefix:
        """The same layers as a processor computes them, and as they are exported."""
        return self._like(backbone=self.backbone.in_float32())

    def by_way_of(self, cut: Cut | None) -> Prefix:
        """The same layers by way of stored feature maps at an earlier cut."""
        return self._like(via=cut)

    def upto(self, cut: Cut) -> Prefix:
        """The layers below an earlier cut, from pixels."""
        return self._like(cut=cut, via=None)

    def _like(self, **changes: Any) -> Prefix:
        given = {name: getattr(self, name) for name in ("backbone", "cut", "via", "view", "exact")}
        return Prefix(workspace=self._workspace, log=self._log, **{**given, **changes})

    @functools.cached_property
    def engine(self) -> Engine:
        """From pixels: OpenVINO on a CPU; TensorFlow on a GPU, and where OpenVINO can't take the network."""
        if self._layers is not self:
            return self._layers.engine
        if _has_gpu():
            return TensorFlowEngine(prefix_model(self.backbone, self.cut, self._rounded_at), GPU_BATCH_IMAGES)
        try:
            return OpenVINOEngine(self.converted())
        except RuntimeError as error:  # What OpenVINO raises for an operation that it doesn't know, and for a lack of memory or disk.
            if any(word in str(error).lower() for word in ("bad_alloc", "memory", "space", "open")):
                raise
            self._log(f"OpenVINO can't run {self.backbone.spec.name} ({str(error).splitlines()[0][:120]}); TensorFlow does.")
            return TensorFlowEngine(prefix_model(self.backbone, self.cut, self._rounded_at))

    @functools.cached_property
    def onward(self) -> Engine:
        """From feature maps at `via`."""
        assert self.via is not None
        if self._layers is not self:
            return self._layers.onward
        if self.engine_name == "openvino":
            return OpenVINOEngine(self._converted_onward())
        return TensorFlowEngine(onward_model(self.backbone, self.via, self.cut), GPU_BATCH_IMAGES)

    def converted(self) -> Path:
        """The prefix as OpenVINO files, converted once for each key; damaged files are made again."""
        return self._kept(self._program_key(self._rounded_at), self._convert)

    def _converted_onward(self) -> Path:
        return self._kept(f"{self._program_key(self.via)}{ONWARD}", self._convert_onward)

    @property
    def _rounded_at(self) -> Cut | None:
        return None if self.exact else self.via

    def _program_key(self, via: Cut | None) -> str:
        """Of layers, whatever pictures they are given and however their rows are kept."""
        return dataclasses.replace(self.identity, via=None if via is None else via.layer, view=None, exact=False).key

    def _convert(self) -> ov.Model:
        if self.via is None:
            return convert(prefix_model(self.backbone, self.cut))
        below, onward = (openvino_engine.core().read_model(path) for path in (self.upto(self.via).converted(), self._converted_onward()))
        return openvino_graph.join(below, onward, None if self.exact else openvino_graph.as_float16)

    def _convert_onward(self) -> ov.Model:
        assert self.via is not None
        return convert(onward_model(self.backbone, self.via, self.cut))

    def _kept(self, name: str, make: Callable[[], ov.Model]) -> Path:
        path = self._workspace.compiled / f"{name}.xml"
        stamp = path.with_suffix(".sha256")
        if not (path.exists() and stamp.exists() and stamp.read_text() == _fingerprint(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            began = time.perf_counter()
            openvino_engine.save(make(), path)
            self.conversion_s = time.perf_counter() - began
            with whole_file(stamp) as temporary:
                temporary.write_text(_fingerprint(path))
        return path


class TensorFlowEngine:
    """A Keras model behind the same interface as OpenVINOEngine."""

    name = "tensorflow"

    def __init__(self, model: keras.Model, batch_images: int = openvino_engine.BATCH_IMAGES) -> None:
        self.batch_images = batch_images
        self.row_shape = tuple(model.output.shape[1:])
        self._compiled = tf.function(lambda batch: model(batch, training=False))

    def start(self, batch: np.ndarray, position: int, sink: Sink) -> None:
        count = len(batch)
        padding = np.zeros((self.batch_images - count, *batch.shape[1:]), batch.dtype)
        sink(position, self._compiled(tf.constant(np.concatenate([batch, padding]))).numpy()[:count])

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

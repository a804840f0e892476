"""The network that is exported: what a finished run has learnt, in float32, from uint8 pixels to probabilities."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tlcore.nn.classifier import whole_model
from tlcore.nn.export import Rebuilt, openvino_model, rebuilt
from tlcore.nn.openvino_engine import ov
from tlcore.nn.prefix import Prefix
from tlcore.workspace import Workspace

BATCH_IMAGES = 16


class Original:
    """Nothing is built before a format asks for it. Raises NotFoundError and ConflictError as `export.rebuilt`."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir

    @functools.cached_property
    def _parts(self) -> Rebuilt:
        return rebuilt(self.run_dir)

    @functools.cached_property
    def network(self) -> keras.Model:
        return whole_model(*self._parts)

    def openvino(self) -> ov.Model:
        """Raises RuntimeError where OpenVINO can't take the network."""
        backbone, cut, classifier = self._parts
        return openvino_model(Prefix(backbone, cut, Workspace(self.run_dir.parents[1])), classifier)

    @property
    def side_px(self) -> int:
        return int(self.network.input.shape[1])

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """On the processor, in float32: graphics cards round. Shapes: uint8 (n, side, side, 3) → (n, classes)."""
        with tf.device("CPU:0"):
            starts = range(0, len(pixels), BATCH_IMAGES)
            return np.concatenate([self.network(pixels[at : at + BATCH_IMAGES], training=False).numpy() for at in starts])

    @functools.cached_property
    def function(self) -> tf.types.experimental.GenericFunction:
        """The same for TensorFlow's converters: input `pixels` with any number of pictures, output `probabilities`."""
        network = self.network
        signature = tf.TensorSpec((None, *network.input.shape[1:]), tf.uint8, name="pixels")

        @tf.function(input_signature=[signature])
        def classify(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": network(pixels, training=False)}

        return classify

    @functools.cached_property
    def graph(self) -> tf.types.experimental.ConcreteFunction:
        """The same with its weights as constants."""
        return convert_variables_to_constants_v2(self.function.get_concrete_function())

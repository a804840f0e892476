"""An exported file behind one call, each by its own runtime and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tlcore.exports import FORMATS, Kind

Ask = Callable[[np.ndarray], np.ndarray]
"""uint8 (n, side, side, 3) → float32 (n, classes)."""


def keras(path: Path) -> Ask:
    import keras

    model = keras.models.load_model(path)
    return model.predict_on_batch


def savedmodel(path: Path) -> Ask:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    classify = loaded.signatures["serving_default"]
    # `loaded` holds the weights: without a hand on it they'd be gone.
    return lambda pixels, _kept=loaded: classify(pixels=tf.constant(pixels))["probabilities"].numpy()  # type: ignore[misc]


def litert(path: Path) -> Ask:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(str(path), num_threads=os.cpu_count())
    given, found = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]

    def ask(pixels: np.ndarray) -> np.ndarray:
        if tuple(model.get_input_details()[0]["shape"]) != pixels.shape:
            model.resize_tensor_input(given, pixels.shape)
        model.allocate_tensors()
        model.set_tensor(given, pixels)
        model.invoke()
        return model.get_tensor(found)

    return ask


def onnx(path: Path) -> Ask:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["probabilities"], {"pixels": pixels})[0]


def openvino(path: Path) -> Ask:
    from tlcore.nn.openvino_engine import core

    model = core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    return lambda pixels: model(pixels)[0]


LOADERS: dict[str, Callable[[Path], Ask]] = {"keras": keras, "savedmodel": savedmodel, "litert": litert, "onnx": onnx, "openvino": openvino}


def load(kind: Kind, folder: Path) -> Ask:
    """The model in an export's folder."""
    return LOADERS[kind.format.name](folder / FORMATS[kind.format.name].file)

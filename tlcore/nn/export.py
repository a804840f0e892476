"""The finished model as files: Keras, and OpenVINO joined from the frozen prefix and what was learnt."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import openvino.opset13 as op

from tlcore.cuts import Cut
from tlcore.nn import openvino_engine
from tlcore.nn.models import FLOAT16_MAX, Backbone, Classifier, whole_model
from tlcore.nn.openvino_engine import ov
from tlcore.nn.prefix import Prefix, convert
from tlcore.workspace import whole_file

FLOAT16_SPLITTER = 2.0**13 + 1


def save_keras(backbone: Backbone, cut: Cut, classifier: Classifier, path: Path) -> keras.Model:
    """Write the whole model: uint8 pixels in, probabilities out, loads without this project."""
    model = whole_model(backbone, cut, classifier)
    with whole_file(path) as temporary:
        model.save(temporary)
    return model


def save_openvino(prefix: Prefix, classifier: Classifier, path: Path) -> None:
    """Write the same as .xml and .bin, float32. Raises RuntimeError where OpenVINO can't take the network."""
    model = convert(classifier.model())
    if prefix.cut.kind != "pixels":
        model = join(openvino_engine.core().read_model(prefix.converted()), model, rounded=prefix.cut.dtype == "float16")
    openvino_engine.save(model, path)


def join(first: ov.Model, second: ov.Model, rounded: bool) -> ov.Model:
    """`second` applied to the output of `first`, which is rounded to float16 where the cache does so."""
    x = first.outputs[0].get_node().input_value(0)
    if rounded:
        x = _as_float16(x)
    second.inputs[0].get_node().output(0).replace(x)
    joined = ov.Model(second.results, first.get_parameters(), "workbench_model")
    joined.inputs[0].set_names({"pixels"})
    joined.outputs[0].set_names({"probabilities"})
    return joined


def _as_float16(x: ov.Output) -> ov.Output:
    """Round to float16 and stay float32: OpenVINO drops a pair of conversions, but not this arithmetic.

    Source: Veltkamp's splitting, Dekker 1971, "A floating-point technique for extending the available precision".
    """
    x = op.clamp(x, -FLOAT16_MAX, FLOAT16_MAX).output(0)
    scaled = op.multiply(x, op.constant(np.float32(FLOAT16_SPLITTER)))
    return op.subtract(scaled, op.subtract(scaled, x)).output(0)

"""Building OpenVINO models from parts: frozen layers, what goes on from them, and a head."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import openvino.opset13 as op

from tlcore.nn.openvino_engine import ov

FLOAT16_MAX = 65504.0
FLOAT16_SPLITTER = 2.0**13 + 1

# Something done to a value on its way through a graph; None: nothing.
Change = Callable[[ov.Output], ov.Output] | None


def join(first: ov.Model, second: ov.Model, between: Change = None) -> ov.Model:
    """`second` applied to the output of `first`, with `between` between them."""
    x = output_of(first)
    second.inputs[0].get_node().output(0).replace(x if between is None else between(x))
    return _whole(second.results, first)


def with_head(frozen: ov.Model, dense: Sequence[tuple[np.ndarray, np.ndarray]], between: Change = None) -> ov.Model:
    """A head on top of `frozen` and `between`: dense layers with ReLU between them, then softmax; feature maps are flattened.

    Shapes: each kernel (before, after), each bias (after,).
    """
    x = output_of(frozen)
    if between is not None:
        x = between(x)
    if len(x.get_partial_shape()) > 2:
        x = op.reshape(x, op.constant(np.array([0, -1], np.int64)), special_zero=True).output(0)
    for i, (kernel, bias) in enumerate(dense):
        x = op.add(op.matmul(x, op.constant(kernel), False, False), op.constant(bias)).output(0)
        if i < len(dense) - 1:
            x = op.relu(x).output(0)
    return _whole([op.result(op.softmax(x, 1).output(0))], frozen)


def output_of(model: ov.Model) -> ov.Output:
    """What goes into the model's only result."""
    return model.outputs[0].get_node().input_value(0)


def within_float16(x: ov.Output) -> ov.Output:
    """Clipped to float16's range, as stored feature maps are; float32."""
    return op.clamp(x, -FLOAT16_MAX, FLOAT16_MAX).output(0)


def as_float16(x: ov.Output) -> ov.Output:
    """Round to float16 and stay float32: OpenVINO drops a pair of conversions, but not this arithmetic.

    Source: Veltkamp's splitting, Dekker 1971, "A floating-point technique for extending the available precision".
    """
    x = within_float16(x)
    scaled = op.multiply(x, op.constant(np.float32(FLOAT16_SPLITTER)))
    return op.subtract(scaled, op.subtract(scaled, x)).output(0)


def _whole(results: list, first: ov.Model) -> ov.Model:
    """A model from what `first` takes to `results`."""
    joined = ov.Model(results, first.get_parameters(), "workbench_model")
    joined.inputs[0].set_names({"pixels"})
    joined.outputs[0].set_names({"probabilities"})
    return joined

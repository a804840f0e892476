"""ONNX, through tf2onnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tlcore.nn.exporting.original import Original
from tlcore.nn.openvino_graph import FLOAT16_SPLITTER

OPSET = 18


def write(original: Original, folder: Path, _calibration: np.ndarray | None) -> None:
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    patch_tf2onnx()  # tf2onnx was written for NumPy 1; Keras does the same in its own export.
    path = str(folder / "model.onnx")
    tf2onnx.convert.from_function(original.function, original.function.input_signature, opset=OPSET, custom_rewriter=[_round_by_arithmetic], output_path=path)


def _round_by_arithmetic(graph: Any, operations: list[Any]) -> list[Any]:
    """Feature maps are rounded to float16 as in `openvino_graph.as_float16`: tf2onnx, and what reads its files, drop a pair of conversions.

    Without it probabilities were up to 2.8e-4 off.
    """
    from onnx import TensorProto

    for cast in operations:
        if cast.type != "Cast" or cast.get_attr_value("to") != TensorProto.FLOAT16:
            continue
        x, about = cast.input[0], {"shapes": [graph.get_shape(cast.input[0])], "dtypes": [TensorProto.FLOAT]}
        scaled = graph.make_node("Mul", [x, graph.make_const(f"{cast.name}_splitter", np.float32(FLOAT16_SPLITTER)).output[0]], **about).output[0]
        rest = graph.make_node("Sub", [scaled, x], **about).output[0]
        graph.replace_all_inputs(cast.output[0], graph.make_node("Sub", [scaled, rest], **about).output[0])
        graph.remove_node(cast.name)
    return graph.get_nodes()

"""ONNX, through tf2onnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlcore.nn.exporting.original import Original

OPSET = 18


def write(original: Original, folder: Path, _calibration: np.ndarray | None) -> None:
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    patch_tf2onnx()  # tf2onnx was written for NumPy 1; Keras does the same in its own export.
    path = str(folder / "model.onnx")
    tf2onnx.convert.from_function(original.function, original.function.input_signature, opset=OPSET, output_path=path)

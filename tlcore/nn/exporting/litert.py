"""LiteRT's flat file; as int8 by TensorFlow's quantisation after training.

Source: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference".
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tlcore.nn.exporting.original import Original


def write(original: Original, folder: Path, calibration: np.ndarray | None) -> None:
    """With `calibration` (uint8 pictures) weights and activations become int8; pixels and probabilities stay as they are."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([original.graph])
    if calibration is not None:

        def one_by_one() -> Iterator[list[np.ndarray]]:
            for picture in calibration:
                yield [picture[None]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = one_by_one
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It expects statistics of the input, which isn't quantised.
        (folder / "model.tflite").write_bytes(converter.convert())

"""TensorFlow's SavedModel, with one signature `serving_default`: pixels → probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from tlcore.nn.exporting.original import Original


def write(original: Original, folder: Path, _calibration: np.ndarray | None) -> None:
    # Not Keras's own `export`: it traces the network three times, which takes ten times as long.
    module = tf.Module()
    module.weights = [variable.value for variable in original.network.variables]
    module.classify = original.function
    tf.saved_model.save(module, str(folder / "model"), signatures={"serving_default": original.function})

"""A finished run's network as Keras loads it from its own file."""

from __future__ import annotations

from pathlib import Path

import keras

from tlcore.nn.exporting import keras_format
from tlcore.nn.exporting.original import Original


def reloaded(run_dir: Path) -> keras.Model:
    """Written to `model.keras` in the run's folder, and read from there."""
    keras_format.write(Original(run_dir), run_dir, None)
    return keras.models.load_model(run_dir / "model.keras")

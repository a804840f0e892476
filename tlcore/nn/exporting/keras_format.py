"""Keras's own file: built-in layers only, so it loads without this project."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlcore.nn.exporting.original import Original


def write(original: Original, folder: Path, _calibration: np.ndarray | None) -> None:
    original.network.save(folder / "model.keras")

"""OpenVINO's pair of files: in float32, or as int8 by NNCF's quantisation after training."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from tlcore.errors import ConflictError
from tlcore.nn import openvino_engine
from tlcore.nn.exporting.original import Original


def write(original: Original, folder: Path, calibration: np.ndarray | None) -> None:
    """Raises ConflictError for a run that has left no OpenVINO model."""
    if not (original.run_dir / "model.xml").exists():
        raise ConflictError(f"run {original.run_dir.name}: OpenVINO can't take its network (see its log). Choose another format.")
    model = original.openvino()  # No copy of the run's: earlier versions rounded in it.
    if calibration is not None:
        import nncf

        logging.getLogger("nncf").setLevel(logging.ERROR)
        pictures = nncf.Dataset([picture[None] for picture in calibration])
        model = nncf.quantize(model, pictures, subset_size=len(calibration))
    openvino_engine.save(model, folder / "model.xml")

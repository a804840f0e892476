"""OpenVINO's pair of files: that of the run as it is, or as int8 by NNCF's quantisation after training."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np

from tlcore.errors import ConflictError
from tlcore.nn import openvino_engine
from tlcore.nn.exporting.original import Original


def write(original: Original, folder: Path, calibration: np.ndarray | None) -> None:
    """Raises ConflictError for a run that has left no OpenVINO model."""
    made = original.run_dir / "model.xml"
    if not made.exists():
        raise ConflictError(f"run {original.run_dir.name}: OpenVINO can't take its network (see its log). Choose another format.")
    if calibration is None:
        for path in (made, made.with_suffix(".bin")):
            shutil.copyfile(path, folder / path.name)
        return
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = openvino_engine.core().read_model(made)
    pictures = nncf.Dataset([picture[None] for picture in calibration])
    openvino_engine.save(nncf.quantize(model, pictures, subset_size=len(calibration)), folder / made.name)

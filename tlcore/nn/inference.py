"""A finished run's model on a CPU: OpenVINO only, without TensorFlow."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from tlcore.errors import NotFoundError
from tlcore.nn.openvino_engine import BATCH_IMAGES, OpenVINOEngine


class Predictor:
    """Probabilities for pictures; safe to keep, since nothing in it changes."""

    def __init__(self, model: Path, classes: tuple[str, ...]) -> None:
        self._model, self.classes = model, classes
        self.side_px = self._engine(1).side_px

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Shapes: uint8 (n, side, side, 3) in, float32 (n, classes) out."""
        assert pixels.dtype == np.uint8 and pixels.shape[1:] == (self.side_px, self.side_px, 3)
        engine = self._engine(1 if len(pixels) < BATCH_IMAGES else BATCH_IMAGES)
        out = np.empty((len(pixels), len(self.classes)), np.float32)

        def sink(position: int, rows: np.ndarray) -> None:
            out[position : position + len(rows)] = rows

        for start in range(0, len(pixels), engine.batch_images):
            engine.start(pixels[start : start + engine.batch_images], start, sink)
        engine.wait()
        return out

    @functools.cache  # noqa: B019 - a Predictor is itself cached and bounded by its user
    def _engine(self, batch_images: int) -> OpenVINOEngine:
        return OpenVINOEngine(self._model, batch_images)


def load(run_dir: Path) -> Predictor:
    """The model of a finished run. Raises NotFoundError when it has left none."""
    try:
        classes = tuple(json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError):
        raise NotFoundError(f"run {run_dir.name} has no finished model. Wait for its end, or resume it.") from None
    if not (run_dir / "model.xml").exists():
        raise NotFoundError(f"run {run_dir.name} has no model.xml: OpenVINO can't take its network. Load model.keras with Keras instead.")
    return Predictor(run_dir / "model.xml", classes)

"""A finished run's model on a CPU: OpenVINO only, without TensorFlow."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np

from tlcore.errors import NotFoundError
from tlcore.nn.openvino_engine import BATCH_IMAGES, OpenVINOEngine


class Predictor:
    """Probabilities for pictures; may be kept and shared between threads."""

    def __init__(self, model: Path, classes: tuple[str, ...]) -> None:
        self._model, self.classes = model, classes
        self._engines: dict[int, OpenVINOEngine] = {}  # By batch: one for single pictures, one for many.
        self._turn = threading.Lock()
        self.side_px = self._engine(1).side_px

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Shapes: uint8 (n, side, side, 3) in, float32 (n, classes) out."""
        assert pixels.dtype == np.uint8 and pixels.shape[1:] == (self.side_px, self.side_px, 3)
        out = np.empty((len(pixels), len(self.classes)), np.float32)

        def sink(position: int, rows: np.ndarray) -> None:
            out[position : position + len(rows)] = rows

        with self._turn:
            engine = self._engine(1 if len(pixels) < BATCH_IMAGES else BATCH_IMAGES)
            for start in range(0, len(pixels), engine.batch_images):
                engine.start(pixels[start : start + engine.batch_images], start, sink)
            engine.wait()
        return out

    def _engine(self, batch_images: int) -> OpenVINOEngine:
        if batch_images not in self._engines:
            self._engines[batch_images] = OpenVINOEngine(self._model, batch_images)
        return self._engines[batch_images]


def load(run_dir: Path) -> Predictor:
    """The model of a finished run. Raises NotFoundError when it has left none."""
    try:
        classes = tuple(json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError):
        raise NotFoundError(f"run {run_dir.name} has no finished model. Wait for its end, or resume it.") from None
    if not (run_dir / "model.xml").exists():
        raise NotFoundError(f"run {run_dir.name} has no model.xml: OpenVINO can't take its network. Load model.keras with Keras instead.")
    return Predictor(run_dir / "model.xml", classes)

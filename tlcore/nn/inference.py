"""A finished run's model on a CPU: OpenVINO only, without TensorFlow."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np

from tlcore.errors import NotFoundError
from tlcore.heat import Head
from tlcore.nn import openvino_head
from tlcore.nn.openvino_engine import AT_ONCE, BATCH_IMAGES, ONE_BY_ONE, OpenVINOEngine, core, ov
from tlcore.predict import Seen


class Predictor:
    """Probabilities for pictures, and what is behind them; may be kept and shared between threads."""

    def __init__(self, model: Path, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._model = core().read_model(model)
        self._ending = openvino_head.ending_of(self._model)
        self._engines: dict[int, OpenVINOEngine] = {}  # By batch: one for single pictures, one for many.
        self._turn = threading.Lock()
        self.side_px = int(self._model.input(0).get_partial_shape()[1].get_length())

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Shapes: uint8 (n, side, side, 3) in, float32 (n, classes) out."""
        return self.look(pixels).probabilities

    @property
    def head(self) -> Head | None:
        """What follows the last feature maps; None where that can't be told."""
        return self._ending.head if self._ending else None

    def look(self, pixels: np.ndarray, closely: bool = False) -> Seen:
        """What the network makes of pictures; the last feature maps only `closely`. Shapes: uint8 (n, side, side, 3)."""
        width = len(self.classes)
        with self._turn:
            batch = 1 if closely or len(pixels) < BATCH_IMAGES else BATCH_IMAGES
            if batch not in self._engines:
                self._engines[batch] = OpenVINOEngine(self._answering(batch == 1), batch, ONE_BY_ONE if batch == 1 else AT_ONCE)
            found = _asked(self._engines[batch], pixels)
        if self._ending is None:
            return Seen(found, None)
        end = width + self._ending.width
        return Seen(found[:, :width], found[:, width:end], self._ending.maps_of(found[:, end:]) if closely else ())

    def _answering(self, closely: bool) -> ov.Model:
        """From pixels to probabilities, representation and, if asked for, feature maps, all side by side."""
        if self._ending is None:
            return self._model.clone()
        return openvino_head.side_by_side(self._model, [self._ending.representation, *(self._ending.maps if closely else ())])


def _asked(engine: OpenVINOEngine, pixels: np.ndarray) -> np.ndarray:
    assert pixels.dtype == np.uint8 and pixels.shape[1:] == (engine.side_px, engine.side_px, 3)
    out = np.empty((len(pixels), *engine.row_shape), np.float32)

    def sink(position: int, rows: np.ndarray) -> None:
        out[position : position + len(rows)] = rows

    for start in range(0, len(pixels), engine.batch_images):
        engine.start(pixels[start : start + engine.batch_images], start, sink)
    engine.wait()
    return out


def load(run_dir: Path) -> Predictor:
    """The model of a finished run. Raises NotFoundError when it has left none."""
    try:
        classes = tuple(json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError):
        raise NotFoundError(f"run {run_dir.name} has no finished model. Wait for its end, or resume it.") from None
    if not (run_dir / "model.xml").exists():
        raise NotFoundError(f"run {run_dir.name} has no model.xml: OpenVINO can't take its network. Load model.keras with Keras instead.")
    return Predictor(run_dir / "model.xml", classes)

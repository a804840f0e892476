"""A finished run's model on a CPU: OpenVINO only, without TensorFlow."""

from __future__ import annotations

import functools
import json
import threading
from pathlib import Path

import numpy as np

from tlcore.errors import NotFoundError
from tlcore.heat import Heat
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

    def look(self, pixels: np.ndarray) -> Seen:
        """The probabilities, and what the output layer is given where that can be told. Shapes: uint8 (n, side, side, 3)."""
        with self._turn:
            batch = 1 if len(pixels) < BATCH_IMAGES else BATCH_IMAGES
            if batch not in self._engines:
                self._engines[batch] = OpenVINOEngine(self._seen_together(), batch, ONE_BY_ONE if batch == 1 else AT_ONCE)
            found, width = _asked(self._engines[batch], pixels), len(self.classes)
        return Seen(found[:, :width], found[:, width:] if self._ending else None)

    def heat(self, pixels: np.ndarray, name: str) -> Heat | None:
        """Where one picture speaks for a class; None where the network doesn't end in pooled feature maps. Shapes: uint8 (side, side, 3)."""
        if self._ending is None or self._ending.head is None:
            return None
        with self._turn:
            maps = [_asked(engine, pixels[None])[0] for engine in self._maps]
        laid = [each if last else each.transpose(1, 2, 0) for each, last in zip(maps, self._ending.channels_last, strict=True)]
        head = self._ending.head
        return Heat(head.heat(laid, self.classes.index(name)), head.is_linear)

    @functools.cached_property
    def _maps(self) -> list[OpenVINOEngine]:
        """From pixels to each of the last feature maps."""
        assert self._ending is not None
        parameters = self._model.get_parameters()
        return [OpenVINOEngine(ov.Model([each], parameters, "maps").clone(), 1, ONE_BY_ONE) for each in self._ending.maps]

    def _seen_together(self) -> ov.Model:
        """From pixels to probabilities and representation side by side."""
        outputs = [] if self._ending is None else [self._ending.representation]
        return openvino_head.side_by_side(self._model, outputs)


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

"""OpenVINO on a CPU, without TensorFlow: load, compile and feed models in small fixed batches."""

from __future__ import annotations

import functools
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np

# OpenVINO reports its use over the network unless this optional module is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402

BATCH_IMAGES = 16
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32"}
AT_ONCE, ONE_BY_ONE = "THROUGHPUT", "LATENCY"  # Several batches side by side, or all cores for each.

# Called with the position of a batch's first picture and the rows computed for it.
Sink = Callable[[int, np.ndarray], None]


@functools.cache
def core() -> ov.Core:
    return ov.Core()


class OpenVINOEngine:
    """Feeds a converted model asynchronously; rows arrive in any order, each with its position.

    Shapes: batches in (n, side, side, 3) uint8, or (n, *map) float32 where the model goes on from feature maps,
    with n ≤ `batch_images`; rows out (n, *row_shape).
    """

    name = "openvino"

    def __init__(self, model: Path | ov.Model, batch_images: int = BATCH_IMAGES, pace: str = AT_ONCE) -> None:
        model = core().read_model(model) if isinstance(model, Path) else model
        shape = model.input(0).get_partial_shape()
        shape[0] = batch_images
        model.reshape(shape)
        self.side_px = int(model.input(0).shape[1])
        self._compiled = core().compile_model(model, "CPU", SETTINGS | {"PERFORMANCE_HINT": pace})
        self._queue = ov.AsyncInferQueue(self._compiled, 0)
        self._failure: Exception | None = None
        self._queue.set_callback(self._finished)
        self.batch_images = batch_images
        self.row_shape = tuple(int(d) for d in self._compiled.output(0).shape[1:])

    def start(self, batch: np.ndarray, position: int, sink: Sink) -> None:
        """Begin one batch; waits while all requests are busy. The last batch is padded here."""
        count = len(batch)
        if count < self.batch_images:
            batch = np.concatenate([batch, np.zeros((self.batch_images - count, *batch.shape[1:]), batch.dtype)])
        self._queue.start_async({0: batch}, (position, count, sink))

    def wait(self) -> None:
        """Return when every batch that was begun has reached its sink; raises what a sink raised."""
        self._queue.wait_all()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _finished(self, request: ov.InferRequest, what: tuple[int, int, Sink]) -> None:
        position, count, sink = what
        try:
            sink(position, request.get_output_tensor(0).data[:count])
        except Exception as failure:  # OpenVINO would end the process.
            self._failure = failure


def save(model: ov.Model, path: Path) -> None:
    """Write `path` (.xml) and its .bin beside it in float32; each appears whole, the .xml last."""
    temporary = path.with_name(f".writing-{uuid.uuid4().hex}-{path.name}")
    try:
        ov.save_model(model, temporary, compress_to_fp16=False)
        temporary.with_suffix(".bin").replace(path.with_suffix(".bin"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_suffix(".bin").unlink(missing_ok=True)

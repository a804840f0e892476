"""Send pictures that lie decoded in memory through a converted network with nothing but OpenVINO; print one JSON line."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import openvino as ov


class Bare:
    """A model compiled for throughput, with as many requests in flight as OpenVINO thinks best."""

    def __init__(self, model: Path, batch_size: int, precision: str = "f32") -> None:
        core = ov.Core()
        network = core.read_model(model)
        shape = network.input(0).get_partial_shape()
        shape[0] = batch_size
        network.reshape(shape)
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        self._compiled = core.compile_model(network, "CPU", settings)
        self._queue = ov.AsyncInferQueue(self._compiled)
        self._batch_size = batch_size
        self.row_shape = tuple(self._compiled.output(0).shape[1:])

    def timed(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        """Seconds, and the rows of uint8 pixels (n, side, side, 3), which must be whole batches."""
        size = self._batch_size
        rows = np.empty((len(pixels), *self.row_shape), np.float32)

        def keep(request: ov.InferRequest, start: int) -> None:
            rows[start : start + size] = request.get_output_tensor(0).data

        self._queue.set_callback(keep)
        began = time.perf_counter()
        for start in range(0, len(pixels), size):
            self._queue.start_async({0: pixels[start : start + size]}, start)
        self._queue.wait_all()
        return time.perf_counter() - began, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="the network's .xml")
    parser.add_argument("pixels", type=Path, help=".npz with an array 'pixels', uint8 (n, side, side, 3)")
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    pixels = np.load(options.pixels)["pixels"]
    pixels = pixels[: len(pixels) // options.batch * options.batch]
    seconds, _ = Bare(options.model, options.batch).timed(pixels)
    print(json.dumps({"seconds": seconds, "pictures": len(pixels), "pictures_per_second": len(pixels) / seconds}))


if __name__ == "__main__":
    main()

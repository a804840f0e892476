"""python -m tlcore.nn.probe: how fast this machine decodes pictures and computes convolutions. OpenVINO only.

A process of its own, a second or two long, which writes what it found as one JSON file. Times are those
of the processors, divided by their number: what else the machine does meanwhile hardly shows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino.opset13 as op

from tlcore import machine
from tlcore.datasets.dataset import Dataset
from tlcore.nn.openvino_engine import BATCH_IMAGES, OpenVINOEngine, ov
from tlcore.workspace import whole_file

PICTURES = 64
SHARE_S = 0.35  # Of the processors' time for each of the things that are timed.
GIVE_UP_S = 20.0  # Longer takes a machine that has no time for it.
SIDE_PX, CHANNELS, LAYERS = 28, 64, 6


def probe(dataset: Path, side_px: int, model: Path | None) -> dict[str, float]:
    """Seconds a picture (decode_s, and prefix_s with a converted network), or multiply-adds a second (dense, separable)."""
    pixels = Dataset.open(dataset)
    rows = np.random.default_rng(0).permutation(len(pixels))[:PICTURES]
    decode_s = timed(lambda: pixels.pixels(rows, side_px)) / len(rows)
    found = {"decode_s": decode_s}
    if model is not None:
        batch = np.resize(pixels.pixels(rows[:BATCH_IMAGES], side_px), (BATCH_IMAGES, side_px, side_px, 3))
        return {**found, "prefix_s": timed_network(OpenVINOEngine(model), batch)}
    batch = np.zeros((BATCH_IMAGES, SIDE_PX, SIDE_PX, 3), np.uint8)
    for name, build in (("dense", dense_layer), ("separable", separable_layer)):
        network, multiply_adds = small_network(build)
        found[name] = multiply_adds / timed_network(OpenVINOEngine(network), batch)
    return found


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes with all cores to itself; the first time, which also prepares, doesn't count."""
    work()
    began, times = time.process_time(), 0
    while times == 0 or time.process_time() - began < SHARE_S:
        work()
        times += 1
    return (time.process_time() - began) / times / machine.cores()


def timed_network(engine: OpenVINOEngine, batch: np.ndarray) -> float:
    """Seconds a picture takes through a network when all its requests are busy."""
    batches = 2 * machine.cores()

    def work() -> None:
        for _ in range(batches):
            engine.start(batch, 0, lambda position, rows: None)
        engine.wait()

    return timed(work) / (batches * len(batch))


Layer = Callable[[ov.Output], tuple[ov.Output, int]]


def small_network(layer: Layer) -> tuple[ov.Model, int]:
    """Six layers on a map of medium size, and their multiply-adds for one picture."""
    pixels = op.parameter([BATCH_IMAGES, SIDE_PX, SIDE_PX, 3], np.uint8)
    x = op.transpose(op.convert(pixels, "f32"), np.array([0, 3, 1, 2])).output(0)
    x = convolution(x, weights(CHANNELS, 3, 1, 1), 0)
    multiply_adds = 0
    for _ in range(LAYERS):
        x, more = layer(x)
        multiply_adds += more
    # Only the mean leaves the network, so that copying results doesn't count.
    return ov.Model([op.reduce_mean(x, np.array([2, 3]))], [pixels], "probe"), multiply_adds


def dense_layer(x: ov.Output) -> tuple[ov.Output, int]:
    """3×3, as in VGG and ResNet."""
    return convolution(x, weights(CHANNELS, CHANNELS, 3, 3), 1), SIDE_PX**2 * CHANNELS * CHANNELS * 9


def separable_layer(x: ov.Output) -> tuple[ov.Output, int]:
    """3×3 for each channel alone, then 1×1 across them, as in the MobileNets."""
    x = op.relu(op.group_convolution(x, weights(CHANNELS, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])).output(0)
    return convolution(x, weights(CHANNELS, CHANNELS, 1, 1), 0), SIDE_PX**2 * CHANNELS * (9 + CHANNELS)


def convolution(x: ov.Output, kernels: ov.Node, padding: int) -> ov.Output:
    around = [padding, padding]
    return op.relu(op.convolution(x, kernels, [1, 1], around, around, [1, 1])).output(0)


def weights(*shape: int) -> ov.Node:
    """He-normal: the numbers neither grow nor vanish, for tiny ones would be slow."""
    values = np.random.default_rng(0).normal(0.0, np.sqrt(2.0 / np.prod(shape[1:])), shape)
    return op.constant(values.astype(np.float32))


def main(arguments: list[str] | None = None) -> int:
    """Measure and write `--output`."""
    parser = argparse.ArgumentParser(prog="tlcore.nn.probe", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    watch = threading.Timer(GIVE_UP_S, lambda: os._exit(1))  # OpenVINO's own code can't be interrupted.
    watch.daemon = True
    watch.start()
    found = probe(options.dataset, options.side, options.model)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(options.output) as path:
        path.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

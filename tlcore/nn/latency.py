"""How long one picture takes a finished model."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tlcore.nn.openvino_engine import OpenVINOEngine

WARM_UP, ROUNDS, MOST_S = 3, 21, 1.0


def latency_ms(model: Path) -> float:
    """Median milliseconds from pixels to probabilities for one picture at a time, with OpenVINO on this machine's processor."""
    engine = OpenVINOEngine(model, 1)
    picture = np.zeros((1, engine.side_px, engine.side_px, 3), np.uint8)
    took: list[float] = []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        engine.start(picture, 0, lambda position, rows: None)
        engine.wait()
        took.append(time.perf_counter() - began)
        if sum(took) > MOST_S and len(took) > WARM_UP:
            break
    return 1000 * float(np.median(took[WARM_UP:]))

"""Frames as a camera gives them: one scene a class, seen from somewhere else in every burst, and never twice the same."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tlcore.collecting.collection import Shot

WIDTH, HEIGHT = 320, 240
EPOCH_S = 1_700_000_000


def frame(scene: int, burst: int, number: int) -> bytes:
    """A JPEG of coloured stripes, whose direction and colour are the scene's; the burst moves them, the number adds noise."""
    rng = np.random.default_rng([scene, burst, number])
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    wave = np.sin((x if scene % 2 else y) / (9 + 2 * burst) + burst)
    color = np.array([[220, 90, 40], [40, 110, 220], [60, 200, 80]][scene % 3])
    pixels = 110 + 0.5 * (wave[..., None] * (color - 128)) + rng.normal(0, 6, (HEIGHT, WIDTH, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def shots(scene: int, burst: int, count: int, every_s: float = 0.25, at_s: float = 0.0) -> list[Shot]:
    """Frames of one burst, the last of which is taken so many seconds after EPOCH_S."""
    return [Shot(frame(scene, burst, number), int(1000 * (EPOCH_S + at_s - (count - 1 - number) * every_s))) for number in range(count)]

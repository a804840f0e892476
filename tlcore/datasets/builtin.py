"""Datasets that come with the workbench: real handwritten digits, and the same over coloured textures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from tlcore.datasets.ingest import Plan
from tlcore.datasets.stored import from_pixels

SIDE_PX = 32
_INK_PX = 24  # Three times the original, within a margin: shapes that touch the border transfer worse.
TEXTURE_SEED = 20_240_601
_INK_MAX = 16  # scikit-learn's digits have 17 levels.
_LEAST_CONTRAST = 70.0  # Luminance between ink and background, of 255.
_Y, _X = np.mgrid[:SIDE_PX, :SIDE_PX]


def digits() -> Plan:
    """scikit-learn's 1,797 handwritten digits, white on black.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998.
    """
    ink, labels = _ink()
    return _plan("digits", "built in: scikit-learn digits", (ink * 255).round().astype(np.uint8), labels)


def digits_on_textures(seed: int = TEXTURE_SEED) -> Plan:
    """The same digits with random ink over random coloured textures: another domain, the same labels."""
    ink, labels = _ink()
    pictures = np.stack([textured(one, np.random.default_rng([seed, i])) for i, one in enumerate(ink)])
    return _plan("digits-textures", "built in: scikit-learn digits over generated textures", pictures, labels)


BUILT_IN: dict[str, Callable[[], Plan]] = {"digits": digits, "digits-textures": digits_on_textures}


def _plan(name: str, source: str, pictures: np.ndarray, labels: np.ndarray) -> Plan:
    count = len(labels)
    return Plan(
        where=name,
        source=source,
        classes=tuple(str(digit) for digit in range(10)),
        names=[f"{name} {i}" for i in range(count)],
        labels=labels.tolist(),
        official=[""] * count,
        read=pictures.__getitem__,
        store=from_pixels,
        estimated_bytes=pictures.nbytes,
    )


def _ink() -> tuple[np.ndarray, np.ndarray]:
    """Ink 0..1, float32 (n, SIDE_PX, SIDE_PX), and labels (n,)."""
    from sklearn.datasets import load_digits  # 1 s, and needed by nothing else here.

    bunch = load_digits()
    ink = np.stack([_enlarged(image) for image in bunch.images.astype(np.float32) / _INK_MAX])
    return ink, bunch.target


def _enlarged(image: np.ndarray) -> np.ndarray:
    """8 × 8 to SIDE_PX: smooth, as pretrained networks know edges, not blocks."""
    large = Image.fromarray(image).resize((_INK_PX, _INK_PX), Image.Resampling.BICUBIC)
    return np.pad(np.clip(np.asarray(large), 0, 1), (SIDE_PX - _INK_PX) // 2)


def textured(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One digit over one texture. Shapes: (side, side) 0..1 → uint8 (side, side, 3)."""
    background = _texture(rng)
    color = _ink_color(background.mean((0, 1)), rng)
    strength = rng.uniform(0.75, 1.0)
    mixed = background + (color - background) * (ink[..., None] * strength)
    return np.clip(mixed + rng.normal(0, 6, mixed.shape), 0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Two colours mixed by soft noise and by stripes, float (side, side, 3)."""
    colors = rng.uniform(0, 255, (2, 3))
    noise = sum(_soft_noise(cells, rng) / weight for cells, weight in ((3, 1), (7, 2), (16, 4)))
    angle, period_px = rng.uniform(0, np.pi), rng.uniform(4, 14)
    stripes = np.sin((_X * np.cos(angle) + _Y * np.sin(angle)) * 2 * np.pi / period_px + rng.uniform(0, 6))
    mix = 1 / (1 + np.exp(-(2.5 * noise + rng.uniform(0, 1.5) * stripes)))[..., None]
    return colors[0] * mix + colors[1] * (1 - mix)


def _soft_noise(cells: int, rng: np.random.Generator) -> np.ndarray:
    grid = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(grid.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def _ink_color(background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random colour that can be told from the background's mean by luminance (Rec. 601)."""
    luminance = np.array([0.299, 0.587, 0.114])
    while True:
        color = rng.uniform(0, 255, 3)
        if abs((color - background) @ luminance) >= _LEAST_CONTRAST:
            return color

"""Do two pictures show the same shot? By their fine structure, which another encoding, size, brightness or colour leaves as it is."""

from __future__ import annotations

import functools

import numpy as np

from tlcore.datasets.dataset import Dataset

SIDE_PX = 16
SHIFT_PX = 1  # Pictures that were cropped a little differently still fit.
COARSE = 0.8  # So alike must light and dark be distributed; else frames about pictures would make them alike.
FAINT = 5.0  # Grey levels: fainter structure than this counts less, or noise in a sky would count as much as an edge.
FLAT = 1.0  # Grey levels of a whole picture's deviation: less is rounding.
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601.


def reduced(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Pictures as small grey ones, which `likeness` compares. Shapes: (n,) → float32 (n, 16, 16)."""
    grey: np.ndarray = dataset.pixels(rows, SIDE_PX).astype(np.float32) @ _GREY
    return grey


def likeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How alike each two reduced pictures are: 1 for equal ones, about 0.1 for any two photographs.

    The correlation of their fine structure, at the best of the shifts by up to a pixel; 0 where light and dark
    correlate by less than `COARSE`, or a picture has no structure. Shapes: (n, 16, 16), (n, 16, 16) → (n,).
    """
    best = np.zeros(len(one), np.float32)
    size = SIDE_PX - 2 * SHIFT_PX
    middle = np.s_[:, SHIFT_PX : SHIFT_PX + size, SHIFT_PX : SHIFT_PX + size]
    coarse, fine, other_fine = unit(one[middle]), unit(_fine(one)[middle]), _fine(other)
    for down in range(2 * SHIFT_PX + 1):
        for across in range(2 * SHIFT_PX + 1):
            window = np.s_[:, down : down + size, across : across + size]
            fits = (coarse * unit(other[window])).sum(axis=1) >= COARSE
            best = np.maximum(best, np.where(fits, (fine * unit(other_fine[window])).sum(axis=1), 0))
    return np.minimum(best, 1)


def halved(pictures: np.ndarray) -> np.ndarray:
    """Every four pixels as one, enough to look for candidates. Shapes: (n, 16, 16) → (n, 8, 8)."""
    quarters: np.ndarray = pictures.reshape(len(pictures), SIDE_PX // 2, 2, SIDE_PX // 2, 2).mean(axis=(2, 4))
    return quarters


def unit(pictures: np.ndarray) -> np.ndarray:
    """As vectors with mean 0 and length 1, whose products are correlations; 0 where there is no structure. Shapes: (n, s, s) → (n, s²)."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.divide(flat, length, out=np.zeros_like(flat), where=length > FLAT)


def _fine(pictures: np.ndarray) -> np.ndarray:
    """What is left of each pixel when the mean about it is taken away, by its usual size about there: so a horizon counts no more than a lawn."""
    detail = pictures - _mean_about(pictures, 1)
    fine: np.ndarray = detail / np.sqrt(_mean_about(detail**2, 2) + FAINT**2) * 100
    return fine


def _mean_about(pictures: np.ndarray, reach: int) -> np.ndarray:
    """Mean of the square of pixels about each one; the edge goes on outside."""
    side, width = pictures.shape[1], 2 * reach + 1
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach)), "edge")
    windows = (padded[:, i : i + side, j : j + side] for i in range(width) for j in range(width))
    total: np.ndarray = functools.reduce(np.add, windows)
    return total / width**2

"""Intervals of a share that was counted: so many of so many."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95
Z = 1.959964  # Quantile of the normal distribution for `LEVEL`.


def wilson(part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 95% interval of each share; sensible for none and all, NaN where nothing was counted.

    Shapes: (n,), (n,) → (n,), (n,). Source: Wilson 1927.
    """
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share, fade = part / whole, Z**2 / whole
        middle, half = share + fade / 2, np.sqrt(fade * (share * (1 - share) + fade / 4))
        return np.clip((middle - half) / (1 + fade), 0, 1), np.clip((middle + half) / (1 + fade), 0, 1)


def exact(part: int, whole: int) -> tuple[float, float]:
    """Ends of the 95% interval that never covers less (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv  # Not above: rarely needed.

    tail = (1 - LEVEL) / 2
    low = 0.0 if part == 0 else float(betaincinv(part, whole - part + 1, tail))
    return low, 1.0 if part == whole else float(betaincinv(part + 1, whole - part, 1 - tail))

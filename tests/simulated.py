"""Models whose true figures are known: normal scores about each picture's class, of two models as alike as wanted."""

from __future__ import annotations

import numpy as np

from tlcore import metrics


def model(rng: np.random.Generator, sizes: list[int], skill: float = 2.0, sharpness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of so many pictures a class; calibrated at sharpness = skill where classes are equally large."""
    labels, (probabilities,) = models(rng, sizes, [skill], sharpness)
    return labels, probabilities


def models(rng: np.random.Generator, sizes: list[int], skills: list[float], sharpness: float = 1.0, alike: float = 0.7) -> tuple[np.ndarray, list[np.ndarray]]:
    """The same for several models whose scores correlate by `alike`."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    shape, found = (len(labels), len(sizes)), []
    common = rng.normal(size=shape)
    for skill in skills:
        scores = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=shape)
        scores[np.arange(len(labels)), labels] += skill
        shares = np.exp(sharpness * scores)
        found.append(shares / shares.sum(axis=1, keepdims=True))
    return labels, found


def true_figures(sizes: list[int], skill: float, sharpness: float = 1.0) -> dict[str, float]:
    """Of a test set so large that chance leaves nothing: 100,000 pictures."""
    times = 100_000 // sum(sizes)
    labels, probabilities = model(np.random.default_rng(1), [size * times for size in sizes], skill, sharpness)
    return {name: float(value or 0) for name, value in metrics.evaluate(labels, probabilities).items()}

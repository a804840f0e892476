"""What would do without any learning: the figures that a run has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlcore import metrics
from tlcore.activations import Rows
from tlcore.errors import NotFoundError
from tlcore.results import Predictions

MAJORITY, CENTROID = "majority_class", "nearest_centroid"
BLOCK_BYTES = 32 * 2**20
MOST_BYTES = 256 * 2**20  # Of stored activations that are read for it: of more, every second training picture, or third …


def majority(learnt: np.ndarray, labels: np.ndarray, k: int) -> dict[str, float | None]:
    """Figures of a model that gives every picture the shares of the classes it learnt from. Shapes: two lists of labels (n,), (m,)."""
    shares = np.bincount(learnt, minlength=k) / len(learnt)
    return metrics.evaluate(labels, np.tile(shares, (len(labels), 1)))


def nearest_centroid(learnt: Sequence[tuple[Rows, np.ndarray]], tested: Mapping[str, Rows], k: int) -> dict[str, np.ndarray] | None:
    """The class whose mean of features is nearest to each tested picture, by name of the part; None where reading is too much.

    learnt: rows (n, …) with labels (n,). Feature maps are averaged over positions; every picture's features are scaled
    to length 1 (SimpleShot's L2N, Wang et al. 2019). A class without a picture is never the nearest.
    """
    if sum(rows.nbytes for rows in tested.values()) > 2 * MOST_BYTES:  # Twice: feature maps of these are in float32.
        return None
    step = max(1, -(-sum(rows.nbytes for rows, _ in learnt) // MOST_BYTES))
    sums, counts = None, np.zeros(k)
    for rows, labels in learnt:
        chosen = np.arange(0, len(rows), step)
        counts += np.bincount(labels[chosen], minlength=k)
        for positions, features in _features(rows, chosen):
            sums = np.zeros((k, features.shape[1])) if sums is None else sums
            np.add.at(sums, labels[positions], features)
    if sums is None:
        return None
    centroids = sums / np.maximum(counts, 1)[:, None]
    away = np.where(counts > 0, (centroids**2).sum(axis=1) / 2, np.inf)
    return {
        name: np.concatenate([np.argmin(away - features @ centroids.T, axis=1) for _, features in _features(rows, np.arange(len(rows)))])
        for name, rows in tested.items()
    }


def of_run(run_dir: Path, summary: Mapping[str, Any], predictions: Predictions) -> dict[str, dict[str, float | None]]:
    """Figures of the baselines on the pictures that a finished run was tested on; those that it can't be told of are left out."""
    found: dict[str, dict[str, float | None]] = {}
    learnt = _learnt_labels(run_dir)
    if len(learnt):
        found[MAJORITY] = majority(learnt, predictions.labels, len(predictions.classes))
    stored = summary.get("baselines", {}).get(predictions.split)
    return found | ({CENTROID: stored} if stored else {})


def figures(labels: np.ndarray, predicted: np.ndarray, k: int) -> dict[str, float]:
    """Of answers without probabilities."""
    matrix = metrics.confusion(labels, predicted, k)
    return {name: float(value) for name, value in metrics.of_counts(np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)).items()}


def _learnt_labels(run_dir: Path) -> np.ndarray:
    """Labels that the run could learn from: the target's, or where it read none the source's."""
    from tlcore.datasets.domains import Domains

    try:
        domains = Domains.load(run_dir / "split.npz")
    except NotFoundError:
        return np.empty(0, np.int64)
    split = domains.target if len(domains.target.train) or domains.source is None else domains.source
    return split.labels(split.train)


def _features(rows: Rows, chosen: np.ndarray) -> Any:
    """Positions and their features (m, channels) float64 of length 1, some at a time."""
    size = max(1, BLOCK_BYTES // max(1, rows.layout.row_bytes))
    for start in range(0, len(chosen), size):
        positions = chosen[start : start + size]
        given = rows.take(positions)
        features = given.reshape(len(given), -1, given.shape[-1]).mean(axis=1, dtype=np.float64)
        yield positions, features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)

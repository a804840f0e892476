"""The bootstrap behind all intervals and paired tests: every headline figure on thousands of redrawn test sets at once.

Pictures are drawn with replacement within each true class (stratified), the same ones for all models, so that
differences between models are paired. A class of n pictures gives n − 1 draws that weigh n / (n − 1): plain
redrawing makes the spread of small classes too small by that factor (Rao and Wu 1988). A class with one
picture can't vary.

A confusion matrix, the log loss and the ECE (with fixed bins) follow exactly from how often each picture was drawn.
The AUC is linearised by what each picture adds to it (DeLong, DeLong and Clarke-Pearson 1988); what that leaves
out falls with the product of the counts of both kinds of picture.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from tlcore import metrics
from tlcore.metrics import CALIBRATION_BINS, OF_PROBABILITIES

RESAMPLES = 2_000
NO_SPREAD = 1e-6  # Sums of float32 differ by less than this where what is added is the same.
ONE_THREAD = 2**17  # Multiplications up to which OpenBLAS stays on one thread.
BLOCK_DRAWS = 2**18  # What the processor keeps close: twice as fast as all at once.


def resampled(labels: np.ndarray, models: Sequence[np.ndarray], resamples: int = RESAMPLES) -> list[dict[str, np.ndarray]]:
    """The headline figures of each model on redrawn test sets; a figure that there is none of is left out.

    Shapes: labels (n,), each model's probabilities (n, k) → each figure (resamples,). Equal labels give equal draws.
    """
    given = [metrics.checked(labels, model)[1] for model in models]
    labels, k = np.asarray(labels, np.int64), given[0].shape[1]
    values = np.concatenate([_per_picture(labels, model) for model in given], axis=1)
    width = values.shape[1] // len(given)
    support = np.bincount(labels, minlength=k)
    sums = np.zeros((resamples, len(given), width))
    hits = np.zeros((resamples, len(given), k))
    rng = random_of(labels)
    for c in np.flatnonzero(support):
        own = values[labels == c]
        for block, counts in _draws(rng, int(support[c]), resamples):
            drawn = _product(counts, own).reshape(len(counts), len(given), width) * _weight(int(support[c]))
            sums[block] += drawn
            hits[block, :, c] = drawn[:, :, c]
    return [_figures(hits[:, m], sums[:, m], support, labels, model) for m, model in enumerate(given)]


def random_of(labels: np.ndarray) -> np.random.Generator:
    """Random numbers that follow from the labels: the same question gets the same answer."""
    digest = hashlib.blake2b(np.ascontiguousarray(labels, np.int64).data, digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest))


def _draws(rng: np.random.Generator, n: int, resamples: int) -> Iterator[tuple[slice, np.ndarray]]:
    """How often each of n pictures is drawn, some resamples at a time: float32 (some, n)."""
    step = max(1, BLOCK_DRAWS // n)
    for start in range(0, resamples, step):
        some = min(step, resamples - start)
        if n == 1:
            counts = np.ones((some, 1), np.float32)
        else:
            at = rng.integers(0, n, size=(some, n - 1))
            at += np.arange(0, some * n, n)[:, None]
            counts = np.bincount(at.ravel(), minlength=some * n).reshape(some, n).astype(np.float32)
        yield slice(start, start + some), counts


def _product(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """counts @ values on this thread alone: beside a training run, threads that wait for each other take five times as long.

    BLAS takes none to help for as little as each of these pieces.
    """
    n, width = values.shape
    out, rows = np.empty((len(counts), width), np.float32), max(1, ONE_THREAD // (n * width))
    for start in range(0, len(counts), rows):
        np.matmul(counts[start : start + rows], values, out=out[start : start + rows])
    return out


def _weight(n: int) -> float:
    return n / max(1, n - 1)


def _per_picture(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """What each picture adds to the sums. Shapes: (n, k + 2 + bins) float32: its predicted class, log loss, AUC, ECE by bin."""
    n, k = probabilities.shape
    at, predicted = np.arange(n), probabilities.argmax(axis=1)
    out = np.zeros((n, k + 2 + CALIBRATION_BINS), np.float32)
    out[at, predicted] = 1
    if not np.isfinite(probabilities).all():
        return out
    out[:, k] = metrics.log_losses(labels, probabilities)
    out[:, k + 1] = _auc_shares(labels, probabilities)
    sure = metrics.confidence(probabilities)
    out[at, k + 2 + metrics.confidence_bins(sure)] = (predicted == labels) - sure
    return out


def _auc_shares(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float64 (n,): their sum is twice the mean AUC; drawn sums less the AUC itself are the drawn AUC."""
    shares, classes = np.zeros(len(labels)), 0
    for own, above, below in metrics.auc_parts(labels, probabilities):
        shares[own] += above / len(above)
        shares[~own] += below / len(below)
        classes += 1
    return shares / max(1, classes)


def _figures(hits: np.ndarray, sums: np.ndarray, support: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Shapes: hits (resamples, k), sums (resamples, k + 2 + bins), support (k,) → each (resamples,)."""
    k, n = len(support), len(labels)
    figures = metrics.of_counts(hits, sums[:, :k], support)
    if not np.isfinite(probabilities).all():
        return figures
    auc = metrics.mean_auc(labels, probabilities)
    of_probabilities = (
        None if auc is None else np.clip(sums[:, k + 1] - auc, 0, 1),
        sums[:, k] / n,
        np.abs(sums[:, k + 2 :]).sum(axis=1) / n,
    )
    return figures | {name: drawn for name, drawn in zip(OF_PROBABILITIES, of_probabilities, strict=True) if drawn is not None}

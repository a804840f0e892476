"""Figures from labels and probabilities: what a stored prediction says about a model.

Labels are indices into the run's classes; `k` is the number of classes. A class that occurs neither
as label nor as prediction counts in no average, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

# Softmax in float32 underflows to 0; its logarithm would be infinite for one picture.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)


def evaluate(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """All headline figures of one set of pictures, as JSON numbers.

    Shapes: labels (n,), probabilities (n, k). Precision, recall and F1 are means over classes; `auc` is
    the mean of one class against the rest, None when no class has both kinds of picture; `log_loss` is
    in nats.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or len(labels) != len(probabilities) or not len(labels):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} do not belong together")
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    precision, recall, f1, support = _by_class(matrix)
    seen, has_support = (matrix.sum(axis=0) + support) > 0, support > 0
    return {
        "accuracy": float(np.trace(matrix) / matrix.sum()),
        "balanced_accuracy": float(recall[has_support].mean()),
        "macro_f1": float(f1[seen].mean()),
        "weighted_f1": float(np.average(f1, weights=support)),
        "precision": float(precision[seen].mean()),
        "recall": float(recall[seen].mean()),
        "auc": mean_auc(labels, probabilities),
        "log_loss": log_loss(labels, probabilities),
    }


def confusion(labels: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """How often class i was taken for class j. Shapes: (k, k) int64, rows are the true classes."""
    labels, predicted = np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    if len(labels) and not (min(labels.min(), predicted.min()) >= 0 and max(labels.max(), predicted.max()) < k):
        raise ValueError(f"a label or prediction lies outside 0..{k - 1}")
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def per_class(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One row a class: class, precision, recall, f1, support (number of pictures of that class)."""
    precision, recall, f1, support = _by_class(confusion(labels, predicted, len(classes)))
    return pd.DataFrame(
        {"class": list(classes), "precision": precision, "recall": recall, "f1": f1, "support": support}
    )


def macro_f1(labels: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Mean over classes of F1 = 2·TP / (2·TP + FP + FN)."""
    matrix = confusion(labels, predicted, k)
    seen = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(_by_class(matrix)[2][seen].mean()) if seen.any() else 0.0


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of −ln(probability of the true class), in nats; rows are normalised to 1 first."""
    true = probabilities[np.arange(len(labels)), labels] / probabilities.sum(axis=1)
    return float(-np.log(np.clip(true, SMALLEST_PROBABILITY, 1.0)).mean())


def balanced_accuracy(labels: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Mean over the classes that occur of the share of their pictures that is recognised."""
    matrix = confusion(labels, predicted, k)
    there = matrix.sum(axis=1) > 0
    return float(_by_class(matrix)[1][there].mean()) if there.any() else 0.0


def mean_auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Mean area under the ROC curve of each class against the rest; None where no class allows one.

    From the ranks of the probabilities, ties in the middle (Mann and Whitney 1947): a twentieth of the time of a curve a class.
    """
    n, k = probabilities.shape
    positive = labels[:, None] == np.arange(k)
    counts = positive.sum(axis=0)
    there = (counts > 0) & (counts < n)
    if not there.any():
        return None
    # Here, not above: pages read the other figures and need not load SciPy.
    from scipy.stats import rankdata

    ranks = rankdata(probabilities[:, there], axis=0)
    wins = (ranks * positive[:, there]).sum(axis=0) - counts[there] * (counts[there] + 1) / 2
    return float((wins / (counts[there] * (n - counts[there]))).mean())


def _by_class(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall, F1 and support of each class; 0 where there is nothing to divide by."""
    hits = np.diag(matrix).astype(float)
    support, taken = matrix.sum(axis=1), matrix.sum(axis=0)

    def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)

    return ratio(hits, taken), ratio(hits, support), ratio(2 * hits, taken + support), support

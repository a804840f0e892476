"""Figures from labels and probabilities: what a stored prediction says about a model.

Labels are indices into the run's classes; `k` is the number of classes. A class that occurs neither
as label nor as prediction counts in no average, as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

# Softmax in float32 underflows to 0; its logarithm would be infinite for one picture.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
CALIBRATION_BINS = 15
OF_COUNTS = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "precision", "recall")
OF_PROBABILITIES = ("auc", "log_loss", "ece")
FIGURES = OF_COUNTS + OF_PROBABILITIES
LOWER_IS_BETTER = frozenset({"log_loss", "ece"})


def evaluate(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """All headline figures of one set of pictures, as JSON numbers.

    Shapes: labels (n,), probabilities (n, k). Precision, recall and F1 are means over classes; `auc` is
    the mean of one class against the rest, None when no class has both kinds of picture; `log_loss` is
    in nats; `ece` is the expected calibration error. The last three are None where a probability is no number.
    """
    labels, probabilities = checked(labels, probabilities)
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    figures: dict[str, float | None] = {name: float(value) for name, value in of_counts(np.diag(matrix), matrix.sum(0), matrix.sum(1)).items()}
    if not np.isfinite(probabilities).all():
        return figures | dict.fromkeys(OF_PROBABILITIES)
    return figures | {
        "auc": mean_auc(labels, probabilities),
        "log_loss": log_loss(labels, probabilities),
        "ece": calibration_error(labels, probabilities),
    }


def checked(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays. Raises ValueError where they don't belong together: our own mistake, never a user's."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or len(labels) != len(probabilities) or not len(labels):
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape} do not belong together")
    return labels, probabilities


def of_counts(hits: np.ndarray, taken: np.ndarray, support: np.ndarray) -> dict[str, np.ndarray]:
    """The figures that follow from a confusion matrix, or from many at once.

    Shapes: hits (diagonal), taken (column sums), support (row sums) (..., k) → each figure (...).
    """
    precision, recall, f1 = _ratio(hits, taken), _ratio(hits, support), _ratio(2 * hits, taken + support)
    seen, has_support = (taken + support) > 0, np.broadcast_to(support > 0, np.shape(hits))
    return {
        "accuracy": hits.sum(-1) / support.sum(-1),
        "balanced_accuracy": recall.mean(-1, where=has_support),
        "macro_f1": f1.mean(-1, where=seen),
        "weighted_f1": (f1 * support).sum(-1) / support.sum(-1),
        "precision": precision.mean(-1, where=seen),
        "recall": recall.mean(-1, where=seen),
    }


def confusion(labels: np.ndarray, predicted: np.ndarray, k: int) -> np.ndarray:
    """How often class i was taken for class j. Shapes: (k, k) int64, rows are the true classes."""
    labels, predicted = np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    if len(labels) and not (min(labels.min(), predicted.min()) >= 0 and max(labels.max(), predicted.max()) < k):
        raise ValueError(f"a label or prediction lies outside 0..{k - 1}")
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def per_class(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One row a class: class, precision, recall, f1, support (number of pictures of that class)."""
    hits, taken, support = _counts(labels, predicted, len(classes))
    columns = {"precision": _ratio(hits, taken), "recall": _ratio(hits, support), "f1": _ratio(2 * hits, taken + support)}
    return pd.DataFrame({"class": list(classes), **columns, "support": support})


def macro_f1(labels: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Mean over classes of F1 = 2·TP / (2·TP + FP + FN)."""
    return float(of_counts(*_counts(labels, predicted, k))["macro_f1"]) if len(labels) else 0.0


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of −ln(probability of the true class), in nats; rows are normalised to 1 first."""
    return float(log_losses(labels, probabilities).mean())


def log_losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """−ln(probability of the true class) of each picture, in nats. Shapes: (n,), (n, k) → (n,)."""
    true = probabilities[np.arange(len(labels)), labels] / probabilities.sum(axis=1)
    losses: np.ndarray = -np.log(np.clip(true, SMALLEST_PROBABILITY, 1.0))
    return losses


def balanced_accuracy(labels: np.ndarray, predicted: np.ndarray, k: int) -> float:
    """Mean over the classes that occur of the share of their pictures that is recognised."""
    return float(of_counts(*_counts(labels, predicted, k))["balanced_accuracy"]) if len(labels) else 0.0


def mean_auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Mean area under the ROC curve of each class against the rest; None where no class allows one."""
    areas = [above.mean() for _, above, _ in auc_parts(labels, probabilities)]
    return float(np.mean(areas)) if areas else None


def auc_parts(labels: np.ndarray, probabilities: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each class that has both kinds of picture: which are its own, and what each picture adds to its AUC.

    Yields `own` bool (n,); for its own pictures, the share of the others that lie below, and for the others the
    share of its own that lie above, ties half. The mean of either is the area (Mann and Whitney 1947; DeLong,
    DeLong and Clarke-Pearson 1988).
    """
    for c in range(probabilities.shape[1]):
        own = labels == c
        if 0 < own.sum() < len(own):
            inside, outside = probabilities[own, c], probabilities[~own, c]
            yield own, _below(inside, np.sort(outside)), 1 - _below(outside, np.sort(inside))


def confidence(probabilities: np.ndarray) -> np.ndarray:
    """How sure the model is of its answer: the largest probability, rows normalised to 1. Shapes: (n, k) → (n,)."""
    largest: np.ndarray = probabilities.max(axis=1) / probabilities.sum(axis=1)
    return largest


def confidence_bins(sure: np.ndarray) -> np.ndarray:
    """Index of the bin (i/15, (i+1)/15] in which a confidence lies. Shapes: (n,) → (n,)."""
    return np.clip(np.ceil(sure * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """ECE: mean over pictures of |accuracy − confidence| of their bin, 15 bins of equal width.

    Source: Naeini, Cooper and Hauskrecht 2015; bins as in Guo et al. 2017, so that figures can be held beside theirs.
    """
    sure = confidence(probabilities)
    gaps = (probabilities.argmax(axis=1) == labels) - sure
    return float(np.abs(np.bincount(confidence_bins(sure), gaps)).sum() / len(labels))


def _below(scores: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Share of `ordered` that lies below each score, ties half."""
    below: np.ndarray = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")) / (2 * len(ordered))
    return below


def _counts(labels: np.ndarray, predicted: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each class the pictures recognised, those taken for it, and those that belong to it; each (k,)."""
    matrix = confusion(labels, predicted, k)
    return np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(np.broadcast_shapes(np.shape(part), np.shape(whole))), where=whole > 0)

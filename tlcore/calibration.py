"""Does "90 % sure" mean right nine times in ten? Reliability, and the temperature that mends it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.metrics import CALIBRATION_BINS
from tlcore.proportions import wilson

LOWEST, HIGHEST = 0.05, 20.0  # Temperatures beyond leave nothing of the probabilities but their order, or nothing at all.


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far the probabilities of test pictures can be believed, before and after dividing by a temperature.

    `fitted_on`: number of validation pictures; `other_domain`: whether they are of the other domain, where labels of this
    one may not be read. `surplus`: mean confidence minus accuracy, above 0 where the model is too sure. `if_calibrated`: mean and 95th percentile of the ECE that a perfectly
    calibrated model would show on as many pictures, by chance alone.
    """

    temperature: float
    fitted_on: int
    other_domain: bool
    surplus: float
    ece: float
    ece_after: float
    log_loss: float
    log_loss_after: float
    if_calibrated: tuple[float, float]

    @property
    def at_limit(self) -> bool:
        """Whether the best temperature lies outside what is tried, as where no validation picture is mistaken."""
        return is_limit(self.temperature)

    @property
    def in_words(self) -> str:
        """One sentence for people."""
        mean, limit = self.if_calibrated
        if self.ece <= limit:
            return f"The probabilities can be believed as far as these pictures can tell: the error of {self.ece:.3f} is no more than chance gives (up to {limit:.3f})."
        more = "too sure" if self.surplus > 0 else "not sure enough"
        if self.at_limit:
            return f"The model is {more} of its answers, by {self.ece:.3f} on average; the validation pictures have too few mistakes, or too many, to mend it by a temperature."
        fitted = f"A temperature of {self.temperature:.2f}, fitted on validation pictures{' of the other domain' if self.other_domain else ''},"
        effect = f"leaves an error of {self.ece_after:.3f}" if self.ece_after < self.ece else "makes it no better"
        return f"The model is {more} of its answers, by {self.ece:.3f} on average; chance alone gives {mean:.3f}. {fitted} {effect}."

    def to_json(self) -> dict[str, Any]:
        # Where no temperature fits, the limit and what it would do mean nothing.
        none = dict.fromkeys(("temperature", "ece_after", "log_loss_after")) if self.at_limit else {}
        return dataclasses.asdict(self) | none | {"if_calibrated": dict(zip(("mean", "high"), self.if_calibrated, strict=True)), "at_limit": self.at_limit, "in_words": self.in_words}


def calibrate(val_labels: np.ndarray, val_probabilities: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, other_domain: bool = False) -> Calibration | None:
    """Fit a temperature on validation pictures, and see on the test pictures what it does; None where a probability is no number."""
    (val_labels, val_probabilities), (labels, probabilities) = metrics.checked(val_labels, val_probabilities), metrics.checked(labels, probabilities)
    if not (np.isfinite(val_probabilities).all() and np.isfinite(probabilities).all()):
        return None
    temperature = fit_temperature(val_labels, val_probabilities)
    after = with_temperature(probabilities, temperature)
    return Calibration(
        temperature, len(val_labels), other_domain, float(probabilities.max(1).mean() - (probabilities.argmax(1) == labels).mean()),
        metrics.calibration_error(labels, probabilities), metrics.calibration_error(labels, after),
        metrics.log_loss(labels, probabilities), metrics.log_loss(labels, after),
        error_if_calibrated(probabilities),
    )


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The T in 0.05..20 for which softmax(ln p / T) has the lowest log loss (Guo et al. 2017).

    ln p differs from the logits by a constant a picture, which the softmax takes away. Above 1: the model was too sure.
    Fit it on pictures that weren't learnt from. Shapes: (n,), (n, k).
    """
    from scipy.optimize import minimize_scalar  # Not above: pages show reliability without it.

    if (probabilities.argmax(axis=1) == labels).all():
        return LOWEST  # Surer is always better; where rounding ends that says nothing.
    logs, at = _logs(probabilities), np.arange(len(labels))

    def loss(sharpness: float) -> float:
        """Convex in 1 / T."""
        scaled = logs * sharpness
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[at, labels]).mean())

    # The scale is that of T for the tolerance: 1 / T runs over two and a half orders of magnitude.
    found = minimize_scalar(lambda log_t: loss(float(np.exp(-log_t))), bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def is_limit(temperature: float) -> bool:
    """Whether the fit ended at the edge of what is tried, and so found nothing."""
    return not 1.01 * LOWEST < temperature < 0.99 * HIGHEST


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(ln p / temperature), row by row; the order of the classes stays. Shapes: (n, k) → (n, k) float64."""
    scaled = np.exp(_logs(probabilities) / temperature)
    shares: np.ndarray = scaled / scaled.sum(axis=1, keepdims=True)
    return shares


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Accuracy against confidence, one row a bin that holds pictures: low, high, confidence, accuracy, accuracy_low, accuracy_high, count.

    `accuracy_low` and `accuracy_high` are the 95% interval of the accuracy (Wilson 1927). 15 bins of equal width, as the ECE's.
    Empty where a probability is no number.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    sound = bool(np.isfinite(probabilities).all())
    sure = metrics.confidence(probabilities) if sound else np.empty(0)
    right = (probabilities.argmax(axis=1) == labels)[: len(sure)]
    bins = metrics.confidence_bins(sure)
    count, hits, total = (np.bincount(bins, weights, CALIBRATION_BINS) for weights in (None, right, sure))
    there = np.flatnonzero(count)
    low, high = wilson(hits[there], count[there])
    return pd.DataFrame({
        "low": there / CALIBRATION_BINS, "high": (there + 1) / CALIBRATION_BINS, "confidence": total[there] / count[there],
        "accuracy": hits[there] / count[there], "accuracy_low": low, "accuracy_high": high, "count": count[there].astype(int),
    })


def error_if_calibrated(probabilities: np.ndarray, draws: int = 2_000) -> tuple[float, float]:
    """Mean and 95th percentile of the ECE if each answer were right with just the probability that the model gave it.

    Consistency resampling (Bröcker and Smith 2007), with the number of right answers in a bin as normal: its variance is Σ p (1 − p).
    """
    sure = np.clip(metrics.confidence(np.asarray(probabilities, np.float64)), 0, 1)
    spread = np.sqrt(np.bincount(metrics.confidence_bins(sure), sure * (1 - sure), CALIBRATION_BINS))
    drawn = np.abs(np.random.default_rng(0).normal(size=(draws, CALIBRATION_BINS)) * spread).sum(axis=1) / len(sure)
    return float(drawn.mean()), float(np.quantile(drawn, 0.95))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    """ln p less the largest of the row; what underflowed counts as the smallest float32 step below 1."""
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), metrics.SMALLEST_PROBABILITY))
    shifted: np.ndarray = logs - logs.max(axis=1, keepdims=True)
    return shifted

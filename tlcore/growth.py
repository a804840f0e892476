"""Would more labels help? The error at several numbers of labels, a power law through it, and what twice as many would bring.

A learning curve falls as error(n) = a · n^−b + c with n labelled pictures: c is what more of them don't remove.
Source: Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically, arXiv:1712.00409; as a way to plan
labelling: Figueroa et al. 2012, Predicting sample size required for classification performance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tlcore.errors import InputError

QUESTION = "Would more labels help?"
FRACTIONS = (0.1, 0.25, 0.5, 1.0)
SEEDS = 5
FEWEST_OF_A_CLASS = 20  # Training pictures: a tenth of them is 2.
FEWEST_JUDGED = 50  # Validation pictures; one of 50 is 2 points.
FEWEST_JUDGED_OF_A_CLASS = 20
EXPONENTS = np.geomspace(0.05, 2.0, 60)
DRAWS = 1_000
ON_THE_CURVE = 40
NOTHING = 0.1  # Points; less than that nobody would label for.


class Law(NamedTuple):
    """error(n) = a · (n / unit)^−b + c, a share. `unit`: a number of pictures, so that `a` is a share too."""

    a: float
    b: float
    c: float
    unit: float

    def error(self, labels: float) -> float:
        return self.a * (labels / self.unit) ** -self.b + self.c


class Estimate(NamedTuple):
    """A figure and between which two it lies in 95 of 100 repetitions."""

    value: float
    low: float
    high: float


class OnCurve(NamedTuple):
    """The accuracy that the law expects with so many labels."""

    labels: float
    accuracy: Estimate


class OfClass(NamedTuple):
    """One class: its training and validation pictures, its recall now, and the points of it that doubling all labels would bring."""

    name: str
    labels: int
    judged: int
    accuracy: float
    gain: Estimate


@dataclasses.dataclass(frozen=True)
class Growth:
    """What refitting with fewer labels says about more. Accuracies are shares of the validation pictures, gains points of accuracy."""

    labels: tuple[int, ...]  # Training pictures, rising; the last are all there are.
    accuracies: tuple[tuple[float, ...], ...]  # By number of labels, then by seed.
    judged: int  # Validation pictures.
    law: Law
    gain: Estimate
    curve: tuple[OnCurve, ...]
    classes: tuple[OfClass, ...]  # Those with enough validation pictures, the largest gain first.

    @property
    def now(self) -> float:
        """Mean accuracy with all labels."""
        return float(np.mean(self.accuracies[-1]))

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Growth:
        """From `to_json`, tuples having become lists."""
        curve = tuple(OnCurve(labels, Estimate(*accuracy)) for labels, accuracy in stored["curve"])
        classes = tuple(OfClass(name, labels, judged, accuracy, Estimate(*gain)) for name, labels, judged, accuracy, gain in stored["classes"])
        law, gain, accuracies = Law(*stored["law"]), Estimate(*stored["gain"]), tuple(map(tuple, stored["accuracies"]))
        return cls(tuple(stored["labels"]), accuracies, stored["judged"], law, gain, curve, classes)


def part_of(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Positions of a share of the pictures, of each class its share and at least one; with equal seeds a larger share holds the smaller one.

    Shapes: labels (n,) → ascending (m,).
    """
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(labels == c))[: max(1, round(fraction * int((labels == c).sum())))] for c in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def refuse_few(labels: np.ndarray, judged: np.ndarray, classes: Sequence[str]) -> None:
    """Raise InputError where the training pictures (their labels) or the validation pictures don't suffice."""
    counts = np.bincount(labels, minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < FEWEST_OF_A_CLASS:
        raise InputError(f"class '{classes[least]}' has {counts[least]} labelled training pictures; to see what a tenth of them would do it takes {FEWEST_OF_A_CLASS}. Add images or drop the class.")
    if len(judged) < FEWEST_JUDGED:
        raise InputError(f"{len(judged)} validation pictures can't tell small gains from chance; it takes {FEWEST_JUDGED}. Raise split.val_fraction or add images.")


def grown(labels: Sequence[int], hits: np.ndarray, truth: np.ndarray, counts: Sequence[int], classes: Sequence[str], seed: int = 0) -> Growth:
    """Fit the law, and repeat it on redrawn seeds and validation pictures to see how sure it is.

    hits: whether a picture was recognised, by number of labels, seed and picture. counts: training pictures of each class.
    Shapes: labels (m,), hits (m, seeds, n), truth (n,), counts (k,).
    """
    errors, drawn = 1.0 - hits.mean(axis=1), _redrawn(hits, truth, len(classes), seed)
    share = np.bincount(truth, minlength=len(classes)) / len(truth)
    law, laws = fit(labels, errors.mean(axis=1)), fits(labels, np.tensordot(share, drawn, axes=1))
    at = np.geomspace(labels[0], 2 * labels[-1], ON_THE_CURVE)
    band = 1 - np.clip(laws[:, :1] * (at / labels[-1]) ** -laws[:, 1:2] + laws[:, 2:], 0, 1)  # (draws, on the curve)
    curve = [OnCurve(float(n), _estimate(1 - law.error(n), band[:, place])) for place, n in enumerate(at)]
    of_class = [
        OfClass(name, int(counts[c]), int((truth == c).sum()), float(hits[-1][:, truth == c].mean()), doubling(fit(labels, errors[:, truth == c].mean(axis=1)), fits(labels, drawn[c]), labels[-1]))
        for c, name in enumerate(classes) if (truth == c).sum() >= FEWEST_JUDGED_OF_A_CLASS
    ]
    by_seed = tuple(tuple(float(each) for each in row) for row in hits.mean(axis=2))
    return Growth(tuple(map(int, labels)), by_seed, len(truth), law, doubling(law, laws, labels[-1]), tuple(curve), tuple(sorted(of_class, key=lambda each: -each.gain.value)))


def fit(labels: Sequence[int], errors: np.ndarray) -> Law:
    """The law nearest to the errors (least squares), with a and c not negative and b within `EXPONENTS`. Shapes: (m,), (m,)."""
    a, b, c = (float(each) for each in fits(labels, errors[None])[0])
    return Law(a, b, c, float(labels[-1]))


def fits(labels: Sequence[int], errors: np.ndarray) -> np.ndarray:
    """`fit` for many curves at once: a, b, c in units of the largest number of labels. Shapes: (m,), (curves, m) → (curves, 3).

    For each exponent a and c follow from linear least squares; where one would be negative it is 0, and the other follows alone.
    """
    x = (np.asarray(labels, float) / labels[-1])[None] ** -EXPONENTS[:, None]  # (exponents, m)
    mean_x, mean_y = x.mean(axis=1), errors.mean(axis=1, keepdims=True)
    spread = x - mean_x[:, None]
    a = np.maximum(0, errors @ spread.T / (spread**2).sum(axis=1))  # (curves, exponents)
    c = mean_y - a * mean_x
    alone = errors @ x.T / (x**2).sum(axis=1)
    a, c = np.where(c < 0, alone, a), np.maximum(0, c)
    off = ((a[..., None] * x + c[..., None] - errors[:, None]) ** 2).sum(axis=2)
    best, each = off.argmin(axis=1), np.arange(len(errors))
    return np.stack([a[each, best], EXPONENTS[best], c[each, best]], axis=1)


def doubling(law: Law, laws: np.ndarray, labels: int) -> Estimate:
    """Points of accuracy that twice as many labels would bring. Shapes: laws (draws, 3) in units of `labels`."""
    gains = 100 * laws[:, 0] * (1 - 2.0 ** -laws[:, 1])
    return _estimate(100 * (law.error(labels) - law.error(2 * labels)), gains)


def in_words(found: Growth) -> list[str]:
    """The answer in sentences; the first one is the gain."""
    now, gain = found.labels[-1], found.gain
    doubled = f"Doubling the labels, from {now:,} to {2 * now:,} training pictures,"
    if gain.high < NOTHING:
        return [f"{doubled} would bring next to nothing: {gain.high:.1f} points at most.", f"The head recognises {found.now:.1%} of the validation pictures now."]
    said = [
        f"{doubled} would bring about {gain.value:.1f} points, between {gain.low:.1f} and {gain.high:.1f}.",
        f"The head recognises {found.now:.1%} of the validation pictures now.",
    ]
    if len(found.classes) > 1 and (most := found.classes[0]).gain.low >= NOTHING:
        said.append(f"'{most.name}' would gain most: about {most.gain.value:.1f} points of the class, between {most.gain.low:.1f} and {most.gain.high:.1f}.")
    return said


def _redrawn(hits: np.ndarray, truth: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Errors of each class on redrawn seeds and pictures; 0 for a class without pictures. Shapes: → (k, draws, m).

    One less is drawn than there is: the spread of few is too small otherwise (Rao and Wu 1988).
    """
    rng = np.random.default_rng(seed)
    amounts, seeds, _ = hits.shape
    by_seed = _counts(rng, seeds)  # (draws, seeds), the same for all classes.
    found = np.zeros((k, DRAWS, amounts))
    for c in np.unique(truth):
        own = (~hits[:, :, truth == c]).astype(np.float32).reshape(amounts * seeds, -1)
        wrong = (_counts(rng, own.shape[1]) @ own.T).reshape(DRAWS, amounts, seeds)
        found[c] = np.einsum("das,ds->da", wrong, by_seed)
    return found


def _counts(rng: np.random.Generator, n: int) -> np.ndarray:
    """How much each of n counts in each draw; a draw adds up to 1. Shapes: float32 (draws, n)."""
    drawn = max(1, n - 1)
    return (rng.multinomial(drawn, np.full(n, 1 / n), DRAWS) / drawn).astype(np.float32)


def _estimate(value: float, drawn: np.ndarray) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))

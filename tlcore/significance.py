"""Is the difference between two models on the same pictures real, or chance?"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.metrics import LOWER_IS_BETTER, OF_COUNTS
from tlcore.proportions import LEVEL
from tlcore.resampling import NO_SPREAD, resampled

ALPHA = 1 - LEVEL
NAMES = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1", "precision": "precision",
    "recall": "recall", "auc": "AUC", "log_loss": "log loss", "ece": "ECE",
}
IN_POINTS = frozenset({"accuracy", "balanced_accuracy"})  # Told as percentage points.


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of one figure: model b's less model a's, with its 95% interval by the paired bootstrap.

    `p`: of the exact McNemar test for the accuracy, otherwise of the bootstrap; `p_holm`: Holm's over all pairs of
    models. `real`: the interval excludes 0 and `p_holm` is below 0.05.
    """

    figure: str
    a: int
    b: int
    value: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def real(self) -> bool:
        return self.p_holm < ALPHA and not self.low <= 0 <= self.high

    @property
    def better(self) -> int | None:
        """The model that is better; None where the difference isn't real."""
        return None if not self.real else self.b if (self.value < 0) == (self.figure in LOWER_IS_BETTER) else self.a

    @property
    def gain(self) -> Gain:
        """The same told from the model that is ahead, real or not."""
        losses = self.figure in LOWER_IS_BETTER
        if (self.value < 0) == losses or self.value == 0:
            low, high = (-self.high, -self.low) if losses else (self.low, self.high)
            return Gain(self.b, self.a, abs(self.value), low, high)
        low, high = (self.low, self.high) if losses else (-self.high, -self.low)
        return Gain(self.a, self.b, abs(self.value), low, high)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"real": self.real, "better": self.better}


class Gain(NamedTuple):
    """By how much one model is better than another, with the 95% interval; 0 or more, also of losses."""

    ahead: int
    behind: int
    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two models on the same pictures: `only_a` and `only_b` count those that one alone recognises.

    `kappa`: Cohen's, between their answers. `smallest`: the difference in accuracy below which McNemar's test can't tell
    models apart that part company on as many pictures. `differences`: by figure.
    """

    a: int
    b: int
    pictures: int
    only_a: int
    only_b: int
    agreement: float
    kappa: float | None
    smallest: float
    differences: Mapping[str, Difference]

    def in_words(self, figure: str = "accuracy", names: Mapping[int, str] | None = None) -> str:
        """One or two sentences: which is better by how much, how sure that is, and what so many pictures can tell."""
        told = self.outcome(figure, names)
        return f"{told.removesuffix('.')}; {_resolution(self.pictures, self.smallest, self.smallest)}" if figure == "accuracy" else told

    def outcome(self, figure: str = "accuracy", names: Mapping[int, str] | None = None) -> str:
        """The same without what the number of pictures allows, see `resolution`."""
        difference = self.differences.get(figure)
        if difference is None:
            return f"There is no {NAMES[figure]} to compare."
        names = names or {self.a: f"run {self.a}", self.b: f"run {self.b}"}
        told = _told(difference, names[self.a], names[self.b])
        return f"{told[0].upper()}{told[1:]}."

    def to_json(self) -> dict[str, Any]:
        flat = dataclasses.asdict(self)
        return flat | {"in_words": self.in_words(), "differences": {name: each.to_json() for name, each in self.differences.items()}}


def paired(labels: np.ndarray, models: Mapping[int, np.ndarray], drawn: Mapping[int, Mapping[str, np.ndarray]] | None = None) -> list[Pair]:
    """All pairs of models, in their order, on the same pictures.

    Shapes: labels (n,), each model's probabilities (n, k) in the order of the labels. drawn: what `resampled` gave for
    them, where the caller has it already. A figure that one of a pair
    hasn't, as the AUC where only one class is there, is left out of that pair.
    """
    figures = {key: metrics.evaluate(labels, given) for key, given in models.items()}
    drawn = drawn or dict(zip(models, resampled(labels, list(models.values())), strict=True))
    answers = {key: np.asarray(given).argmax(axis=1) for key, given in models.items()}
    redrawable = bool(np.bincount(labels).max() > 1)
    found = []
    for a, b in itertools.combinations(models, 2):
        apart = {True: int((answers[a] != answers[b]).sum()), False: int((np.asarray(models[a]) != np.asarray(models[b])).any(axis=1).sum())}
        names = [name for name in metrics.FIGURES if name in drawn[a] and name in drawn[b]]
        values = {name: float(figures[b][name] or 0) - float(figures[a][name] or 0) for name in names}
        differences = [
            _difference(name, a, b, values[name], drawn[b][name] - drawn[a][name], apart[name in OF_COUNTS] if redrawable else 0) for name in names
        ]
        found.append(_pair(a, b, labels, answers, next(iter(models.values())).shape[1], differences))
    return _corrected(found)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of as unequal counts, if each of these pictures were as likely to fall to either model.

    Exact: the binomial distribution with 1/2. Source: McNemar 1947.
    """
    from scipy.special import bdtr  # Not above: pages read names from here.

    total = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), total, 0.5))) if total else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """p values of several tests, raised so that a false alarm among all is as rare as of one alone (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    raised = np.minimum(1.0, np.maximum.accumulate((len(order) - np.arange(len(order))) * np.asarray(p_values, float)[order]))
    return [float(p) for p in raised[np.argsort(order, kind="stable")]]


def kappa(one: np.ndarray, other: np.ndarray, k: int) -> float | None:
    """Cohen's kappa of two models' answers: agreement beyond chance, 1 for equal ones; None where both give one class only."""
    matrix = metrics.confusion(one, other, k) / len(one)
    agreed, by_chance = float(np.trace(matrix)), float(matrix.sum(axis=1) @ matrix.sum(axis=0))
    return None if by_chance > 1 - 1e-12 else (agreed - by_chance) / (1 - by_chance)


def smallest_difference(pictures: int, apart: int) -> float:
    """The difference in accuracy from which McNemar's test tells two models apart, where one alone is right on `apart` pictures.

    Six such pictures are the fewest that can show anything: all for one side gives p = 2 / 2⁶.
    """
    from scipy.special import bdtr

    apart = max(apart, 6)
    fewer = np.arange(apart // 2 + 1)
    told = fewer[2 * bdtr(fewer, apart, 0.5) < ALPHA]
    return float(apart - 2 * told.max()) / max(1, pictures)


def best(pairs: Sequence[Pair], figure: str) -> int | None:
    """The model that is better in a figure than each other one, where every one of those differences is real."""
    models = {model for pair in pairs for model in (pair.a, pair.b)}
    wins: dict[int, int] = dict.fromkeys(models, 0)
    for pair in pairs:
        difference = pair.differences.get(figure)
        if difference is not None and difference.better is not None:
            wins[difference.better] += 1
    return next((model for model, won in wins.items() if won == len(models) - 1), None)


def most_telling(pairs: Sequence[Pair], figure: str) -> list[Pair]:
    """The pairs in the order of how sure their difference in a figure is, then of how large; those without it last."""

    def unsure(pair: Pair) -> tuple[float, float, float]:
        told = pair.differences.get(figure)
        return (2, 2, 0) if told is None else (told.p_holm, told.p, -abs(told.value))

    return sorted(pairs, key=unsure)


def pair_table(pairs: Sequence[Pair], figure: str) -> pd.DataFrame:
    """One row a pair that has the figure, told from the model that is ahead.

    Columns: ahead, behind, gain (always 0 or more), low, high, p, p_holm, real, only_ahead and only_behind (pictures that one
    alone recognises), agreement, kappa.
    """
    rows = []
    for pair in pairs:
        if told := pair.differences.get(figure):
            gain = told.gain
            alone = {"only_ahead": pair.only_b, "only_behind": pair.only_a} if gain.ahead == pair.b else {"only_ahead": pair.only_a, "only_behind": pair.only_b}
            sure = {"p": told.p, "p_holm": told.p_holm, "real": told.real}
            alike: dict[str, Any] = {"agreement": pair.agreement, "kappa": pair.kappa}
            rows.append({"ahead": gain.ahead, "behind": gain.behind, "gain": gain.value, "low": gain.low, "high": gain.high} | sure | alone | alike)
    columns = ["ahead", "behind", "gain", "low", "high", "p", "p_holm", "real", "only_ahead", "only_behind", "agreement", "kappa"]
    return pd.DataFrame(rows, columns=columns).astype({"kappa": float})


def _pair(a: int, b: int, labels: np.ndarray, answers: Mapping[int, np.ndarray], k: int, differences: list[Difference]) -> Pair:
    right_a, right_b = answers[a] == labels, answers[b] == labels
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    by_figure = {each.figure: each for each in differences}
    by_figure["accuracy"] = dataclasses.replace(by_figure["accuracy"], p=mcnemar(only_a, only_b))
    agreement = float((answers[a] == answers[b]).mean())
    return Pair(a, b, len(labels), only_a, only_b, agreement, kappa(answers[a], answers[b], k), smallest_difference(len(labels), only_a + only_b), by_figure)


def _difference(name: str, a: int, b: int, value: float, drawn: np.ndarray, apart: int) -> Difference:
    """The share of drawn differences beyond 0, doubled, is the p value; never 0, as one more draw might lie there.

    apart: number of pictures on which the models differ. Were each as likely to fall to either, all would fall to one with
    2 / 2^apart: no test gives less, but redrawing few pictures would.
    """
    drawn = np.where(np.abs(drawn) < NO_SPREAD, 0.0, drawn)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p = min(1.0, max(2 * (beyond + 1) / (len(drawn) + 1), 2 * 0.5**apart))
    return Difference(name, a, b, value, float(low), float(high), p, p)


def _corrected(pairs: list[Pair]) -> list[Pair]:
    """With Holm's p over all pairs, figure by figure."""
    raised: list[dict[str, Difference]] = [dict(pair.differences) for pair in pairs]
    for name in metrics.FIGURES:
        those = [each for each in raised if name in each]
        for each, p in zip(those, holm([each[name].p for each in those]), strict=True):
            each[name] = dataclasses.replace(each[name], p_holm=p)
    return [dataclasses.replace(pair, differences=each) for pair, each in zip(pairs, raised, strict=True)]


def resolution(pairs: Sequence[Pair]) -> str:
    """Which differences in accuracy so many pictures can't tell apart, in a sentence about all pairs."""
    smallest = [pair.smallest for pair in pairs]
    told = _resolution(pairs[0].pictures, min(smallest), max(smallest))
    return told[0].upper() + told[1:]


def _resolution(pictures: int, least: float, most: float) -> str:
    if least >= 1:
        return f"on {pictures:,} picture{'' if pictures == 1 else 's'}, no difference at all can be told."
    most = min(most, 1)
    under = f"{100 * least:.1f} points" if f"{least:.3f}" == f"{most:.3f}" else f"{100 * least:.1f} to {100 * most:.1f} points, depending on the pair,"
    return f"on {pictures:,} picture{'' if pictures == 1 else 's'}, differences under {under} can't be told apart."


def _told(difference: Difference, a: str, b: str) -> str:
    of = "" if difference.figure == "accuracy" else f" in {NAMES[difference.figure]}"
    scale, digits, unit = (100, 1, " points") if difference.figure in IN_POINTS else (1, 3, "")
    gain = difference.gain
    ahead, behind = (b, a) if gain.ahead == difference.b else (a, b)
    value, low, high = (scale * each for each in (gain.value, gain.low, gain.high))
    if low == high == 0:
        return f"{a} and {b} are equal{of}"
    if low <= 0 <= high:
        return f"{a} and {b} can't be told apart{of}: {ahead} may be up to {-low:.{digits}f}{unit} worse or up to {high:.{digits}f} better"
    by = f"than {behind}{of} by {value:.{digits}f}{unit}, between {low:.{digits}f} and {high:.{digits}f}"
    if difference.better is not None:
        return f"{ahead} is better {by}"
    return f"{ahead} seems better {by}, but that may be chance (p = {difference.p_holm:.2g})"

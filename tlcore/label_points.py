"""What a label curve says so far: test accuracy over seeds by number of labels, and the answer in words. No TensorFlow."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlcore.label_curve import MOST_SEEDS, WAYS
from tlcore.store import Job, JobState, Series

if TYPE_CHECKING:
    import pandas as pd

TRANSFER = ("frozen", "fine_tune")
# Student's t with 1 to 9 degrees of freedom: 95 of 100 lie between the negative and the positive one.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
assert len(T_95) == MOST_SEEDS - 1


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over seeds, and between which two it should lie; unknown with one seed, or where all gave the very same."""

    value: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Formula: m ± t · s / √n, with n values, their mean m and standard deviation s (n - 1), and Student's t at 97.5 % for n - 1 degrees of freedom.

        Source: Student 1908, "The probable error of a mean".
        """
        mean = statistics.fmean(values)
        if len(values) < 2:
            return cls(mean, None, None)
        spread = statistics.stdev(values)
        if math.isclose(spread, 0, abs_tol=1e-9):  # A few equal counts of test pictures are chance, not certainty.
            return cls(mean, None, None)
        half = T_95[len(values) - 2] * spread / math.sqrt(len(values))
        return cls(mean, mean - half, mean + half)

    def within(self, low: float, high: float) -> Mean:
        """The same, its interval cut off where no value can be."""
        return self if self.low is None or self.high is None else Mean(self.value, max(low, self.low), min(high, self.high))


@dataclasses.dataclass(frozen=True)
class Point:
    """Finished runs of one way with one number of labels."""

    strategy: str
    fraction: float
    labels: int  # Labelled training pictures.
    val_labels: int  # Labelled pictures that choose the epoch.
    by_seed: Mapping[int, float]  # Test accuracy.
    chosen_by: float  # Mean of the best validation accuracy.

    @property
    def accuracy(self) -> Mean:
        return Mean.of(list(self.by_seed.values())).within(0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class LabelCurve:
    """A series as far as it has come."""

    title: str
    planned: int
    runs: Sequence[Job]
    points: tuple[Point, ...]  # By number of labels, then in the order of WAYS.

    @property
    def states(self) -> Counter[JobState]:
        return Counter(job.state for job in self.runs)

    @property
    def active(self) -> bool:
        return any(job.active for job in self.runs)

    @property
    def progress(self) -> str:
        """`14 of 27 done, 1 running, 12 waiting`."""
        words = {JobState.queued: "waiting"}
        states, deleted = self.states, self.planned - len(self.runs)
        others = [f"{states[state]} {words.get(state, state.value)}" for state in JobState if states[state] and state is not JobState.done]
        return ", ".join([f"{states[JobState.done]} of {self.planned} done", *others, *([f"{deleted} deleted"] if deleted > 0 else [])])

    def table(self) -> pd.DataFrame:
        """One row a point: strategy, labels (of training pictures), accuracy, low, high (NaN with one run), runs, val_labels."""
        import pandas as pd  # Takes a second; planning never needs it.

        rows = [
            {"strategy": WAYS[point.strategy], "labels": point.labels, "accuracy": mean.value, "low": mean.low, "high": mean.high,
             "runs": len(point.by_seed), "val_labels": point.val_labels}
            for point in self.points for mean in [point.accuracy]
        ]
        columns = ["strategy", "labels", "accuracy", "low", "high", "runs", "val_labels"]
        return pd.DataFrame(rows, columns=columns).astype({name: float for name in columns[2:5]})

    def to_document(self) -> dict[str, Any]:
        """State, points, answer and runs, as JSON."""
        return {
            "title": self.title, "planned": self.planned, "states": {state.value: n for state, n in self.states.items()},
            "points": json.loads(self.table().to_json(orient="records")), "answer": answer(self),
            "runs": [{"run": job.id, "name": job.title, "status": str(job.state), "test_accuracy": (job.result or {}).get("test_accuracy"), "error": job.error} for job in self.runs],
        }


def setting(job: Job) -> tuple[str, float, int]:
    """Strategy, share of labels and seed of one of the runs."""
    config = job.payload["config"]
    return config["strategy"]["name"], config["target"]["label_fraction"], config["train"]["seed"]


def gather(series: Series, runs: Sequence[Job]) -> LabelCurve:
    """What the finished runs of a series say."""
    done: dict[tuple[float, str], list[Job]] = {}
    for job in runs:
        way, fraction, _ = setting(job)
        if job.state is JobState.done and job.result and way in WAYS:
            done.setdefault((fraction, way), []).append(job)
    points = [_point(way, fraction, done[fraction, way]) for fraction in sorted({each for each, _ in done}) for way in WAYS if (fraction, way) in done]
    return LabelCurve(series.title, int(series.settings.get("planned", len(runs))), tuple(runs), tuple(points))


def _point(way: str, fraction: float, jobs: Sequence[Job]) -> Point:
    results = [job.result or {} for job in jobs]

    def mean(name: str) -> float:
        return statistics.fmean(result[name] for result in results)

    # Where equal pictures stand for one, seeds may label one more or less.
    return Point(way, fraction, round(mean("train_images")), round(mean("val_images")), {setting(job)[2]: result["test_accuracy"] for job, result in zip(jobs, results, strict=True)}, mean("best_val_accuracy"))


def answer(curve: LabelCurve) -> list[str]:
    """Whether transfer helps, in sentences: with the fewest and the most labels, and how many training from scratch would need.

    Of frozen and fine-tuned the one is told that is better on the validation pictures: the test doesn't choose.
    """
    pairs = [pair for fraction in sorted({point.fraction for point in curve.points}) if (pair := _pair(curve, fraction))]
    if not pairs:
        return []
    said = [_compared(*pair) for pair in (pairs if len(pairs) == 1 else [pairs[0], pairs[-1]])]
    return [*said, *_needed(pairs[0][0], [scratch for _, scratch in pairs])]


def _pair(curve: LabelCurve, fraction: float) -> tuple[Point, Point] | None:
    """The better way of transferring and training from scratch, where both have results."""
    here = {point.strategy: point for point in curve.points if point.fraction == fraction}
    ways = [here[way] for way in TRANSFER if way in here]
    return (max(ways, key=lambda point: point.chosen_by), here["scratch"]) if ways and "scratch" in here else None


def _compared(transfer: Point, scratch: Point) -> str:
    """One sentence; the gain is the mean of the differences at equal seeds, which learn from the same pictures."""
    text = f"With {transfer.labels:,} labelled pictures transfer ({WAYS[transfer.strategy]}) reaches {_share(transfer.accuracy)}, training from scratch {_share(scratch.accuracy)}"
    gain = _gain(transfer, scratch)
    if gain is None:
        return f"{text}; there is no seed yet with which both have ended."
    points = f"{abs(100 * gain.value):.1f} points"
    if gain.low is None or gain.high is None:
        return f"{text}: {points} {'gained' if gain.value > 0 else 'lost'}, by a single seed, which may be chance."
    if gain.low <= 0 <= gain.high:
        return f"{text}: no clear difference ({100 * gain.low:+.1f} to {100 * gain.high:+.1f} points)."
    if gain.value > 0:
        return f"{text}: {points} gained ({100 * gain.low:.1f} to {100 * gain.high:.1f})."
    return f"{text}: scratch wins by {points} ({-100 * gain.high:.1f} to {-100 * gain.low:.1f})."


def _gain(transfer: Point, scratch: Point) -> Mean | None:
    """Mean of the differences; None where no seed has ended with both."""
    both = sorted(transfer.by_seed.keys() & scratch.by_seed.keys())
    return Mean.of([transfer.by_seed[seed] - scratch.by_seed[seed] for seed in both]) if both else None


def _share(mean: Mean) -> str:
    """`71.2% (66.0 to 76.4)`."""
    return f"{mean.value:.1%}" + ("" if mean.low is None or mean.high is None else f" ({100 * mean.low:.1f} to {100 * mean.high:.1f})")


def _needed(transfer: Point, scratch: Sequence[Point]) -> list[str]:
    """How many labels scratch needs for what transfer has with the fewest; nothing where that isn't clearly more, or with one number of labels."""
    gain, goal, ends = _gain(transfer, scratch[0]), transfer.accuracy.value, [point.accuracy.value for point in scratch]
    if len(scratch) < 2 or ends[0] >= goal or gain is None or (gain.low is not None and gain.low <= 0):
        return []
    reached = f"the {goal:.1%} that transfer has with {transfer.labels:,}"
    for (less, low), (more, high) in itertools.pairwise(zip(scratch, ends, strict=True)):
        if low < goal <= high:
            share = (goal - low) / (high - low)
            labels = math.exp(math.log(less.labels) + share * (math.log(more.labels) - math.log(less.labels)))
            return [f"Training from scratch needs about {_rounded(labels):,} labelled pictures for {reached}, read off the line between {less.labels:,} and {more.labels:,}."]
    return [f"Training from scratch doesn't reach {reached} labelled pictures, with {scratch[-1].labels:,} neither."]


def _rounded(labels: float) -> int:
    """With two digits: more a line between two measured numbers doesn't say."""
    return int(float(f"{labels:.2g}"))

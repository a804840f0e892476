"""Learning curves from committed epochs: one row a point, smoothed as one wishes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pandas as pd

T = TypeVar("T")

TRAINING, VALIDATION, SOURCE_VALIDATION = PARTS = ("training", "validation", "source validation")


class Figure(NamedTuple):
    """How a figure of an epoch is called and read."""

    title: str
    meaning: str
    share: bool = False  # To be written in per cent.


METRICS = {
    "accuracy": Figure("Accuracy", "Share of the pictures recognised.", True),
    "loss": Figure("Loss", "Cross-entropy in nats: the cost of the probabilities. Being sure and wrong costs most; lower is better."),
    "balanced_accuracy": Figure("Balanced accuracy", "Mean over classes of the share recognised; small classes count as much as large ones.", True),
    "macro_f1": Figure("Macro F1", "Mean over classes of the harmonic mean of precision and recall; 1 is perfect."),
    "auc": Figure("AUC", "Mean area under the ROC curve of one class against the rest; 0.5 is chance, 1 perfect."),
}
# What a strategy shows beside these; the names are those of `further` in `tlcore/nn/strategies`.
FURTHER = {
    "domain_accuracy": Figure("Domain accuracy", "Share of pictures whose domain the domain classifier tells. 50% means that it can't tell the domains apart, which is wanted.", True),
    "domain_loss": Figure("Domain loss", "Cross-entropy of the domain classifier in nats. About 0.69, ln 2, means that it only guesses, which is wanted."),
    "coral": Figure("CORAL distance", "How far apart the covariances of both domains' features are; 0 means equal. It should fall."),
    "mmd": Figure("MMD", "How far apart the distributions of both domains' features are, squared; about 0 means equal. It should fall."),
    "pseudo_loss": Figure("Loss on pseudo-labels", "Weighted cross-entropy on unlabelled pictures whose predictions became labels; 0 as long as none have."),
}
NO_FIGURES = ("epoch", "seconds", "learning_rate")
MOST_POINTS = 400  # Of one line.
COLUMNS = ["run", "metric", "part", "epoch", "seconds", "value", "smooth", "best"]


def figure(metric: str) -> Figure:
    """Title and meaning of a metric; one that nobody has described is called by its name."""
    return METRICS.get(metric) or FURTHER.get(metric) or Figure(metric.replace("_", " ").capitalize(), "A figure that the run's strategy shows.")


def series(column: str, on_source: bool = False) -> tuple[str, str] | None:
    """Metric and part of a column of epochs; None for one that isn't drawn.

    on_source: the run reads no label of the target, so that all its validation pictures are of the source.
    """
    if column in NO_FIGURES:
        return None
    for prefix, part in (("source_val_", SOURCE_VALIDATION), ("val_", SOURCE_VALIDATION if on_source else VALIDATION)):
        if column.startswith(prefix):
            return column.removeprefix(prefix), part
    return column, TRAINING


def metrics_of(columns: Iterable[str]) -> list[str]:
    """Metrics that these columns of epochs hold: accuracy, loss, the other common ones, then the strategy's own."""
    held = dict.fromkeys(found[0] for column in columns if (found := series(column)))
    return [metric for metric in (*METRICS, *FURTHER) if metric in held] + [metric for metric in held if metric not in METRICS and metric not in FURTHER]


def curves(
    epochs: Mapping[str, pd.DataFrame], smoothing: float = 0.0, on_source: Collection[str] = (),
    best: Mapping[str, int] | None = None, metrics: Collection[str] | None = None,
) -> pd.DataFrame:
    """Points of the curves of several runs, by name of the run.

    on_source: names of runs whose validation pictures are all of the source. best: the epoch to be marked, by
    name. metrics: only these.
    Columns: run, metric, part (one of PARTS), epoch, seconds, value, smooth, best (of the epoch to be marked).
    Epochs that lack a metric leave no point; of long runs some epochs are left out, for drawing.
    """
    points: list[tuple[Any, ...]] = []  # Not tables put together, which takes four times as long; a page does this every second.
    for run, table in epochs.items():
        marked = (best or {}).get(run)
        for column in table:
            found = series(str(column), run in on_source)
            if found is None or not (metrics is None or found[0] in metrics):
                continue
            rows = list(zip(*(each.tolist() for each in (table["epoch"], table["seconds"], table[column], smooth(table[column], smoothing))), strict=True))
            points += [(run, *found, *row, row[0] == marked) for row in _drawn(rows, marked) if not math.isnan(row[2])]
    return pd.DataFrame(points, columns=COLUMNS)


def _drawn(rows: list[tuple[Any, ...]], marked: int | None) -> Sequence[tuple[Any, ...]]:
    """Rows of one line that are drawn, each with its epoch first: not all of a long one, but the marked epoch always."""
    kept = thin(rows, MOST_POINTS)
    if len(kept) == len(rows) or marked is None or any(row[0] == marked for row in kept):
        return kept
    return sorted([*kept, *(row for row in rows if row[0] == marked)], key=lambda row: row[0])


def thin(points: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` points, evenly spread, the first and last among them."""
    return points if len(points) <= most else [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def smooth(values: pd.Series, smoothing: float) -> pd.Series:
    """Exponential mean with weights smoothing^age, divided by their sum so that it starts at the first value.

    0 changes nothing; 0.9 looks back about ten epochs.
    """
    return values if smoothing == 0 else values.ewm(alpha=1 - smoothing, adjust=True).mean()

"""How good a finished run is, on what, and how sure that is: all figures of one run from what it left behind."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlcore import baselines, intervals, metrics, verdict
from tlcore.calibration import Calibration, calibrate, reliability, with_temperature
from tlcore.confusions import order_by_confusion, worst_pairs
from tlcore.errors import NotFoundError
from tlcore.results import (
    PICTURES,
    Predictions,
    judged_part,
    load_predictions,
    load_summary,
)
from tlcore.thresholds import (
    Decision,
    areas,
    cheapest_threshold,
    decide,
    precision_recall_curves,
    roc_curves,
)

JUDGED: dict[str, tuple[str, ...]] = {"test": ("val", "source_val"), "source_test": ("source_val", "val"), "val": (), "source_val": ()}
"""Parts that a run may be judged by, each with the validation pictures that its temperature is fitted on: its own domain's first.

A trial of a study is judged by its validation pictures, which can't be both.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """A run on one part of its pictures. What takes a while is computed when it is first asked for, and kept."""

    predictions: Predictions
    validation: Predictions | None
    baselines: dict[str, dict[str, float | None]]

    @functools.cached_property
    def figures(self) -> dict[str, float | None]:
        return metrics.evaluate(self.predictions.labels, self.predictions.probabilities)

    @functools.cached_property
    def intervals(self) -> dict[str, intervals.Interval | None]:
        return intervals.intervals(self.predictions.labels, self.predictions.probabilities)

    @functools.cached_property
    def per_class(self) -> pd.DataFrame:
        """One row a class with intervals, see `intervals.per_class`."""
        return intervals.per_class(self.predictions.labels, self.predictions.predicted, self.predictions.classes)

    @property
    def validated_elsewhere(self) -> bool:
        """Whether the validation pictures are of the other domain, where labels of this one may not be read."""
        return self.validation is not None and self.validation.split.startswith("source") != self.predictions.split.startswith("source")

    @functools.cached_property
    def calibration(self) -> Calibration | None:
        """With the temperature from the validation pictures; None where there are none."""
        given = self.validation
        if given is None:
            return None
        return calibrate(given.labels, given.probabilities, self.predictions.labels, self.predictions.probabilities, self.validated_elsewhere)

    @functools.cached_property
    def reliability(self) -> pd.DataFrame:
        return reliability(self.predictions.labels, self.predictions.probabilities)

    @functools.cached_property
    def reliability_after(self) -> pd.DataFrame | None:
        """The same once the probabilities are divided by the temperature; None where there is none, or none that was found and not just the last one tried."""
        if self.calibration is None or self.calibration.at_limit:
            return None
        return reliability(self.predictions.labels, with_temperature(self.predictions.probabilities, self.calibration.temperature))

    @functools.cached_property
    def roc(self) -> pd.DataFrame:
        return roc_curves(self.predictions.labels, self.predictions.probabilities, self.predictions.classes)

    @functools.cached_property
    def precision_recall(self) -> pd.DataFrame:
        return precision_recall_curves(self.predictions.labels, self.predictions.probabilities, self.predictions.classes)

    @functools.cached_property
    def areas(self) -> pd.DataFrame:
        """Of all curves, one row each, averages first, then the worst class first: see `thresholds.areas`; and `support`, NaN for averages."""
        support = self.per_class[["class", "support"]].rename(columns={"class": "curve"}).assign(kind="class")
        found = areas(self.roc, self.precision_recall).merge(support, on=["kind", "curve"], how="left")
        averages, classes = found[found["kind"] == "average"], found[found["kind"] == "class"]
        return pd.concat([averages, classes.sort_values("auc", kind="stable")], ignore_index=True)

    @functools.cached_property
    def class_order(self) -> tuple[str, ...]:
        """The classes so that those taken for each other lie together."""
        return tuple(self.predictions.classes[c] for c in order_by_confusion(self.predictions.confusion))

    @property
    def in_words(self) -> str:
        """How good it is, on what, how sure that is, and whether it beats doing nothing, in one sentence."""
        pictures = PICTURES.get(self.predictions.split, "pictures")
        without = {name: float(figures["accuracy"] or 0) for name, figures in self.baselines.items()}
        return verdict.in_words(pictures, len(self.predictions), float(self.figures["accuracy"] or 0), self.intervals["accuracy"], without)

    def cheapest(self, positive: int = 1, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> Decision | None:
        """Of two classes the cheapest threshold for one of them, chosen on the validation pictures, and what it does on these; else None."""
        given, tested = self.validation, self.predictions
        if given is None or len(tested.classes) != 2 or self.calibration is None:
            return None
        place = cheapest_threshold(given.labels, given.probabilities, positive, of_a_miss, of_a_false_alarm)
        return decide(tested.labels, tested.probabilities, place, positive)

    def threshold(self, of_a_miss: float = 1.0, of_a_false_alarm: float = 1.0) -> dict[str, Any] | None:
        """The cheapest one for the second of two classes as JSON; else None."""
        found = self.cheapest(1, of_a_miss, of_a_false_alarm)
        return {"positive": self.predictions.classes[1], **found.to_json(of_a_miss, of_a_false_alarm)} if found else None

    def to_document(self) -> dict[str, Any]:
        """All of it as JSON but the points of curves; a figure that there is none of is null."""
        calibration, areas = self.calibration, {"roc": _areas(self.roc), "average_precision": _areas(self.precision_recall)}
        return {
            "pictures": len(self.predictions),
            "in_words": self.in_words,
            "figures": intervals.table(self.figures, self.intervals),
            "baselines": self.baselines,
            "classes": json.loads(self.per_class.to_json(orient="records", double_precision=15)),
            "confusion": self.predictions.confusion.tolist(),
            "class_order": self.class_order,
            "worst_pairs": json.loads(worst_pairs(self.predictions).to_json(orient="records", double_precision=15)),
            "areas": areas,
            "calibration": calibration.to_json() if calibration else None,
            "reliability": json.loads(self.reliability.to_json(orient="records", double_precision=15)),
            "threshold": self.threshold(),
        }


def evaluate_run(run_dir: Path) -> dict[str, Evaluation]:
    """The evaluation of a finished run on its test pictures, and of one on two domains also on the source's; by name of the part.

    That of a trial of a study is on its validation pictures.

    Raises NotFoundError when the run left no predictions.
    """
    summary = load_summary(run_dir)
    return {name: evaluate_part(run_dir, name) for name in (judged_part(summary), *(["source_test"] if summary.get("source_test_images") else []))}


def evaluate_part(run_dir: Path, name: str) -> Evaluation:
    """The same of one part alone, of JUDGED. Raises NotFoundError when the run left no predictions for it."""
    predictions = load_predictions(run_dir, name)
    return Evaluation(predictions, _first_of(run_dir, JUDGED[name]), baselines.of_run(run_dir, load_summary(run_dir), predictions))


def classes_by(found: Evaluation, figure: str) -> pd.DataFrame:
    """`Evaluation.per_class` with the worst first by recall, precision or f1, and a column `mean` of it.

    Classes that the pictures don't tell this figure of are left out.
    """
    known = found.per_class[found.per_class[f"{figure}_low"].notna()]
    return known.sort_values([figure, "support"], ascending=[True, False], kind="stable", ignore_index=True).assign(mean=known[figure].mean())


def figure_table(parts: Mapping[str, Evaluation]) -> pd.DataFrame:
    """Every headline figure of each part, to take along: part, figure, value, low, high, and a column a baseline."""
    rows = [
        {"part": part, "figure": name, **each, **{baseline: found.baselines.get(baseline, {}).get(name) for baseline in verdict.BASELINES}}
        for part, found in parts.items() for name, each in intervals.table(found.figures, found.intervals).items()
    ]
    return pd.DataFrame(rows).astype({name: float for name in ("value", "low", "high", *verdict.BASELINES)})


def validation_of(run_dir: Path) -> Predictions | None:
    """The answers to validation pictures, the target's where its labels may be read; None where the run left none."""
    return _first_of(run_dir, ("val", "source_val"))


def _first_of(run_dir: Path, names: tuple[str, ...]) -> Predictions | None:
    for name in names:
        try:
            return load_predictions(run_dir, name)
        except NotFoundError:
            continue
    return None


def _areas(curves: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By kind and name of the curve: a class may be called like an average."""
    first = curves.drop_duplicates(["kind", "curve"])
    return {kind: dict(zip(first.loc[first["kind"] == kind, "curve"], np.asarray(first.loc[first["kind"] == kind, "area"], float).tolist(), strict=True)) for kind in ("class", "average")}

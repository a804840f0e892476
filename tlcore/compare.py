"""Several finished runs on the same test pictures: their figures, and the settings that differ."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.config import RunConfig
from tlcore.confusions import class_table, difference, disagreements
from tlcore.errors import ConflictError, InputError
from tlcore.intervals import Interval, as_json, intervals
from tlcore.resampling import resampled
from tlcore.results import (
    DOMAINS,
    PICTURES,
    Predictions,
    judged_part,
    load_predictions,
    load_summary,
)
from tlcore.run_names import short_names
from tlcore.same_pictures import OtherPictures, check, on_common_pictures
from tlcore.seeds import groups, mean_and_spread
from tlcore.significance import Pair, best, most_telling, paired
from tlcore.store import Job, JobState
from tlcore.workspace import Workspace

__all__ = ["DOMAINS", "FEWEST", "MOST", "RUN_FIGURES", "TEST_FIGURES", "Comparison", "OtherPictures", "compare_runs", "differing_settings", "on_common_pictures"]

FEWEST, MOST = 2, 8
TEST_FIGURES = metrics.FIGURES
RUN_FIGURES = ("seconds", "epochs", "total_params", "trainable_params", "model_bytes", "latency_ms")


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What several runs have in common and where they part.

    `metrics`: one row a run: run (id), title, the test figures, then seconds, epochs, total_params,
    trainable_params, model_bytes, latency_ms. `settings`: one row for each setting that is not equal in all runs:
    setting, then one column a run, named by its id. `predictions`: by run id, the pictures in one order.
    `left_out`: pictures of each run that not all were tested on, where the common ones were asked for.
    `same_but_seed`: groups of runs that differ in nothing but seeds, each run in one.
    `domain`: whose test pictures, one of DOMAINS.

    What takes a while is computed when it is first asked for, and kept.
    """

    metrics: pd.DataFrame
    settings: pd.DataFrame
    predictions: dict[int, Predictions]
    left_out: dict[int, int]
    same_but_seed: list[tuple[int, ...]]
    domain: str = "target"

    @property
    def runs(self) -> list[int]:
        return list(self.predictions)

    @property
    def pictures(self) -> str:
        """On what the runs are compared: `test pictures`, or those by which trials of a study are judged."""
        return PICTURES[next(iter(self.predictions.values())).split]

    @property
    def labels(self) -> np.ndarray:
        return next(iter(self.predictions.values())).labels

    @property
    def classes(self) -> tuple[str, ...]:
        return next(iter(self.predictions.values())).classes

    @functools.cached_property
    def titles(self) -> dict[int, str]:
        return dict(zip(self.metrics["run"].tolist(), self.metrics["title"].tolist(), strict=True))

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """Short ones for legends, which tell the runs apart, see `run_names.short_names`."""
        return short_names(self.titles, self.settings)

    @functools.cached_property
    def spoken(self) -> dict[int, str]:
        """Names as they stand in a sentence: `run 3 (quick steps)`."""
        return {run: f"run {run} ({name.partition(' · ')[2]})" for run, name in self.names.items()}

    @functools.cached_property
    def _drawn(self) -> dict[int, dict[str, np.ndarray]]:
        """The figures of all runs on the same redrawn pictures."""
        return dict(zip(self.predictions, resampled(self.labels, [each.probabilities for each in self.predictions.values()]), strict=True))

    @functools.cached_property
    def intervals(self) -> dict[int, dict[str, Interval | None]]:
        """Of each run the 95% interval of each test figure."""
        return {run: intervals(each.labels, each.probabilities, self._drawn[run]) for run, each in self.predictions.items()}

    @functools.cached_property
    def pairs(self) -> list[Pair]:
        """Every two runs: the differences with their intervals and tests."""
        return paired(self.labels, {run: each.probabilities for run, each in self.predictions.items()}, self._drawn)

    def compute(self) -> None:
        """Intervals and tests, now rather than when they are asked for."""
        _ = self.intervals, self.pairs

    def telling_pairs(self, figure: str) -> list[Pair]:
        """The pairs, those first whose difference in this figure is the surest."""
        return most_telling(self.pairs, figure)

    @functools.cached_property
    def best(self) -> dict[str, int | None]:
        """For each test figure the run that is really better than each other one; None where there is none."""
        return {name: best(self.pairs, name) for name in TEST_FIGURES}

    @functools.cached_property
    def groups(self) -> pd.DataFrame:
        """Runs that differ only in the seed: runs, title, count, and every figure's mean and standard deviation."""
        return mean_and_spread(self.metrics, self.same_but_seed, [*TEST_FIGURES, *RUN_FIGURES])

    @functools.cached_property
    def class_table(self) -> pd.DataFrame:
        """Of every run each class with intervals, see `confusions.class_table`."""
        return class_table(self.predictions)

    def by_class(self, figure: str) -> pd.DataFrame:
        """One figure of each class: class, support, one column a run, named by its id, and spread (largest less smallest), the widest first."""
        columns = {str(run): part[figure].to_numpy() for run, part in self.class_table.groupby("run", sort=False)}
        support = np.bincount(self.labels, minlength=len(self.classes))
        table = pd.DataFrame({"class": list(self.classes), "support": support, **columns})
        table["spread"] = np.ptp(np.stack(list(columns.values())), axis=0)
        return table.sort_values("spread", ascending=False, kind="stable", ignore_index=True)

    @functools.cached_property
    def disagreements(self) -> pd.DataFrame:
        """Pictures that not all runs take for the same class, see `confusions.disagreements`."""
        return disagreements(self.predictions)

    def confusions(self) -> pd.DataFrame:
        """The confusion matrices below each other, one row a cell that isn't empty: run, then as in `Predictions.confusion_cells`."""
        return pd.concat([each.confusion_cells().assign(run=run) for run, each in self.predictions.items()], ignore_index=True)[["run", "true", "predicted", "count", "share", "kind"]]

    def confusion_difference(self, one: int, other: int) -> pd.DataFrame:
        """What changes in the confusion matrix from one run to another, see `confusions.difference`."""
        return difference(self.predictions[one], self.predictions[other])

    def figures(self) -> pd.DataFrame:
        """One row a run to take along: run, title, every test figure with figure_low, figure_high and figure_best, then what the run took."""
        rows = []
        for row in self.metrics.to_dict("records"):
            told: dict[str, Any] = {"run": row["run"], "title": row["title"]}
            for name in TEST_FIGURES:
                ends = as_json(self.intervals[row["run"]][name])
                told |= {name: row[name], f"{name}_low": ends["low"], f"{name}_high": ends["high"], f"{name}_best": self.best[name] == row["run"]}
            rows.append(told | {name: row[name] for name in RUN_FIGURES})
        return pd.DataFrame(rows)

    def to_document(self) -> dict[str, Any]:
        """All of it as JSON; a figure that there is none of is null."""
        rows = records(self.metrics)
        for row in rows:
            of_run = row["run"]
            row["name"], row["confusion"] = self.names[of_run], self.predictions[of_run].confusion.tolist()
            row["intervals"] = {name: as_json(each) for name, each in self.intervals[of_run].items()}
        pairs = [pair.to_json() | {"confusion_difference": records(self.confusion_difference(pair.a, pair.b))} for pair in self.pairs]
        return {
            "domain": self.domain,
            "pictures": len(self.labels),
            "compared_on": self.pictures,
            "class_names": self.classes,
            "left_out": self.left_out,
            "runs": rows,
            "best": self.best,
            "pairs": pairs,
            "same_but_seed": records(self.groups),
            "classes": records(self.class_table),
            "disagreements": records(self.disagreements),
            "settings_that_differ": records(self.settings),
        }


def compare_runs(
    jobs: Sequence[Job], workspace: Workspace, load: Callable[[int], Predictions] | None = None, common: bool = False, domain: str = "target"
) -> Comparison:
    """Compare two to eight finished runs; `load` gives the predictions that a run is judged by where the caller keeps them.

    common: where they were tested on other pictures, evaluate them on those that all were tested on.
    domain: on the test pictures of the target, or of the source, which all must have.

    Raises: InputError for another number of runs, or where one has no source; ConflictError where one isn't finished, or
    they share no picture where the common ones are asked for; its child OtherPictures where they were not
    tested on the same pictures, or on the same classes, naming what differs.
    """
    _check(jobs, domain)
    predictions = {job.id: load(job.id) if load else load_predictions(workspace.run(job.id), judged_part(job.result or {}, domain)) for job in jobs}
    check(jobs, predictions, common, domain)
    aligned = on_common_pictures(predictions)
    if not len(aligned[jobs[0].id]):
        raise ConflictError("These runs share no test picture, so there is nothing to compare them on. Choose others.")
    return Comparison(
        metrics=pd.DataFrame([_figures(job, aligned[job.id], load_summary(workspace.run(job.id))) for job in jobs]),
        settings=differing_settings({job.id: job.config for job in jobs}),
        predictions=aligned,
        left_out={run: len(each) - len(aligned[run]) for run, each in predictions.items()},
        same_but_seed=groups({job.id: job.config for job in jobs}),
        domain=domain,
    )


def differing_settings(configs: Mapping[int, RunConfig]) -> pd.DataFrame:
    """Settings with dotted names that are not equal in all runs, as text; the name of a run is none."""
    flat = {str(run): dict(_flatten(config.model_dump(mode="json", exclude={"name"}))) for run, config in configs.items()}
    names = list(dict.fromkeys(name for settings in flat.values() for name in settings))
    rows = [
        {"setting": name} | {run: _text(settings.get(name)) for run, settings in flat.items()}
        for name in names
        if len({_text(settings.get(name)) for settings in flat.values()}) > 1
    ]
    return pd.DataFrame(rows, columns=["setting", *flat])


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as JSON."""
    return json.loads(table.to_json(orient="records", double_precision=15))


def _check(jobs: Sequence[Job], domain: str) -> None:
    """Are these runs that can be compared at all?"""
    if not FEWEST <= len({job.id for job in jobs}) <= MOST:
        raise InputError(f"A comparison takes {FEWEST} to {MOST} different runs, not {len({job.id for job in jobs})}. Choose others.")
    if unfinished := [job for job in jobs if job.state != JobState.done]:
        states = ", ".join(f"run {job.id} is {job.state}" for job in unfinished)
        raise ConflictError(f"Only finished runs have figures to compare: {states}. Wait, resume, or leave it out.")
    untested = [f"run {job.id}" for job in jobs if (job.result or {}).get("judged_on")]
    if untested and len(untested) < len(jobs):
        raise ConflictError(
            f"Trials of a study are judged by their validation pictures: {', '.join(untested)}. Others have test figures, which can't be held against these. "
            "Compare trials with each other, or promote one: a promoted run is tested."
        )
    if domain == "source" and (without := [str(job.id) for job in jobs if "source_test" not in (job.result or {})]):
        raise InputError(f"Not tested on a source: run {', run '.join(without)}. Compare on the target, or leave {'it' if len(without) == 1 else 'them'} out.")


def _figures(job: Job, predictions: Predictions, summary: Mapping[str, Any]) -> dict[str, Any]:
    test = metrics.evaluate(predictions.labels, predictions.probabilities)
    # Runs of earlier versions, and models that OpenVINO can't take, have no latency.
    cost = {name: float("nan") if summary.get(name) is None else summary[name] for name in RUN_FIGURES}
    return {"run": job.id, "title": job.title} | test | cost


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _text(value: Any) -> str:
    """A setting as a person reads it."""
    if value is None or value == []:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

"""Several finished runs on the same test pictures: their figures, and the settings that differ."""

from __future__ import annotations

import collections
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
from tlcore.results import Predictions, load_predictions, load_summary
from tlcore.seeds import groups, mean_and_spread
from tlcore.significance import Pair, best, paired
from tlcore.store import Job, JobState
from tlcore.workspace import Workspace

FEWEST, MOST = 2, 8
TEST_FIGURES = metrics.FIGURES
RUN_FIGURES = ("seconds", "epochs", "total_params", "trainable_params", "model_bytes")


class OtherPictures(ConflictError):
    """Two runs that were tested on other pictures; `common` of these in both can be evaluated, 0 where the classes differ."""

    def __init__(self, message: str, common: int) -> None:
        super().__init__(message)
        self.common = common


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What several runs have in common and where they part.

    `metrics`: one row a run: run (id), title, the test figures, then seconds, epochs, total_params,
    trainable_params, model_bytes. `settings`: one row for each setting that is not equal in all runs:
    setting, then one column a run, named by its id. `predictions`: by run id, the pictures in one order.
    `left_out`: pictures of each run that not all were tested on, where the common ones were asked for.
    `same_but_seed`: groups of runs that differ in nothing but seeds, each run in one.

    What takes a while is computed when it is first asked for, and kept.
    """

    metrics: pd.DataFrame
    settings: pd.DataFrame
    predictions: dict[int, Predictions]
    left_out: dict[int, int]
    same_but_seed: list[tuple[int, ...]]

    @property
    def labels(self) -> np.ndarray:
        return next(iter(self.predictions.values())).labels

    @functools.cached_property
    def _drawn(self) -> dict[int, dict[str, np.ndarray]]:
        """The figures of all runs on the same redrawn pictures."""
        return dict(zip(self.predictions, resampled(self.labels, [each.probabilities for each in self.predictions.values()]), strict=True))

    @functools.cached_property
    def intervals(self) -> dict[int, dict[str, Interval | None]]:
        """Of each run the 95 % interval of each test figure."""
        return {run: intervals(each.labels, each.probabilities, self._drawn[run]) for run, each in self.predictions.items()}

    @functools.cached_property
    def pairs(self) -> list[Pair]:
        """Every two runs: the differences with their intervals and tests."""
        return paired(self.labels, {run: each.probabilities for run, each in self.predictions.items()}, self._drawn)

    @functools.cached_property
    def best(self) -> dict[str, int | None]:
        """For each test figure the run that is really better than each other one; None where there is none."""
        return {name: best(self.pairs, name) for name in TEST_FIGURES}

    @functools.cached_property
    def groups(self) -> pd.DataFrame:
        """Runs that differ only in the seed: runs, title, count, and every figure's mean and standard deviation."""
        return mean_and_spread(self.metrics, self.same_but_seed, [*TEST_FIGURES, *RUN_FIGURES])

    @functools.cached_property
    def disagreements(self) -> pd.DataFrame:
        """Pictures that not all runs take for the same class, see `confusions.disagreements`."""
        return disagreements(self.predictions)

    def confusion_difference(self, one: int, other: int) -> pd.DataFrame:
        """What changes in the confusion matrix from one run to another, see `confusions.difference`."""
        return difference(self.predictions[one], self.predictions[other])

    def to_document(self) -> dict[str, Any]:
        """All of it as JSON; a figure that there is none of is null."""
        rows = _records(self.metrics)
        for row in rows:
            row["intervals"] = {name: as_json(each) for name, each in self.intervals[row["run"]].items()}
        pairs = [pair.to_json() | {"confusion_difference": _records(self.confusion_difference(pair.a, pair.b))} for pair in self.pairs]
        return {
            "pictures": len(self.labels),
            "left_out": self.left_out,
            "runs": rows,
            "best": self.best,
            "pairs": pairs,
            "same_but_seed": _records(self.groups),
            "classes": _records(class_table(self.predictions)),
            "disagreements": _records(self.disagreements),
            "settings_that_differ": _records(self.settings),
        }


def compare_runs(
    jobs: Sequence[Job], workspace: Workspace, load: Callable[[int], Predictions] | None = None, common: bool = False
) -> Comparison:
    """Compare two to eight finished runs; `load` gives a run's test predictions where the caller keeps them.

    common: where they were tested on other pictures, evaluate them on those that all were tested on.

    Raises: InputError for another number of runs; ConflictError where one isn't finished, or
    they share no picture where the common ones are asked for; its child OtherPictures where they were not
    tested on the same pictures, or on the same classes, naming what differs.
    """
    if not FEWEST <= len({job.id for job in jobs}) <= MOST:
        raise InputError(f"A comparison takes {FEWEST} to {MOST} different runs, not {len({job.id for job in jobs})}. Choose others.")
    if unfinished := [job for job in jobs if job.state != JobState.done]:
        states = ", ".join(f"run {job.id} is {job.state}" for job in unfinished)
        raise ConflictError(f"Only finished runs have figures to compare: {states}. Wait, resume, or leave it out.")
    predictions = {job.id: load(job.id) if load else load_predictions(workspace.run(job.id)) for job in jobs}
    first = predictions[jobs[0].id]
    for job in jobs[1:]:
        other = predictions[job.id]
        if other.classes != first.classes or not (common or set(_keys(other)) == set(_keys(first))):
            raise _difference(jobs[0], job, predictions)
    aligned = on_common_pictures(predictions)
    if not len(aligned[jobs[0].id]):
        raise ConflictError("These runs share no test picture, so there is nothing to compare them on. Choose others.")
    return Comparison(
        metrics=pd.DataFrame([_figures(job, aligned[job.id], load_summary(workspace.run(job.id))) for job in jobs]),
        settings=differing_settings({job.id: job.config for job in jobs}),
        predictions=aligned,
        left_out={run: len(each) - len(aligned[run]) for run, each in predictions.items()},
        same_but_seed=groups({job.id: job.config for job in jobs}),
    )


def on_common_pictures(predictions: Mapping[int, Predictions]) -> dict[int, Predictions]:
    """Of each run the pictures that all were tested on with the same label, in the order of the first.

    A picture that is there several times counts as often as where it is rarest. Nobody learnt from one of them: each run
    keeps its test pictures apart, and equal pictures on one side.
    """
    keys = {run: _keys(each) for run, each in predictions.items()}
    shared = set.intersection(*({*each} for each in keys.values()))
    chosen = {run: {key: at for at, key in enumerate(each) if key in shared} for run, each in keys.items()}
    order = [key for key in keys[next(iter(keys))] if key in shared]
    return {run: predictions[run].take(np.array([places[key] for key in order], np.int64)) for run, places in chosen.items()}


def _keys(predictions: Predictions) -> list[tuple[str, int, int]]:
    """Content id, label, and which of several equal pictures it is."""
    seen: collections.Counter[tuple[str, int]] = collections.Counter()
    keys = []
    for each in zip(predictions.content_ids.tolist(), predictions.labels.tolist(), strict=True):
        keys.append((*each, seen[each]))
        seen[each] += 1
    return keys


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


def _figures(job: Job, predictions: Predictions, summary: Mapping[str, Any]) -> dict[str, Any]:
    test = metrics.evaluate(predictions.labels, predictions.probabilities)
    return {"run": job.id, "title": job.title} | test | {name: summary[name] for name in RUN_FIGURES}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(table.to_json(orient="records", double_precision=15))


def _difference(first: Job, other: Job, predictions: Mapping[int, Predictions]) -> OtherPictures:
    """Which two runs, what differs, and what to do."""
    a, b = first.config, other.config
    a_classes, b_classes = (predictions[run.id].classes for run in (first, other))
    parts: dict[str, tuple[object, object]] = {
        "dataset": (a.dataset, b.dataset),
        "classes": (_names(a_classes), _names(b_classes)),
        "test share": (a.split.test_fraction, b.split.test_fraction),
        "split seed": (a.split.seed, b.split.seed),
    }
    halves = [run.source.dataset == run.dataset for run in (a, b)]  # Where one dataset is divided, the target has a part of the test pictures.
    if any(halves):
        parts["what the target has of the dataset"] = (_share(a), _share(b))
    if all(halves):
        parts["seed of the division"] = (a.target.seed, b.target.seed)
    differing = [f"{name} ({one} against {two})" for name, (one, two) in parts.items() if one != two]
    common = len(np.intersect1d(predictions[first.id].content_ids, predictions[other.id].content_ids))
    counts = f"{len(predictions[first.id]):,} and {len(predictions[other.id]):,} pictures, {common:,} of them in both"
    reason = f"they differ in {', '.join(differing)}" if differing else "the datasets have the same name but other pictures"
    usable = common if a_classes == b_classes else 0
    remedy = f"Compare them on the {usable:,} common ones (`compare … --common` on the command line), take" if usable else "Take"
    return OtherPictures(
        f"Runs {first.id} and {other.id} were tested on other pictures ({counts}): {reason}. "
        f"{remedy} run {other.id} out, or clone it with the settings of run {first.id}.",
        usable,
    )


def _share(config: RunConfig) -> str:
    return f"{config.target.fraction:.0%}" if config.source.dataset == config.dataset else "all"


def _names(classes: Sequence[str]) -> str:
    return ", ".join(classes) if len(classes) <= 6 else f"{', '.join(classes[:5])} and {len(classes) - 5} more"


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

"""Several finished runs on the same test pictures: their figures, and the settings that differ."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tlcore.config import RunConfig
from tlcore.errors import ConflictError, InputError
from tlcore.results import Predictions, load_predictions, load_summary
from tlcore.store import Job, JobState
from tlcore.workspace import Workspace

FEWEST, MOST = 2, 8
TEST_FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "precision", "recall", "auc", "log_loss")
RUN_FIGURES = ("seconds", "epochs", "total_params", "trainable_params", "model_bytes")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What several runs have in common and where they part.

    `metrics`: one row a run: run (id), title, the test figures, then seconds, epochs, total_params,
    trainable_params, model_bytes. `settings`: one row for each setting that is not equal in all runs:
    setting, then one column a run, named by its id. `predictions`: by run id.
    """

    metrics: pd.DataFrame
    settings: pd.DataFrame
    predictions: dict[int, Predictions]

    def to_document(self) -> dict[str, Any]:
        """Figures of each run and the settings that differ, as JSON; a figure that there is none of is null."""
        return {
            "runs": json.loads(self.metrics.to_json(orient="records")),
            "settings_that_differ": json.loads(self.settings.to_json(orient="records")),
        }


def compare_runs(jobs: Sequence[Job], workspace: Workspace, load: Callable[[int], Predictions] | None = None) -> Comparison:
    """Compare two to eight finished runs; `load` gives a run's test predictions where the caller keeps them.

    Raises: InputError for another number of runs; ConflictError where one isn't finished, or where
    they were not tested on the same pictures, naming what differs.
    """
    if not FEWEST <= len({job.id for job in jobs}) <= MOST:
        raise InputError(f"A comparison takes {FEWEST} to {MOST} different runs, not {len({job.id for job in jobs})}. Choose others.")
    if unfinished := [job for job in jobs if job.state != JobState.done]:
        states = ", ".join(f"run {job.id} is {job.state}" for job in unfinished)
        raise ConflictError(f"Only finished runs have figures to compare: {states}. Wait, resume, or leave it out.")
    predictions = {job.id: load(job.id) if load else load_predictions(workspace.run(job.id)) for job in jobs}
    for job in jobs[1:]:
        if not _same_pictures(predictions[jobs[0].id], predictions[job.id]):
            raise ConflictError(_difference(jobs[0], job, predictions))
    return Comparison(
        metrics=pd.DataFrame([_figures(job, load_summary(workspace.run(job.id))) for job in jobs]),
        settings=differing_settings({job.id: job.config for job in jobs}),
        predictions=predictions,
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


def _figures(job: Job, summary: Mapping[str, Any]) -> dict[str, Any]:
    test = {name: summary["test"][name] for name in TEST_FIGURES}
    return {"run": job.id, "title": job.title} | test | {name: summary[name] for name in RUN_FIGURES}


def _same_pictures(one: Predictions, other: Predictions) -> bool:
    """Equal pictures with equal labels, in whatever order."""
    return one.classes == other.classes and len(one) == len(other) and set(_labelled(one)) == set(_labelled(other))


def _labelled(predictions: Predictions) -> Iterable[tuple[str, int]]:
    return zip(predictions.content_ids.tolist(), predictions.labels.tolist(), strict=True)


def _difference(first: Job, other: Job, predictions: Mapping[int, Predictions]) -> str:
    """One sentence: which two runs, what differs, and what to do."""
    a, b = first.config, other.config
    parts = {
        "dataset": (a.dataset, b.dataset),
        "classes": (_names(predictions[first.id].classes), _names(predictions[other.id].classes)),
        "test share": (a.split.test_fraction, b.split.test_fraction),
        "split seed": (a.split.seed, b.split.seed),
    }
    differing = [f"{name} ({one} against {two})" for name, (one, two) in parts.items() if one != two]
    common = len(np.intersect1d(predictions[first.id].content_ids, predictions[other.id].content_ids))
    counts = f"{len(predictions[first.id]):,} and {len(predictions[other.id]):,} pictures, {common:,} of them in both"
    reason = f"they differ in {', '.join(differing)}" if differing else "the datasets have the same name but other pictures"
    return (
        f"Runs {first.id} and {other.id} were tested on other pictures ({counts}): {reason}. "
        f"Take run {other.id} out, or clone it with the settings of run {first.id}."
    )


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

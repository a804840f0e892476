"""Several finished runs on the test pictures of their source, where these are the same for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pandas as pd

from tlcore.compare import TEST_FIGURES
from tlcore.errors import ConflictError
from tlcore.metrics import evaluate
from tlcore.results import Predictions
from tlcore.store import Job


@dataclasses.dataclass(frozen=True)
class SourceFigures:
    """`metrics`: one row a run: run (id), title, the test figures. `predictions`: by run id."""

    metrics: pd.DataFrame
    predictions: dict[int, Predictions]


def source_figures(jobs: Sequence[Job], load: Callable[[int], Predictions]) -> SourceFigures:
    """Figures of runs that were all tested on a source; `load` gives a run's predictions there.

    Raises ConflictError where two were tested on other pictures of a source, naming them.
    """
    predictions = {job.id: load(job.id) for job in jobs}
    first = jobs[0]
    for job in jobs[1:]:
        if _labelled(predictions[first.id]) != _labelled(predictions[job.id]):
            names = f"{first.config.source.dataset} and {job.config.source.dataset}"
            raise ConflictError(
                f"Runs {first.id} and {job.id} were tested on other pictures of their sources ({names}), so their figures there say nothing about each other. "
                f"Look at the target, or take run {job.id} out."
            )
    rows = [{"run": job.id, "title": job.title} | _figures(predictions[job.id]) for job in jobs]
    return SourceFigures(pd.DataFrame(rows), predictions)


def _figures(tested: Predictions) -> dict[str, float | None]:
    found = evaluate(tested.labels, tested.probabilities)
    return {name: found[name] for name in TEST_FIGURES}


def _labelled(tested: Predictions) -> set[tuple[str, str]]:
    """Which pictures, with the names of their classes."""
    return {(str(picture), tested.classes[label]) for picture, label in zip(tested.content_ids.tolist(), tested.labels.tolist(), strict=True)}

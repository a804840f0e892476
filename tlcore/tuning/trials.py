"""A study as its readers see it: its trials, how far it is, and the best so far; made from the store alone."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tlcore.errors import NotFoundError
from tlcore.records import Job, JobState, Series
from tlcore.store import Store
from tlcore.tuning.study import Study

if TYPE_CHECKING:
    import pandas as pd
    import sqlalchemy as sa

KIND = "study"  # Of the series, and of the job that carries it out.
RECENT = 10  # Runs by which the time of the next is told.


class TrialState(StrEnum):
    """How far a trial came; `interrupted` ones are gone on with when the study is."""

    running = "running"
    done = "done"
    pruned = "pruned"
    failed = "failed"
    cancelled = "cancelled"
    interrupted = "interrupted"


ENDED = frozenset({TrialState.done, TrialState.pruned, TrialState.failed, TrialState.cancelled})


@dataclasses.dataclass(frozen=True)
class Trial:
    """One run of a study."""

    number: int  # Of the settings, from 0, in the order of asking; repeats of a finalist share it.
    run: int
    role: str  # "trial", "repeat" (the same settings with another seed) or "final" (the winner, tested).
    state: TrialState
    values: dict[str, Any]  # By dotted setting.
    seed: int
    score: float | None  # The goal's figure on validation pictures, at the best epoch; of a pruned one as far as it came.
    seconds: float
    note: str  # Why it was pruned or failed, in one sentence.

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclasses.dataclass(frozen=True)
class StudyView:
    """One study at one moment."""

    series: Series
    job: Job
    study: Study
    trials: tuple[Trial, ...]  # In the order in which their runs were made.

    @property
    def active(self) -> bool:
        return self.job.active

    @property
    def asked(self) -> int | None:
        """How many settings are to be tried; None where only the minutes end it."""
        return self.study.settings_to_try

    @property
    def settings(self) -> tuple[Trial, ...]:
        """The first run of each of the settings, without repeats."""
        return tuple(trial for trial in self.trials if trial.role == "trial")

    @property
    def finished(self) -> int:
        """How many settings were tried to their end, whatever it was."""
        return sum(trial.ended for trial in self.settings)

    @property
    def progress(self) -> float:
        """Share of all runs that is behind, from 0 to 1."""
        if self.job.state is JobState.done:
            return 1.0
        ended, left = sum(trial.ended for trial in self.trials), self.left
        return 0.0 if left is None else ended / (ended + left)

    @property
    def eta_s(self) -> float | None:
        """Seconds until the end, at the pace of the latest runs; None before the first has ended, and of a study that isn't at work."""
        pace, left = self._pace(), self.left
        return None if not self.active or pace is None or left is None else pace * left

    @property
    def best(self) -> Trial | None:
        """The settings that lead: those with the best mean over their seeds, where finalists were repeated."""
        return leader(self.trials, self.study)

    @property
    def final(self) -> Trial | None:
        """The run of the leading settings with the test pictures."""
        best = self.best
        return next((t for t in reversed(self.trials) if t.role == "final" and best is not None and t.number == best.number), None)

    def table(self) -> pd.DataFrame:
        """One row a run: number, run, role, state, score, seconds, note, and a column for each searched setting by its dotted name."""
        import pandas as pd  # Takes a second; the command line's other commands never need it.

        columns = ["number", "run", "role", "state", "score", "seconds", "note", *self.study.space]
        rows = [(t.number, t.run, t.role, t.state.value, t.score, t.seconds, t.note, *(t.values.get(key) for key in self.study.space)) for t in self.trials]
        return pd.DataFrame(rows, columns=columns).astype({"score": "float64", "seconds": "float64"})

    def _pace(self) -> float | None:
        """Seconds of a run, from the latest that ended."""
        latest = [trial.seconds for trial in self.trials if trial.ended][-RECENT:]
        return statistics.fmean(latest) if latest else None

    @property
    def left(self) -> float | None:
        """Runs that are yet to come, the one at work among them; None where that can't be told."""
        tried, pace, minutes = self.finished, self._pace(), self.study.budget.minutes
        open_ends = [] if self.asked is None else [float(max(0, self.asked - tried))]
        if minutes is not None and pace:
            open_ends.append(max(0.0, minutes * 60 - self.job.seconds) / pace)
        if not open_ends:
            return None
        settings = min(open_ends)
        repeats = sum(trial.ended for trial in self.trials if trial.role == "repeat")
        return settings + max(0.0, self._repeats(tried + settings) - repeats) + (0 if self.final and self.final.ended else 1)

    def _repeats(self, settings: float) -> float:
        finalists = self.study.finalists
        return (self.study.seeds - 1) * (settings if finalists is None else min(settings, finalists))


def gather(store: Store, series_id: int) -> StudyView:
    """A study with all its trials, in three queries. Raises NotFoundError."""
    job = store.trials.job(series_id)
    if job is None:
        raise NotFoundError(f"study {series_id} not found. `python -m tlcore studies list` and the Tune page list the ones that exist.")
    series = store.series.get(series_id)
    study = Study.model_validate(series.settings)
    return StudyView(series, job, study, tuple(_trial(row, study.goal.metric) for row in store.trials.of(series_id)))


def listed(store: Store) -> list[Series]:
    """Studies, newest first."""
    return store.series.listed(KIND)


def _trial(row: sa.RowMapping, metric: str) -> Trial:
    about, state = row["trial"], JobState(row["state"])
    end = about.get("end") or {}
    if end.get("attempt") != row["attempt"] or state is JobState.done:
        end = {}  # Of an attempt before, or overtaken by the result.
    shown = TrialState.running if state is JobState.queued else TrialState(state.value)
    if state is JobState.cancelled and end.get("pruned"):
        shown = TrialState.pruned
    figures = row["best"] if state is JobState.done else end.get("best")
    note = row["error"] or (row["message"] if shown is TrialState.pruned else "")
    return Trial(
        about["number"], row["id"], about["role"], shown, about["values"], about["seed"],
        (figures or {}).get(metric), max(0.0, row["worked_s"]), note or "",
    )


def leader(trials: Sequence[Trial], study: Study) -> Trial | None:
    """The best of the finished settings; the first of equals.

    Where finalists were repeated it is the best mean among those that finished most often.
    """
    scores: dict[int, list[float]] = {}
    for trial in trials:
        if trial.role != "final" and trial.state is TrialState.done and trial.score is not None:
            scores.setdefault(trial.number, []).append(trial.score)
    most = max(map(len, scores.values()), default=0)
    means = {number: statistics.fmean(found) for number, found in sorted(scores.items()) if len(found) == most}
    if not means:
        return None
    chosen = (min if study.goal.lower else max)(means, key=lambda number: means[number])
    return next((t for t in trials if t.role == "trial" and t.number == chosen), None)


def finalists(trials: Sequence[Trial], study: Study) -> list[Trial]:
    """The settings whose runs are to be repeated with other seeds, the best first."""
    done = [t for t in trials if t.role == "trial" and t.state is TrialState.done and t.score is not None]
    ranked = sorted(done, key=lambda t: ((t.score or 0.0) * (1 if study.goal.lower else -1), t.number))
    return ranked[: study.finalists]

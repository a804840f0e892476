"""A study inside its worker: ask for settings, make a run of them, carry it out, learn from it; then finalists, then the winner's test.

What comes next follows from the runs that are there, so a study that was stopped or whose worker was killed is gone
on with where it was.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tlcore import jobs
from tlcore.carry_out import run_job
from tlcore.choosing import Choice, better
from tlcore.errors import Cancelled, ConflictError, InputError, Interrupted, NotFoundError, Pruned
from tlcore.store import Job, JobState, Store
from tlcore.store_reporter import StoreReporter, patiently
from tlcore.tasks import Execute
from tlcore.tuning.pruning import RULES
from tlcore.tuning.study import METRICS, Study, config_of
from tlcore.tuning.suggest import Sampler
from tlcore.tuning.trials import TrialState, finalists, gather

MOST_FAILED = 10  # Trials in a row: then something is wrong with the study, not with their settings.
WAIT_S = 0.5  # For a run of this study that somebody else carries out.


class Next(NamedTuple):
    """One run that is to be made, or gone on with where it has a number."""

    role: str
    number: int
    values: Mapping[str, Any]
    seed: int
    run: int | None = None


class TrialReporter(StoreReporter):
    """Reports like any run's, and hears of its study's end and of its own prospects too."""

    def __init__(self, store: Store, job: Job, run_dir: Path, search: Search, judged: bool) -> None:
        super().__init__(store, job, run_dir)
        self._search, self._judged, self._number = search, judged, job.payload["trial"]["number"]
        self.pruned = False
        self._choice = Choice.of(job.payload["config"])
        self.best: dict[str, float] | None = None
        for record in store.epoch_records(job.id):
            self._look_at(record.epoch, {name: math.nan if value is None else value for name, value in record.metrics.items()})

    def check(self) -> None:
        super().check()
        self._search.check()

    def progress(self, fraction: float, message: str = "") -> None:
        super().progress(fraction, message)
        self._search.tell(fraction)

    def epoch(self, number: int, metrics: dict[str, float], checkpoint: Path | None) -> None:
        super().epoch(number, metrics, checkpoint)
        self._look_at(number, metrics)
        why = self._search.prospects(self._number, number, metrics) if self._judged else None
        if why:
            self.pruned = True
            self.commit()
            raise Pruned(why)

    def _look_at(self, number: int, metrics: dict[str, float]) -> None:
        if self.best is None or number <= self._choice.selects_from or better(metrics, self.best, self._choice.monitor):
            self.best = metrics


class Search:
    """One study at work."""

    def __init__(self, job: Job, store: Store, reporter: StoreReporter, execute: Execute) -> None:
        assert job.series is not None
        self._job, self._store, self._reporter, self._execute = job, store, reporter, execute
        self._series = job.series
        self._view = gather(store, self._series)
        self._study = self._view.study
        self._sampler = Sampler(store.workspace, self._series, self._study)
        self._rule = RULES.get(self._study.pruner)
        self._figures = self._recorded_figures()

    def run(self) -> dict[str, Any]:
        """Run after run until nothing is left to do; what the study found. Raises Cancelled, Superseded, InputError."""
        self._reporter.phase("search")
        while (following := self._next()) is not None:
            self._reporter.check()
            self._carry_out(following)
            self._view = gather(self._store, self._series)
            self._log(following)
            self._refuse_failure()
        return self._found()

    def check(self) -> None:
        """Raise Interrupted, for the run at work, when the study is to stop."""
        with _as_interruption():
            self._reporter.check()

    def tell(self, fraction: float) -> None:
        """Say how far the study is, with its run at work."""
        ended = sum(trial.ended for trial in self._view.trials)
        asked = self._view.asked
        whole = f" of {asked}" if asked else ""
        left = self._view.left
        share = 0.0 if left is None else (ended + fraction * min(1.0, left)) / max(1.0, ended + left)
        with _as_interruption():
            self._reporter.progress(min(share, 1.0), f"{self._view.finished}{whole} settings tried")

    def prospects(self, number: int, epoch: int, metrics: Mapping[str, float]) -> str | None:
        """Why trial `number` is hopeless after this epoch, if it is."""
        own = self._figures.setdefault(number, [])
        del own[epoch - 1 :]
        own.append(metrics.get(self._study.goal.metric, math.nan))
        others = (each for trial, each in self._figures.items() if trial != number)
        return self._rule(own, others, self._study.goal) if self._rule else None

    def _recorded_figures(self) -> dict[int, list[float]]:
        """The goal's figure by epoch of every trial that was made before."""
        if self._rule is None:
            return {}
        numbers = {trial.run: trial.number for trial in self._view.settings}
        found = self._store.validation(numbers, (self._study.goal.metric,))
        return {numbers[run]: [figure for figure, in figures] for run, figures in found.items()}

    def _next(self) -> Next | None:
        """What is to be done now, by what is there."""
        trials, study = self._view.trials, self._study
        self._sampler.learn(trials)
        for trial in trials:
            if not trial.ended:
                return Next(trial.role, trial.number, trial.values, trial.seed, trial.run)
        if not self._tried_enough():
            number = max((trial.number for trial in trials), default=-1) + 1
            values = self._sampler.ask(number, [trial.values for trial in self._view.settings])
            if values is not None:
                return Next("trial", number, values, study.base.train.seed)
        repeated = {(trial.number, trial.seed) for trial in trials if trial.role == "repeat"}
        for trial in finalists(trials, study):
            for seed in range(study.base.train.seed + 1, study.base.train.seed + study.seeds):
                if (trial.number, seed) not in repeated:
                    return Next("repeat", trial.number, trial.values, seed)
        best = self._view.best
        if best is not None and self._view.final is None:
            return Next("final", best.number, best.values, study.base.train.seed)
        return None

    def _tried_enough(self) -> bool:
        asked, minutes = self._view.asked, self._study.budget.minutes
        if asked is not None and self._view.finished >= asked:
            return True
        return minutes is not None and self._reporter.worked_s() >= minutes * 60

    def _carry_out(self, following: Next) -> None:
        """Make the run, or take it up again, and bring it to its end; settings that don't go together are a failed one."""
        if following.run is not None:
            run = self._store.take_up(self._job, following.run)
            if run is None:
                self._wait_for(following.run)
                return
        else:
            config, problem = self._settings(following)
            about = {"number": following.number, "values": dict(following.values), "role": following.role, "seed": following.seed}
            row = {**config, "payload": {**config["payload"], "trial": about}}
            run = patiently(lambda: self._store.begin(self._job, row))
            if problem is not None:
                patiently(lambda: self._store.finish(run, JobState.failed, error=str(problem)))
                return
        reporter = TrialReporter(self._store, run, self._store.workspace.run(run.id), self, following.role == "trial")
        run_job(self._store, run, self._execute, reporter, lambda state: self._ending(run, reporter, state))
        self.check_for_stop()

    def check_for_stop(self) -> None:
        """Raise Cancelled at once when the study was asked to stop, not only at the next look."""
        if self._store.job(self._job.id).cancel_requested:
            raise Cancelled("Cancelled.")

    def _settings(self, following: Next) -> tuple[dict[str, Any], Exception | None]:
        """The run's row, and why it can't be carried out; then the row has the settings of the base."""
        title = _title(self._study, following)
        try:
            config = config_of(self._study, following.values, following.seed, title)
            return jobs.run_row(self._store, config, {}), None
        except (InputError, NotFoundError, ConflictError) as problem:
            base = self._study.base.model_copy(update={"name": title})
            return jobs.run_row(self._store, base, {}), problem

    def _ending(self, run: Job, reporter: TrialReporter, state: JobState) -> Mapping[str, Any]:
        """What a trial that isn't done had reached goes into its payload: it has no result."""
        if state is JobState.done:
            return {}
        best = None if reporter.best is None else {name: value for name, value in reporter.best.items() if name.startswith("val_")}
        end = {"attempt": run.attempt, "pruned": reporter.pruned, "best": best}
        return {"payload": {**run.payload, "trial": {**run.payload["trial"], "end": end}}}

    def _wait_for(self, run: int) -> None:
        """Until somebody else has brought a run of this study to its end: it was resumed by itself."""
        while self._store.job(run).active:
            jobs.reap(self._store)
            self._reporter.check()
            time.sleep(WAIT_S)

    def _log(self, following: Next) -> None:
        """A line about the run that has just ended."""
        ended = self._view.trials[-1] if following.run is None else next((trial for trial in self._view.trials if trial.run == following.run), None)
        if ended is not None:
            how = ended.state.value if ended.score is None else f"{ended.state.value}, {METRICS[self._study.goal.metric]} {ended.score:.4f}"
            self._reporter.log(f"{_what(following).capitalize()} (run {ended.run}): {how}, {ended.seconds:.1f} s.")

    def _refuse_failure(self) -> None:
        """Raise InputError where trial after trial failed."""
        latest = [trial for trial in self._view.settings if trial.ended][-MOST_FAILED:]
        if len(latest) == MOST_FAILED and all(trial.state is TrialState.failed for trial in latest):
            raise InputError(f"{MOST_FAILED} trials in a row failed, the last one like this: {latest[-1].note} Change the study's settings, or continue it once this is mended.")

    def _found(self) -> dict[str, Any]:
        view, best, final = self._view, self._view.best, self._view.final
        if best is None:
            notes = [trial.note for trial in view.settings if trial.note]
            raise InputError("No trial came to its end, so there is no winner." + (f" The last one: {notes[-1]}" if notes else ""))
        tested = (self._store.job(final.run).result or {}) if final is not None else {}
        return {
            "trials": view.finished, "best": best.number, "best_run": best.run, "score": best.score, "values": best.values,
            "final_run": final.run if final else None, "test_accuracy": tested.get("test_accuracy"),
        }


@contextlib.contextmanager
def _as_interruption() -> Iterator[None]:
    """A study that is cancelled interrupts its run: that one was not cancelled itself."""
    try:
        yield
    except Cancelled as stop:
        raise Interrupted("Its study was stopped. Continue the study to go on from its last finished epoch.") from stop


def _title(study: Study, following: Next) -> str:
    return f"{study.title[:90]} · {_what(following)}"


def _what(following: Next) -> str:
    return {"trial": f"trial {following.number}", "repeat": f"trial {following.number}, seed {following.seed}", "final": f"winner, trial {following.number}"}[following.role]

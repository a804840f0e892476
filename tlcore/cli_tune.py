"""The commands on studies: `tune` queues one, `studies` lists, shows, stops, continues, promotes and deletes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore import config, jobs
from tlcore.config import RunConfig
from tlcore.errors import TLError
from tlcore.store import JobState, Store
from tlcore.tuning import findings, outlook
from tlcore.tuning import jobs as studies
from tlcore.tuning.presets import depth_sweep, quick_search
from tlcore.tuning.study import METRICS, Study, read_study
from tlcore.tuning.trials import StudyView, gather, listed

Outcome = tuple[int, dict[str, Any], str]
READY: dict[str, Callable[[RunConfig], Study]] = {"quick": quick_search, "depth": depth_sweep}
LOOK_EVERY_S = 1.0


def add_commands(command: Callable[..., argparse.ArgumentParser], group: Callable[[str, str], Any]) -> None:
    """Put `tune` and `studies` into the parser; `command` and `group` as in `cli.build_parser`."""
    tune = command("tune", tune_study, "Find the best settings: queue a study from a YAML file, see examples/study.yaml.")
    tune.add_argument("study", type=Path, metavar="STUDY.yaml")
    tune.add_argument("--ready", choices=list(READY), help="the file is a run's, as for `train`, and the study is a ready one of it: quick searches head, rate and dropout; depth tries every number of blocks that learn")
    tune.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a setting of the file, e.g. budget.trials=50 or base.train.epochs=5, with --ready train.epochs=5; may be repeated")
    tune.add_argument("--wait", action="store_true", help="wait until the study has ended, telling of each trial")
    among = group("studies", "List, show, stop, continue and delete studies; promote a trial.")
    command("list", list_studies, "List the studies.", among)
    command("show", show_study, "Show a study with its trials and what mattered.", among).add_argument("id", type=int)
    command("stop", stop_study, "Stop a study; `continue` goes on from the last finished epoch.", among).add_argument("id", type=int)
    more = command("continue", continue_study, "Go on with a study.", among)
    more.add_argument("id", type=int)
    more.add_argument("--trials", type=int, metavar="N", help="with so many more trials, also where it is done")
    more.add_argument("--wait", action="store_true", help="wait until the study has ended, telling of each trial")
    promote = command("promote", promote_trial, "Queue the settings of a trial as a run of its own, which is tested.", among)
    promote.add_argument("id", type=int)
    promote.add_argument("trial", type=int, help="number of the trial")
    command("delete", delete_study, "Delete a study with all its runs.", among).add_argument("id", type=int)


def tune_study(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace, parse_change

    store, _ = open_workspace()
    changes = dict(parse_change(change) for change in options.changes)
    study = READY[options.ready](config.read_config(options.study, changes)) if options.ready else read_study(options.study, changes)
    series = studies.submit(store, study)
    print(f"study {series} is queued: {_expected(store, study)}", file=sys.stderr, flush=True)
    return _ended(store, series) if options.wait else _shown(store, series)


def _expected(store: Store, study: Study) -> str:
    """How many runs, and how long."""
    count = outlook.runs(study).all
    runs = "as many runs as the minutes allow" if count is None else f"{count} runs at most"
    try:
        band = outlook.expected(store, study)
    except (TLError, OSError):  # No reason not to run it.
        band = None
    return runs if band is None else f"{runs}, about {band.likely / 60:.1f} min ({band.low / 60:.1f} to {band.high / 60:.1f} min)"


def list_studies(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    views = [gather(store, series.id) for series in listed(store)]
    rows = [{"study": view.series.id, "name": view.series.title, "status": str(view.job.state), "tried": view.finished, "asked": view.asked, "best": view.best.score if view.best else None} for view in views]
    lines = [f"study {view.series.id:>4} · {view.job.state:<11} · {view.finished}{f' of {view.asked}' if view.asked else ''} settings tried · {view.series.title}" for view in views]
    return 0, {"studies": rows}, "\n".join(lines) or "No studies yet: python -m tlcore tune examples/study.yaml"


def show_study(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    return _shown(open_workspace()[0], options.id)


def stop_study(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    studies.stop(store, options.id)
    jobs.wait(store, gather(store, options.id).job.id, timeout_s=10.0)
    return _shown(store, options.id)


def continue_study(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    studies.go_on(store, options.id, options.trials)
    return _ended(store, options.id) if options.wait else _shown(store, options.id)


def promote_trial(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    run = studies.promote(store, options.id, options.trial)
    return 0, {"run": run, "study": options.id, "trial": options.trial}, f"run {run} is queued with the settings of trial {options.trial}"


def delete_study(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    runs = studies.delete(open_workspace()[0], options.id)
    return 0, {"deleted": options.id, "runs": runs}, f"study {options.id} is deleted with its {runs} runs"


def _ended(store: Store, series: int) -> Outcome:
    """Wait for the end of a study, telling of each run on standard error, and show it; status 1 where it isn't done."""
    told: set[int] = set()
    while True:
        view = gather(store, series)
        for trial in view.trials:
            if trial.ended and trial.run not in told:
                told.add(trial.run)
                print(f"trial {trial.number} ({trial.role}): {trial.state}{_score(view, trial.score)}, {trial.seconds:.1f} s {trial.note}".rstrip(), file=sys.stderr, flush=True)
        if not view.active:
            status, document, text = _shown(store, series)
            return int(view.job.state is not JobState.done) or status, document, text
        jobs.ensure_supervisor(store.workspace)
        time.sleep(LOOK_EVERY_S)


def _shown(store: Store, series: int) -> Outcome:
    view = gather(store, series)
    return 0, document(store, view), in_words(store, view)


def document(store: Store, view: StudyView) -> dict[str, Any]:
    """All of a study as JSON."""
    mattered = findings.importance(view)
    return {
        "study": view.series.id, "name": view.series.title, "job": view.job.id, "status": str(view.job.state), "error": view.job.error,
        "asked": view.asked, "tried": view.finished, "progress": view.progress, "eta_s": view.eta_s, "seconds": view.job.seconds,
        "metric": view.study.goal.metric,
        "best": dataclasses.asdict(view.best) if view.best else None,
        "final": {**dataclasses.asdict(view.final), "test_accuracy": _test_accuracy(store, view)} if view.final else None,
        "importance": json.loads(mattered.to_json(orient="records")),
        "trials": [dataclasses.asdict(trial) for trial in view.trials],
        "settings": view.study.model_dump(mode="json"),
    }


def in_words(store: Store, view: StudyView) -> str:
    """State, trials, winner and what mattered, for a terminal."""
    asked = f" of {view.asked}" if view.asked else ""
    lines = [f"study {view.series.id} · {view.series.title} · {view.job.state}: {view.finished}{asked} settings tried in {view.job.seconds:.1f} s"]
    lines += [view.job.error] if view.job.error else []
    if view.trials:
        lines.append(view.table().to_string(index=False, na_rep="–", float_format=lambda value: f"{value:.4g}"))
    if view.best is not None:
        settings = ", ".join(f"{setting} {value}" for setting, value in view.best.values.items())
        lines.append(f"Best: trial {view.best.number}, run {view.best.run}{_score(view, view.best.score)}: {settings}")
    if (accuracy := _test_accuracy(store, view)) is not None and view.final is not None:
        lines.append(f"Tested once, by run {view.final.run}: test accuracy {accuracy:.4f}")
    if shares := findings.importance(view).to_dict("records"):
        lines.append("What mattered: " + ", ".join(f"{each['setting']} {each['importance']:.0%}" for each in shares))
    return "\n".join(lines)


def _score(view: StudyView, score: float | None) -> str:
    return "" if score is None else f", {METRICS[view.study.goal.metric]} {score:.4f}"


def _test_accuracy(store: Store, view: StudyView) -> float | None:
    return (store.job(view.final.run).result or {}).get("test_accuracy") if view.final is not None else None

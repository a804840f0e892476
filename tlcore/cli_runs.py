"""The commands on single runs: show with their evaluation, cancel, resume, compare."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlcore import evaluation, jobs
from tlcore.compare import DOMAINS, RUN_FIGURES, Comparison, OtherPictures, compare_runs
from tlcore.errors import InputError, NotFoundError
from tlcore.evaluation import PICTURES, Evaluation
from tlcore.figure_words import best_mark, with_interval, with_spread, written
from tlcore.forecast import outlook
from tlcore.metrics import FIGURES
from tlcore.report import report
from tlcore.run_findings import findings
from tlcore.significance import NAMES
from tlcore.store import Job, JobState, Store
from tlcore.tables import to_csv
from tlcore.workspace import Workspace, whole_file

Outcome = tuple[int, dict[str, Any], str]


def add_commands(command: Callable[..., argparse.ArgumentParser], runs: Any) -> None:
    """Put the actions of `runs` on one run and `compare` into the parser; `command` as in `cli.build_parser`, `runs` of `cli_tags`."""
    show = command("show", show_run, "Show a run with its epochs, and when it is done how good it is.", runs)
    show.add_argument("id", type=int)
    show.add_argument("--miss-cost", type=_price, default=1.0, metavar="COST", help="with two classes: what a picture of the second costs that is taken for the first")
    show.add_argument("--false-alarm-cost", type=_price, default=1.0, metavar="COST", help="with two classes: what a picture of the first costs that is taken for the second")
    command("cancel", cancel_run, "Stop a run; its committed epochs stay.", runs).add_argument("id", type=int)
    command("resume", resume_run, "Go on with a stopped run.", runs).add_argument("id", type=int)

    compare = command("compare", compare_run_ids, "Compare runs on the same test pictures.")
    compare.add_argument("ids", type=int, nargs="+", metavar="ID")
    compare.add_argument("--common", action="store_true", help="where they were tested on other pictures: evaluate them on the common ones")
    compare.add_argument("--domain", choices=list(DOMAINS), default="target", help="whose test pictures, where there are two domains")
    compare.add_argument("--report", type=Path, metavar="FILE", help="write all of it to a file as well: a page (.html), a document (.json) or the figures (.csv)")


def run_document(job: Job) -> dict[str, Any]:
    """What the command line says of a run; the keys of its summary stand beside `run` and `status`."""
    return {
        "run": job.id,
        "name": job.title,
        "status": str(job.state),
        "error": job.error,
        **(job.result or {}),
        "config": job.payload.get("config"),
        "forecast": job.payload.get("forecast"),
    }


def show_run(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, workspace = open_workspace()
    job = find_run(store, options.id)
    epochs = store.epochs(job.id)
    prices = options.miss_cost, options.false_alarm_cost
    evaluated = _evaluated(job, workspace)
    document = run_document(job) | {
        "history": json.loads(epochs.to_json(orient="records")),
        "predicted_against_actual": outlook.compared(job),
        "evaluation": {name: part.to_document() | {"threshold": part.threshold(*prices)} for name, part in evaluated.items()} if options.json else {},
        "findings": _findings(job, store, evaluated) if options.json and evaluated else None,
    }
    lines = [f"run {job.id} · {job.title} · {job.state}", epochs.to_string(index=False)]
    lines += [_told(name, part, prices) for name, part in evaluated.items()]
    return 0, document, "\n".join(lines)


def find_run(store: Store, run_id: int) -> Job:
    job = store.job(run_id)
    if job.kind != "train":
        raise InputError(f"job {run_id} is no run but an import. List the runs with `runs list`.")
    return job


def cancel_run(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    jobs.cancel(store, find_run(store, options.id).id)
    job = store.job(options.id)
    return 0, run_document(job), f"run {job.id} is {job.state}" + (", stopping" if job.active else "")


def resume_run(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, workspace = open_workspace()
    jobs.resume(store, find_run(store, options.id).id)
    jobs.ensure_supervisor(workspace)
    return 0, run_document(store.job(options.id)), f"run {options.id} is queued again"


def compare_run_ids(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, workspace = open_workspace()
    runs = [find_run(store, run_id) for run_id in options.ids]
    try:
        comparison = compare_runs(runs, workspace, common=options.common, domain=options.domain)
    except OtherPictures as error:
        raise InputError(f"{error} With --common they are evaluated on those." if error.common else str(error)) from None
    if options.report:
        _write_report(options.report, comparison, runs, store)
    text = _compared(comparison) + (f"\n\nThe report is in {options.report}" if options.report else "")
    return 0, comparison.to_document() if options.json else {}, text


def _write_report(path: Path, comparison: Comparison, runs: Sequence[Job], store: Store) -> None:
    """The comparison as a file of the kind that its name ends in. Raises InputError."""
    kinds: dict[str, Callable[[], str]] = {
        ".html": lambda: report(comparison, {run.id: store.epochs(run.id) for run in runs}, runs),
        ".json": lambda: json.dumps(comparison.to_document(), indent=2, ensure_ascii=False),
        ".csv": lambda: to_csv(comparison.figures()),
    }
    if path.suffix.lower() not in kinds:
        raise InputError(f"--report {path}: give a name that ends in {', '.join(kinds)}.")
    text = kinds[path.suffix.lower()]()
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--report {path}: can't be written ({error.strerror}). Give the path of a file in a folder that exists.") from None


def _price(text: str) -> float:
    """A cost from the command line: 0 or more."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no cost: give a number from 0 on")
    return value


def _evaluated(job: Job, workspace: Workspace) -> dict[str, Evaluation]:
    """Nothing for a run that left no predictions."""
    try:
        return evaluation.evaluate_run(workspace.run(job.id)) if job.state is JobState.done else {}
    except NotFoundError:
        return {}


def _findings(job: Job, store: Store, evaluated: Mapping[str, Evaluation]) -> dict[str, Any] | None:
    """None where the split or a dataset is gone: the figures above stand by themselves."""
    try:
        return findings(job, store, {name: part.predictions for name, part in evaluated.items()})
    except NotFoundError:
        return None


def _told(name: str, part: Evaluation, prices: tuple[float, float]) -> str:
    """An evaluation in a few lines."""
    lines = [f"\nOn {len(part.predictions):,} {PICTURES[name]}, with 95% intervals:"]
    lines += [f"  {NAMES[figure]:<18} {with_interval(figure, part.figures[figure], part.intervals[figure])}" for figure in FIGURES]
    against = [f"{each.replace('_', ' ')} {written('accuracy', found['accuracy'])}" for each, found in part.baselines.items()]
    lines += [f"Accuracy without learning: {', '.join(against)}."] if against else []
    lines += [part.calibration.in_words] if part.calibration else []
    if chosen := part.threshold(*prices):
        lines.append(
            f"'{chosen['positive']}' from {chosen['threshold']:.3f} on costs least on the validation pictures; here it misses {chosen['missed']} "
            f"and raises {chosen['false_alarms']} false alarm{'' if chosen['false_alarms'] == 1 else 's'}, at a cost of {chosen['cost']:g}."
        )
    return "\n".join(lines)


def _compared(comparison: Comparison) -> str:
    """A comparison in a few lines: figures by run, every pair in words, the settings that differ."""
    runs = list(comparison.predictions)
    table: dict[int, dict[Any, Any]] = {row["run"]: row for row in comparison.metrics.to_dict("records")}
    cells = [["", *(f"run {run}" for run in runs)]]
    for figure in FIGURES:
        cells.append([NAMES[figure], *(best_mark(comparison.best, figure, run) + with_interval(figure, table[run][figure], comparison.intervals[run][figure]) for run in runs)])
    cells += [[name.replace("_", " "), *(written(name, table[run][name]) for run in runs)] for name in RUN_FIGURES]
    widths = [max(len(row[column]) for row in cells) for column in range(len(runs) + 1)]
    lines = [f"On the same {len(comparison.labels):,} {comparison.pictures}, with 95% intervals; ★ better than each other run, and not by chance:"]
    lines += ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    if left_out := ", ".join(f"{count:,} of run {run}" for run, count in comparison.left_out.items() if count):
        lines.append(f"Left out, as not all were tested on them: {left_out}.")
    lines += ["", *(pair.in_words() for pair in comparison.telling_pairs("accuracy"))]
    lines += [_scatter(group) for group in comparison.groups.to_dict("records")]
    settings = "Settings that differ:\n" + comparison.settings.to_string(index=False) if len(comparison.settings) else "All settings are equal."
    return "\n".join([*lines, "", settings])


def _scatter(group: Mapping[Any, Any]) -> str:
    runs = ", ".join(map(str, group["runs"]))
    return f"Runs {runs} differ only in the seed: accuracy {with_spread('accuracy', group['accuracy_mean'], group['accuracy_sd'])} (mean ± standard deviation)."

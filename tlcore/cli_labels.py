"""The command on label curves: queue one, wait for it, show it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore import config, jobs, label_curve
from tlcore.errors import InputError, TLError
from tlcore.label_points import LabelCurve, answer, gather
from tlcore.store import JobState, Series, Store

Outcome = tuple[int, dict[str, Any], str]


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Put `labels` into the parser; `command` as in `cli.build_parser`."""
    labels = command("labels", label_curve_command, "Does transfer help? Queue runs from scratch, frozen and fine-tuned at several numbers of labels, or show such a series.")
    labels.add_argument("config", type=Path, nargs="?", metavar="FILE.yaml", help="a run's settings, as for `train`")
    labels.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a setting, e.g. train.epochs=5; may be repeated")
    labels.add_argument("--seeds", type=int, default=label_curve.SEEDS, help="runs of each kind; more make the intervals narrower")
    labels.add_argument("--epochs", type=int, default=label_curve.LEAST_EPOCHS, metavar="N", help="epochs that each way gets at least, with all labels, though train.epochs of the file be fewer; early stopping may end sooner")
    labels.add_argument("--series", type=int, metavar="ID", help="instead of a file: show this series as it is now")
    labels.add_argument("--wait", action="store_true", help="wait until all runs have ended")


def label_curve_command(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace, parse_change

    if (options.config is None) == (options.series is None):
        raise InputError("labels: give either FILE.yaml or --series ID.")
    store, _ = open_workspace()
    text: list[str] = []
    if options.series is not None:
        series = find(store, options.series).id
    else:
        settings = config.read_config(options.config, dict(parse_change(change) for change in options.changes))
        series, text = _queue(store, settings, options.seeds, options.epochs)
    if options.wait:
        print("\n".join(text), file=sys.stderr, flush=True)
        text = []
        _wait(store, series)
    curve = gather(store.series.get(series), store.series.jobs(series))
    failed = options.wait and any(job.state is not JobState.done for job in curve.runs)
    return int(failed), {"series": series, **curve.to_document()}, "\n".join([*text, in_words(series, curve)])


def find(store: Store, series_id: int) -> Series:
    """A series that is a label curve. Raises NotFoundError, InputError."""
    series = store.series.get(series_id)
    if series.kind != label_curve.KIND:
        raise InputError(f"series {series_id} ({series.title}) is no label curve but of kind '{series.kind}'.")
    return series


def _queue(store: Store, settings: config.RunConfig, seeds: int, least_epochs: int) -> tuple[int, list[str]]:
    """Queue all runs; the number of the series, and what there is to say of it."""
    jobs.check_run(settings, store.dataset(settings.dataset), store)
    planned = label_curve.plan_for(store, settings, seeds, least_epochs)
    try:
        expected = label_curve.forecasts(store, planned)
        time = label_curve.expected_seconds(planned, expected)
        forecast = f"about {time.likely / 60:.0f} min one after the other ({time.low / 60:.0f} to {time.high / 60:.0f} min)"
    except (OSError, TLError) as error:  # No reason not to run it.
        expected, forecast = {}, f"no forecast ({error})"
    series = label_curve.submit(store, planned, expected)
    said = [f"series {series}: {len(planned.runs)} runs are queued, {forecast}", *planned.choices, *(f"Left out: {sentence}" for sentence in planned.left_out)]
    return series, said


def _wait(store: Store, series: int) -> None:
    """Wait for the end of all runs, telling of each on standard error."""
    for run in [job.id for job in store.series.jobs(series)]:
        job = jobs.wait(store, run)
        result = f"test accuracy {job.result['test_accuracy']:.4f}, {job.seconds:.1f} s" if job.result else job.error or ""
        print(f"run {run} {job.state}: {job.title}: {result}", file=sys.stderr, flush=True)


def in_words(series: int, curve: LabelCurve) -> str:
    """State, table and answer for a terminal."""
    table = curve.table().to_string(index=False, na_rep="–", float_format=lambda value: f"{value:.4f}") if curve.points else f"no finished run yet: python -m tlcore labels --series {series}"
    return "\n".join([f"series {series} · {curve.title}: {curve.progress}", table, *answer(curve)])

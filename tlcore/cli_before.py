"""Commands on settings that have not run yet: find a learning rate, and see whether more labels would help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore import before_run, config, rate_range
from tlcore.cli_runs import find_run
from tlcore.config import RunConfig
from tlcore.errors import InputError
from tlcore.growth import in_words as growth_in_words
from tlcore.store import Job, JobState, Store

Outcome = tuple[int, dict[str, Any], str]


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Put `rate` and `more` into the parser; `command` as in `cli.build_parser`."""
    rate = command("rate", find_rate, "Find a learning rate: let it rise from mini-batch to mini-batch, and see where the loss falls fastest.")
    _add_settings(rate)
    rate.add_argument("--low", type=float, default=rate_range.LOWEST, help="rate of the first mini-batch")
    rate.add_argument("--high", type=float, default=rate_range.HIGHEST, help="rate of the last one")
    rate.add_argument("--steps", type=int, default=rate_range.STEPS, metavar="N", help="mini-batches; more make the curve finer")
    more = command("more", ask_for_more, "Would more labels help? Refit the head with fewer of them, and see what twice as many would bring.")
    _add_settings(more)


def _add_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", type=Path, nargs="?", metavar="FILE.yaml", help="a run's settings, as for `train`")
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a setting of the file, e.g. train.batch_size=64; may be repeated")
    command.add_argument("--run", type=int, metavar="ID", help="instead of a file: the settings of this run")


def find_rate(options: argparse.Namespace) -> Outcome:
    store, settings = _settings(options)
    job = _done(store, before_run.submit_rate(store, settings, options.low, options.high, options.steps))
    found = before_run.rate_found(job)
    assert found is not None
    said = rate_range.in_words(found)
    figures = {"suggestion": found.suggestion, "lowest": found.rates[found.lowest], "diverges": found.diverges}
    return 0, {"job": job.id, **figures, "answer": said, **found.to_json(), "smooth": found.smooth.tolist()}, "\n".join(said)


def ask_for_more(options: argparse.Namespace) -> Outcome:
    store, settings = _settings(options)
    job = _done(store, before_run.submit_more(store, settings))
    found = before_run.growth_found(job)
    assert found is not None
    said = growth_in_words(found)
    rows = [f"{labels:>9,} {sum(each) / len(each):>9.1%}" for labels, each in zip(found.labels, found.accuracies, strict=True)]
    named = {
        "law": found.law._asdict(), "gain": found.gain._asdict(),
        "curve": [{"labels": each.labels, **each.accuracy._asdict()} for each in found.curve],
        "classes": [{**each._asdict(), "gain": each.gain._asdict()} for each in found.classes],
    }
    return 0, {"job": job.id, "answer": said, **found.to_json(), **named}, "\n".join([*said, "   labels  accuracy", *rows])


def _settings(options: argparse.Namespace) -> tuple[Store, RunConfig]:
    from tlcore.cli import open_workspace, parse_change

    if (options.config is None) == (options.run is None):
        raise InputError("give either FILE.yaml or --run ID.")
    store, _ = open_workspace()
    if options.run is not None:
        if options.changes:
            raise InputError("--set changes the settings of a file. Save the run's settings as a file to change them.")
        return store, find_run(store, options.run).config
    return store, config.read_config(options.config, dict(parse_change(change) for change in options.changes))


def _done(store: Store, job_id: int) -> Job:
    from tlcore.cli import wait_with_progress

    job = wait_with_progress(store, job_id)
    if job.state is not JobState.done:
        raise InputError(job.error or f"it was {job.state}. Try again.")
    return job

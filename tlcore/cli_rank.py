"""The command that ranks backbones before any training."""

from __future__ import annotations

import argparse
import dataclasses
import textwrap
from collections.abc import Callable
from typing import Any

from tlcore.errors import InputError
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking.agreement import Agreement, agreements, reached
from tlcore.ranking.table import MEASURES, SCORES, Ranking, in_words
from tlcore.store import JobState

Outcome = tuple[int, dict[str, Any], str]
WIDTH = 120


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Put `rank` into the parser; `command` as in `cli.build_parser`."""
    rank = command("rank", rank_backbones, "Which backbone suits a dataset? Score their features of up to 2,000 training pictures, without any training, and wait for it.")
    rank.add_argument("dataset")
    rank.add_argument("--classes", nargs="+", help="only these classes")
    rank.add_argument("--backbones", nargs="+", metavar="NAME", help="names of backbones or weight sets; otherwise all whose weights are on this machine. Weights that are not are downloaded")
    rank.add_argument("--at-most", type=int, metavar="PX", help="no larger pictures than this; otherwise the usual input size of each")


def rank_backbones(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace, wait_with_progress

    store, _ = open_workspace()
    every = rank_jobs.candidates(store)
    chosen = rank_jobs.named(store, options.backbones) if options.backbones else {title: config for title, config in every.items() if rank_jobs.is_here(config)}
    job = wait_with_progress(store, rank_jobs.submit(store, options.dataset, chosen, options.classes, options.at_most))
    if job.state is not JobState.done:
        raise InputError(job.error or f"it was {job.state}. Try again.")
    ranking = rank_jobs.found(store, job)
    assert ranking is not None
    left_out = [] if options.backbones else [title for title, config in every.items() if title not in chosen]
    runs = reached(store, ranking)
    taus = agreements(ranking, {title: each.accuracy for title, each in runs.items()})
    document = {
        "job": job.id, "answer": in_words(ranking), **ranking.to_json(), "not_here": left_out,
        "reached": {title: each._asdict() for title, each in runs.items()}, "agreement": [dataclasses.asdict(each) for each in taus],
    }
    return 0, document, "\n".join(_text(ranking, left_out, taus))


def _text(ranking: Ranking, left_out: list[str], taus: list[Agreement]) -> list[str]:
    """Answer, table and reasons for a terminal."""
    lines = [*in_words(ranking), f"{ranking.pictures:,} training pictures of {ranking.dataset}, {len(ranking.classes)} classes"]
    table = ranking.table()
    lines.append(table[table["log_me"].notna()].drop(columns="note").to_string(index=False, na_rep="–", float_format=lambda value: f"{value:,.4g}"))
    lines += [f"{row.title}: {' '.join(row.notes)}" for row in ranking.rows if row.notes]
    if taus:
        told = ", ".join(f"{MEASURES[each.measure].title} {each.tau:.2f} of {each.backbones}" for each in taus if each.tau is not None)
        lines.append(f"Order of the backbones against that of their finished frozen runs here, Kendall's tau: {told}")
    if left_out:
        lines.append(f"Not on this machine, name them with --backbones to have them downloaded: {', '.join(left_out)}")
    lines += [f"{name}: {measure.meaning} {measure.source}" for name, measure in SCORES.items()]
    return [part for line in lines for part in ([line] if "\n" in line else textwrap.wrap(line, WIDTH, subsequent_indent="  "))]

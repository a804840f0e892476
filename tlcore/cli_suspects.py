"""Commands on a finished run's pictures: look for wrong labels, lay a map, make a revision without what is marked."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from tlcore import revisions, run_jobs
from tlcore.cli_runs import find_run
from tlcore.errors import InputError
from tlcore.label_errors import load_label_errors
from tlcore.store import Job, JobState, Store

Outcome = tuple[int, dict[str, Any], str]
LISTED = 20


def add_commands(command: Callable[..., argparse.ArgumentParser], data: Any) -> None:
    """Put `suspects`, `map` and `data revise` into the parser; `command` as in `cli.build_parser`, `data` the group."""
    suspects = command("suspects", find_suspects, "Look for pictures in the wrong class, in all of a finished run's dataset, and wait for it.")
    suspects.add_argument("id", type=int)
    suspects.add_argument("--known", action="store_true", help="show what was found before, without a new search")
    suspects.add_argument("--mark", action="store_true", help="mark all that are found, for `data revise`")
    command("map", lay_map, "Lay a t-SNE map of a finished run's pictures, and wait for it.").add_argument("id", type=int)
    revise = command("revise", revise_data, "Make a revision of a dataset without its marked pictures, and wait for it.", data)
    revise.add_argument("name")
    revise.add_argument("--as", dest="new_name", metavar="NAME", help="name of the revision; otherwise NAME v2, v3 …")


def find_suspects(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, workspace = open_workspace()
    run = find_run(store, options.id)
    if not options.known:
        _done(store, run_jobs.submit(store, "label_check", run.id))
    found = load_label_errors(workspace.run(run.id))
    if found is None:
        raise InputError(f"nobody has looked for wrong labels with run {run.id} yet. Leave --known out.")
    table, dataset_id = found.table, run.payload["dataset_id"]
    if options.mark:
        store.marks.set(dataset_id, table["content_id"].tolist())
    marked = len(store.marks.of(dataset_id))
    lines = [f"{row.label} → {row.suggested}, {row.confidence_suggested:.0%}: picture {row.row}" for row in table.head(LISTED).itertuples()]
    if len(table) > LISTED:
        lines.append(f"… and {len(table) - LISTED:,} more; --json lists all")
    head = f"{len(table):,} of {found.pictures:,} pictures are suspect; the judge gave {found.accuracy:.1%} of all the label they have. {marked:,} of the dataset are marked."
    document = {"run": run.id, "pictures": found.pictures, "accuracy": found.accuracy, "marked": marked, "suspects": json.loads(table.to_json(orient="records", double_precision=15))}
    return 0, document, "\n".join([head, *lines])


def lay_map(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace
    from tlcore.embedding import load_embedding
    from tlcore.tsne import MAP, load_map

    store, workspace = open_workspace()
    run = find_run(store, options.id)
    folder = workspace.run(run.id)
    load_embedding(folder)  # Refused here rather than in the background.
    _done(store, run_jobs.submit(store, "map", run.id))
    laid, embedding = load_map(folder), load_embedding(folder)
    assert laid is not None
    at = laid.positions
    columns = {"part": embedding.part[at], "row": embedding.rows[at], "label": embedding.labels[at], "x": laid.xy[:, 0].astype(float), "y": laid.xy[:, 1].astype(float)}
    points = [dict(zip(columns, values, strict=True)) for values in zip(*(column.tolist() for column in columns.values()), strict=True)]
    return 0, {"run": run.id, "points": points}, f"{len(points):,} pictures lie on the map: {folder / MAP}"


def revise_data(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    job = _done(store, revisions.submit(store, options.name, options.new_name))
    record = store.dataset(str((job.result or {})["dataset_id"]))
    left_out = store.dataset(options.name).count - record.count
    return 0, {"dataset": record.name, "id": record.id, "count": record.count, "left_out": left_out}, f"{record.name}: {record.count:,} pictures, {left_out:,} left out"


def _done(store: Store, job_id: int) -> Job:
    from tlcore.cli import wait_with_progress

    job = wait_with_progress(store, job_id)
    if job.state is not JobState.done:
        raise InputError(job.error or f"it was {job.state}. Try again.")
    return job

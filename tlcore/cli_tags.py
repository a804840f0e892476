"""The commands on many runs: list, filter, sort, group; tag them, put them out of sight."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from tlcore.records import Job, JobState, RunGroup
from tlcore.run_facts import COSTS, FIGURES, fact
from tlcore.run_query import GROUPS, SORTS, Wanted
from tlcore.store import Store

Outcome = tuple[int, dict[str, Any], str]
MOST_LISTED = 200


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> Any:
    """Put `runs` with what concerns many of them into the parser, and give what further actions are added to."""
    parser = command("runs", list_runs, "List, show, tag, hide, cancel and resume runs.")
    _add_choice(parser, MOST_LISTED)
    runs = parser.add_subparsers(metavar="ACTION")
    _add_choice(command("list", list_runs, "List the runs, newest first; so does `runs` by itself.", runs), argparse.SUPPRESS)

    tag = command("tag", tag_runs, "Give tags to runs, or take them off.", runs)
    tag.add_argument("ids", type=int, nargs="+", metavar="ID")
    tag.add_argument("--add", action="append", default=[], metavar="TAG", help="may be repeated")
    tag.add_argument("--remove", action="append", default=[], metavar="TAG", help="may be repeated")
    for name, hidden, text in (("hide", True, "Leave runs out of lists; nothing of them is deleted."), ("unhide", False, "Show hidden runs again.")):
        action = command(name, hide_runs, text, runs)
        action.add_argument("ids", type=int, nargs="+", metavar="ID")
        action.set_defaults(hide=hidden)
    return runs


def _add_choice(parser: argparse.ArgumentParser, limit: Any) -> None:
    """Options on which runs are listed; those of `runs list` have no values by themselves, so that they leave those of `runs` alone."""
    none = limit if limit is argparse.SUPPRESS else None
    for name, what in (("dataset", "on this dataset"), ("backbone", "with this backbone"), ("strategy", "with this strategy"), ("tag", "with this tag; repeated: with all of them")):
        parser.add_argument(f"--{name}", action="append", default=none, help=f"only runs {what}")
    parser.add_argument("--state", action="append", default=none, choices=[str(state) for state in JobState], help="only runs in this state")
    parser.add_argument("--series", action="append", type=int, default=none, metavar="ID", help="only runs of this series")
    parser.add_argument("--find", default=none, metavar="WORDS", help="only runs with these words in name, tag, dataset or number")
    parser.add_argument("--hidden", action="store_const", const="only", default=none, help="the hidden runs instead of the others")
    parser.add_argument("--all", action="store_const", const="with", dest="hidden", default=none, help="the hidden runs as well")
    parser.add_argument("--sort", choices=SORTS, default=none, help="highest figure or lowest cost first; otherwise the newest")
    parser.add_argument("--group", choices=GROUPS, default=none, help="count, best, mean and standard deviation of each group instead of the runs")
    parser.add_argument("--limit", type=int, default=limit, metavar="N", help=f"list so many runs at most; {MOST_LISTED} otherwise")


def _wanted(options: argparse.Namespace) -> Wanted:
    several = {"states": "state", "datasets": "dataset", "backbones": "backbone", "strategies": "strategy", "tags": "tag", "series": "series"}
    states = tuple(JobState(state) for state in options.state or ())
    asked: dict[str, Any] = {field: tuple(getattr(options, name) or ()) for field, name in several.items()} | {"states": states}
    return Wanted(**asked, find=options.find or "", hidden=options.hidden or "without", sort=options.sort or "newest")


def list_runs(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    asked = _wanted(options)
    if options.group:
        return _grouped(store, asked, options.group)
    found, there = store.runs.page(asked, max(1, options.limit)), store.runs.count(asked)
    tags, hidden = store.tags.of([run.id for run in found]), store.tags.hidden([run.id for run in found])
    lines = [_line(run, tags[run.id], run.id in hidden, asked.sort) for run in found]
    if there > len(found):
        lines.append(f"… and {there - len(found):,} more; --limit shows more of them.")
    nothing = "No run fits." if asked.filtered else "No runs yet: python -m tlcore demo"
    return 0, {"runs": [_document(run, tags[run.id], run.id in hidden) for run in found]}, "\n".join(lines) or nothing


def _document(run: Job, tags: tuple[str, ...], hidden: bool) -> dict[str, Any]:
    from tlcore.cli_runs import run_document

    return run_document(run) | {"tags": list(tags), "hidden": hidden}


def _line(run: Job, tags: tuple[str, ...], hidden: bool, sort: str) -> str:
    accuracy, by = fact(run.result, "accuracy"), fact(run.result, sort) if sort in FIGURES | COSTS and sort != "accuracy" else None
    shown = [f"{run.id:>5}", f"{run.state:<12}", "–".rjust(8) if accuracy is None else f"{accuracy:8.4f}", run.title]
    shown += [f"{sort} {by:,.4g}"] if by is not None else []
    shown += [f"[{', '.join(tags)}]"] if tags else []
    return "  ".join([*shown, "(hidden)"] if hidden else shown)


def _grouped(store: Store, asked: Wanted, by: str) -> Outcome:
    figure = asked.sort if asked.sort in FIGURES | COSTS else "accuracy"
    groups = store.runs.groups(asked, by, figure)
    titles = store.series.titles([group.key for group in groups if isinstance(group.key, int)])
    named = {group: f"no {by}" if group.key is None else titles.get(group.key, str(group.key)) if isinstance(group.key, int) else group.key for group in groups}
    lines = [f"{name:<30} {_in_words(group, figure)}" for group, name in named.items()]
    if any(group.test_sets > 1 for group in groups):
        lines.append("Some were tested on several sets of pictures, which may be harder or easier: ask for one dataset.")
    document = {"by": by, "figure": figure, "groups": [dataclasses.asdict(group) | {"name": name} for group, name in named.items()]}
    return 0, document, "\n".join(lines) or "No run fits."


def _in_words(group: RunGroup, figure: str) -> str:
    runs = f"{group.runs:>5} run{'' if group.runs == 1 else 's'}"
    if group.best is None or group.mean is None:
        return runs
    spread = f" ± {group.sd:.4g}" if group.sd is not None else ""
    return f"{runs}, {figure}: best {group.best:.4g}, mean {group.mean:.4g}{spread} of {group.finished}"


def tag_runs(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    store.tags.change(options.ids, options.add, options.remove)
    tags = store.tags.of(options.ids)
    lines = [f"run {run}: {', '.join(of_run) or 'no tags'}" for run, of_run in tags.items()]
    return 0, {"tags": {str(run): list(of_run) for run, of_run in tags.items()}}, "\n".join(lines)


def hide_runs(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    store, _ = open_workspace()
    store.tags.hide(options.ids, options.hide)
    runs = ", ".join(map(str, options.ids))
    said = f"hidden: {runs}. `runs --hidden` lists them, `runs unhide` shows them again." if options.hide else f"shown again: {runs}"
    return 0, {"runs": options.ids, "hidden": options.hide}, said

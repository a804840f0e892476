"""The command line: the same functions that the pages call, as words on a terminal.

`--json` prints one JSON document on standard output and nothing else there; progress goes to
standard error. Exit status: 0 done, 1 a run that failed, 2 a mistake of the user's, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tlcore import (
    backbones,
    cache,
    cli_before,
    cli_exports,
    cli_labels,
    cli_predict,
    cli_rank,
    cli_runs,
    cli_serve,
    cli_suspects,
    cli_tags,
    cli_tune,
    cli_weights,
    config,
    demo,
    jobs,
    shift,
)
from tlcore.amounts import read_size
from tlcore.budget import budget, set_budget
from tlcore.cli_runs import run_document
from tlcore.errors import InputError, TLError
from tlcore.forecast import outlook
from tlcore.store import Job, JobState, Store
from tlcore.workspace import Workspace

Outcome = tuple[int, dict[str, Any], str]
"""Exit status, the JSON document, the text for a person."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = build_parser().parse_args(arguments)
    try:
        status, document, text = options.command(options)
    except TLError as error:
        print(f"tlcore: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tlcore: interrupted; jobs that were submitted go on (see `runs list`).", file=sys.stderr)
        return 130
    try:
        print(json.dumps(document, indent=2, ensure_ascii=False, default=str) if options.json else text, flush=True)
    except BrokenPipeError:  # The reader, such as `head`, has seen enough.
        sys.stdout = None  # type: ignore[assignment]
    return status


Command = Callable[..., argparse.ArgumentParser]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tlcore", description="Teach a pretrained network something new. Workspace: ./workspace, or TLCORE_HOME.")
    parser.set_defaults(json=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[..., Outcome], text: str, among: Any = commands) -> argparse.ArgumentParser:
        sub = among.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
        sub.set_defaults(command=function)
        return sub

    def group(name: str, text: str) -> Any:
        return commands.add_parser(name, help=text).add_subparsers(required=True, metavar="ACTION")

    command("demo", run_demo, "Train the offline demonstration and wait for it.")
    data = group("data", "Add, list, show and revise datasets.")
    _add_data_commands(command, data)
    command("backbones", list_backbones, "List the pretrained networks.")
    _add_training_commands(command)
    cli_runs.add_commands(command, cli_tags.add_commands(command))
    _add_model_commands(command)
    cli_exports.add_commands(command)
    cli_serve.add_command(command)
    cli_before.add_commands(command)
    cli_labels.add_commands(command)
    cli_rank.add_commands(command)
    cli_suspects.add_commands(command, data)
    cli_tune.add_commands(command, group)
    cli_weights.add_commands(command)
    _add_cache_commands(command)
    return parser


def _add_data_commands(command: Command, data: Any) -> None:
    add = command("add", add_data, "Add a dataset and wait for it.", data)
    add.add_argument("source", help="built-in or known name, a ZIP file, or a folder with one folder a class")
    add.add_argument("--name", help="name in the workspace; otherwise taken from the source")
    command("list", list_data, "List the datasets.", data)
    command("show", show_data, "Show a dataset and its ingest report.", data).add_argument("name")


def _add_training_commands(command: Command) -> None:
    train = command("train", train_run, "Queue a run from a YAML file.")
    train.add_argument("config", type=Path)
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a setting, e.g. train.epochs=5; may be repeated")
    train.add_argument("--wait", action="store_true", help="wait until the run has ended")

    distance = command("shift", measure_shift, "Measure how far two domains are apart, and wait for it.")
    distance.add_argument("--source", required=True, help="dataset whose labels are known")
    distance.add_argument("--target", required=True, help="dataset on which the network shall work; the same: it is divided at random")
    distance.add_argument("--backbone", default=config.BackboneConfig().name, help="network whose features are compared")
    distance.add_argument("--classes", nargs="+", help="only these classes")


def _add_model_commands(command: Command) -> None:
    cli_predict.add_command(command)

    pretrain = command("pretrain", pretrain_backbone, "Train the bundled ResNet-20 from scratch; goes on where it was stopped.")
    pretrain.add_argument("dataset", help="a dataset of 32-pixel pictures in this workspace, e.g. cifar10")
    pretrain.add_argument("--epochs", type=int, help="passes over the training pictures")
    pretrain.add_argument("--output", type=Path, default=Path("pretrained"), help="folder for checkpoint, weights and card")


def _add_cache_commands(command: Command) -> None:
    kept = command("cache", show_cache, "Show what the activation cache holds.").add_subparsers(metavar="ACTION")
    command("budget", cache_budget, "Show or set how much disk the cache may take.", kept).add_argument(
        "size", nargs="?", help="such as 20GB or 500MB; 'default' goes back to a share of the disk"
    )
    command("clear", clear_cache, "Remove all stored activations and converted networks that no run uses.", kept)


def open_workspace() -> tuple[Store, Workspace]:
    workspace = Workspace.from_env().create()
    return Store.open(workspace), workspace


def run_demo(options: argparse.Namespace) -> Outcome:
    store, workspace = open_workspace()
    return finish_run(store, demo.start(store, workspace))


def add_data(options: argparse.Namespace) -> Outcome:
    store, workspace = open_workspace()
    job = wait_with_progress(store, jobs.submit_ingest(store, workspace, options.source, options.name))
    if job.state is not JobState.done:
        raise InputError(job.error or f"the import was {job.state}. Try again.")
    assert job.result is not None
    return describe_dataset(store, job.result["dataset"])


def list_data(options: argparse.Namespace) -> Outcome:
    store, _ = open_workspace()
    records = store.datasets()
    lines = [f"{r.name:24} {r.count:>8} pictures  {len(r.classes):>4} classes  {r.source}" for r in records]
    text = "\n".join(lines) or "No datasets yet: python -m tlcore data add digits"
    return 0, {"datasets": [dataclasses.asdict(r) for r in records]}, text


def show_data(options: argparse.Namespace) -> Outcome:
    store, _ = open_workspace()
    return describe_dataset(store, options.name)


def describe_dataset(store: Store, name: str) -> Outcome:
    record = store.dataset(name)
    lines = [f"{record.name}: {record.count} pictures, {len(record.classes)} classes ({', '.join(record.classes[:20])})"]
    return 0, dataclasses.asdict(record), "\n".join(lines)


def list_backbones(options: argparse.Namespace) -> Outcome:
    specs = list(backbones.BACKBONES.values())
    lines = [
        f"{s.name:20} {s.year}  {s.params / 1e6:6.1f} M parameters  {s.usual_size:>4} px  "
        + (f"top-1 {s.top1:.1%}" if s.top1 else "bundled")
        for s in specs
    ]
    return 0, {"backbones": [dataclasses.asdict(s) for s in specs]}, "\n".join(lines)


def train_run(options: argparse.Namespace) -> Outcome:
    store, workspace = open_workspace()
    changes = dict(parse_change(change) for change in options.changes)
    settings = config.read_config(options.config, changes)
    jobs.check_run(settings, store.dataset(settings.dataset), store)
    jobs.ensure_supervisor(workspace)  # A worker gets ready while the machine is measured.
    try:
        expected = outlook.outlook_of(store, settings, outlook.PROBE_WAIT_S)
        forecast, text = expected.to_json(), outlook.in_words(expected)
    except OSError as error:  # No reason not to run it.
        forecast, text = {}, f"no forecast ({error})"
    run_id = jobs.submit_run(store, workspace, settings, forecast=forecast)
    if options.wait:
        print(text, file=sys.stderr, flush=True)
        return finish_run(store, run_id)
    return 0, run_document(store.job(run_id)), f"run {run_id} is queued\n{text}"


def measure_shift(options: argparse.Namespace) -> Outcome:
    store, _ = open_workspace()
    network = {"name": options.backbone, "weights": backbones.spec(options.backbone).weights[0]}
    asked = {"dataset": options.target, "source": {"dataset": options.source}, "classes": options.classes, "backbone": network}
    job = wait_with_progress(store, shift.submit_shift(store, config.parse(asked, "shift")))
    if job.state is not JobState.done or job.result is None:
        raise InputError(job.error or f"the measurement was {job.state}. Try again.")
    found = shift.Shift.of(job.result)
    document = {"source": options.source, "target": options.target, **dataclasses.asdict(found), "meaning": found.meaning}
    return 0, document, f"{found.score:.2f} of 2, from {found.source_pictures:,} and {found.target_pictures:,} pictures. {found.meaning}"


def parse_change(change: str) -> tuple[str, Any]:
    """Split "train.epochs=5" into key and YAML value."""
    key, separator, value = change.partition("=")
    if not separator or not key:
        raise InputError(f"--set {change}: write KEY=VALUE, for example train.epochs=5.")
    try:
        return key, config.read_value(value)
    except yaml.YAMLError:
        raise InputError(f"--set {change}: the value is not valid YAML. Quote it.") from None


def finish_run(store: Store, run_id: int) -> Outcome:
    job = wait_with_progress(store, run_id)
    document = run_document(job)
    if job.state is not JobState.done:
        return 1, document, f"run {run_id} {job.state}: {job.error or 'see `runs show`'}"
    text = (
        f"run {run_id} done: test accuracy {document['test_accuracy']:.4f}, macro F1 "
        f"{document['test_macro_f1']:.4f}, {document['epochs']} epochs, {document['seconds']:.1f} s"
    )
    return 0, document, text


def wait_with_progress(store: Store, job_id: int) -> Job:
    """Wait for a job's end, telling each change of its phase on standard error."""
    live = sys.stderr.isatty()
    told: tuple[str, ...] = ()
    while True:
        job = store.job(job_id)
        stage = (str(job.state), job.phase)
        if live:
            print(f"\r\033[K{job.state} {job.phase} {job.progress:.0%} {job.message}", end="", file=sys.stderr, flush=True)
        elif stage != told:
            print(" ".join(stage).strip(), file=sys.stderr, flush=True)
        told = stage
        if not job.active:
            if live:
                print(file=sys.stderr)
            return job
        jobs.wait(store, job_id, timeout_s=0.5)


def show_cache(options: argparse.Namespace) -> Outcome:
    held = cache.contents(Workspace.from_env().create())
    lines = [f"{entry.name}: {entry.details()}" for entry in held.entries]
    document = {
        "bytes": held.bytes, "budget_bytes": held.budget.bytes, "budget_from": held.budget.source,
        "entries": [{**dataclasses.asdict(entry), "name": entry.name, "bytes": entry.bytes} for entry in held.entries],
    }
    return 0, document, "\n".join([*lines, f"{held.text} ({held.budget.origin})"])


def cache_budget(options: argparse.Namespace) -> Outcome:
    workspace, said = Workspace.from_env().create(), []
    if options.size is not None:
        set_budget(workspace, None if options.size == "default" else read_size(options.size))
        removed = cache.evict(workspace)
        said = [removed.text] if removed.bytes else []
    limit = budget(workspace)
    document = {"budget_bytes": limit.bytes, "budget_from": limit.source}
    return 0, document, "\n".join([*said, f"The cache may take {limit.text} ({limit.origin})."])


def clear_cache(options: argparse.Namespace) -> Outcome:
    removed = cache.clear(Workspace.from_env().create())
    return 0, {"removed_bytes": removed.bytes, "kept_bytes": removed.kept_bytes, "removed": removed.by_name}, removed.text


def pretrain_backbone(options: argparse.Namespace) -> Outcome:
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn import pretrain

    store, workspace = open_workspace()
    dataset = Dataset.open(workspace.dataset(store.dataset(options.dataset).id))
    recipe = pretrain.Recipe(**({"epochs": options.epochs} if options.epochs else {}))
    card = pretrain.pretrain_dataset(dataset, recipe, options.output, report=lambda row: print(json.dumps(row), file=sys.stderr))
    return 0, card, f"{options.output}: test accuracy {card['test_accuracy']:.4f}"

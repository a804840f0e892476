"""The commands on weight sets: list, add, delete."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tlcore import weight_jobs, weight_sets
from tlcore.errors import InputError
from tlcore.store import JobState

Outcome = tuple[int, dict[str, Any], str]


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Put `weights` and its actions into the parser; `command` as in `cli.build_parser`."""
    kept = command("weights", list_weights, "List weights from elsewhere; add and delete them.").add_subparsers(metavar="ACTION")
    add = command("add", add_weights, "Add a backbone's weights from a file, or what a finished run has learnt, and wait for it.", kept)
    add.add_argument("file", nargs="?", help=".weights.h5, .keras, .npz with keys layer/weight, or .safetensors")
    add.add_argument("--backbone", help="the architecture that the file belongs to")
    add.add_argument("--run", type=int, metavar="ID", help="instead of a file: the trunk of this finished run")
    add.add_argument("--name", help="name in the workspace; otherwise taken from the source")
    add.add_argument("--trained-on", default="", metavar="TEXT", help="what the file's weights were trained on, such as ImageNet-1k")
    add.add_argument("--partial", action="store_true", help="layers that the file lacks, or has in another shape, stay random")
    command("delete", delete_weights, "Delete a weight set that no run uses.", kept).add_argument("name", help="name or id")


def list_weights(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    found = weight_sets.listed(open_workspace()[1])
    lines = [f"{each.name:24} {each.backbone:18} {each.report}; trained on {weight_sets.in_words(each.trained_on)}; from {each.origin}" for each in found]
    text = "\n".join(lines) or "No weights from elsewhere yet: python -m tlcore weights add FILE --backbone NAME"
    return 0, {"weight_sets": [each.to_json() for each in found]}, text


def add_weights(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace, wait_with_progress

    store, workspace = open_workspace()
    if (options.file is None) == (options.run is None):
        raise InputError("weights add: give either a file or --run ID.")
    if options.run is not None:
        job_id = weight_jobs.submit_run(store, options.run, options.name)
    elif options.backbone is None:
        raise InputError(f"weights add {options.file}: say with --backbone to which architecture it belongs; `backbones` lists them.")
    else:
        job_id = weight_jobs.submit_file(store, options.file, options.backbone, options.name, partial=options.partial, trained_on=options.trained_on)
    job = wait_with_progress(store, job_id)
    if job.state is not JobState.done or job.result is None:
        raise InputError(job.error or f"the weights were {job.state}. Try again.")
    made = weight_sets.find(workspace, job.result["weight_set"])
    return 0, made.to_json(), in_words(made)


def in_words(made: weight_sets.WeightSet) -> str:
    """A weight set with its report, a line for each layer that isn't as it should be."""
    lines = [f"{made.name} for {made.backbone}: {made.report}; trained on {weight_sets.in_words(made.trained_on)}"]
    lines += [f"  missing, random now: {layer}" for layer in made.report.missing]
    lines += [f"  another shape, random now: {layer}" for layer in made.report.mismatched]
    return "\n".join([*lines, f'  use it with backbone: {{name: {made.backbone}, weights: set, weight_set: "{made.name}"}}'])


def delete_weights(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace

    gone = weight_jobs.delete(open_workspace()[0], options.name)
    return 0, {"deleted": gone.id, "name": gone.name}, f"{gone.name} is deleted"

"""Commands that take a finished run's model away."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore import exports, run_jobs
from tlcore.cli_runs import find_run
from tlcore.errors import InputError
from tlcore.store import JobState
from tlcore.workspace import whole_file

Outcome = tuple[int, dict[str, Any], str]


def add_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Put `export` into the parser; `command` as in `cli.build_parser`."""
    export = command("export", export_model, "Write a finished run's model as a file of another runtime, check it on test pictures, and wait for it.")
    export.add_argument("id", type=int)
    export.add_argument("--format", choices=list(exports.FORMATS), default="keras", help="keras where it is left out")
    export.add_argument("--int8", action="store_true", help="weights and activations as whole numbers of 8 bits: a quarter of the size; for litert and openvino")
    export.add_argument(
        "-o", "--output", type=Path,
        help="where to copy the model; with a name that ends in .zip all of its folder: model, classes, example, card. Otherwise it stays in the run's folder",
    )  # fmt: skip


def export_model(options: argparse.Namespace) -> Outcome:
    from tlcore.cli import open_workspace, wait_with_progress

    store, workspace = open_workspace()
    run, kind = find_run(store, options.id), exports.kind_of(options.format, options.int8)
    _refuse_name(kind, options.output)
    job = wait_with_progress(store, run_jobs.submit_export(store, run.id, kind))
    if job.state is not JobState.done:
        raise InputError(job.error or f"it was {job.state}. Try again.")
    folder = exports.require(workspace.run(run.id), kind)
    check = exports.check_of(workspace.run(run.id), kind)
    assert check is not None
    path = folder if options.output is None else _copied(kind, folder, options.output)
    return 0, {"run": run.id, "file": str(path), **check.to_document()}, f"{path}: {', '.join(check.facts())}"


def _refuse_name(kind: exports.Kind, output: Path | None) -> None:
    """Raise InputError where the model would be overwritten by what goes beside it."""
    for beside in kind.format.beside:
        if output is not None and output.suffix == Path(beside).suffix:
            model = output.with_suffix(Path(kind.format.file).suffix)
            raise InputError(f"{output}: that name is for what goes beside the model. Give the model's own, such as {model}.")


def _copied(kind: exports.Kind, folder: Path, output: Path) -> Path:
    """The model alone, with what belongs to it, or the whole folder as a ZIP. Raises InputError."""
    model = folder / kind.format.file
    try:
        if output.suffix.lower() == ".zip":
            with whole_file(output) as temporary:
                exports.pack(folder, temporary)
        elif model.is_dir():
            shutil.copytree(model, output)
        else:
            shutil.copyfile(model, output)
            for beside in kind.format.beside:
                shutil.copyfile(folder / beside, output.with_suffix(Path(beside).suffix))
    except OSError as error:
        raise InputError(f"{output}: can't be written ({error.strerror}). Give the path of a file in a folder that exists.") from None
    return output

"""The command that makes a finished run's model a small HTTP service, here or in a folder for other machines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlcore.cli_runs import find_run
from tlcore.service import folder, starting
from tlcore.service.answering import About
from tlcore.store import Store
from tlcore.workspace import Workspace

Outcome = tuple[int, dict[str, Any], str]


def add_command(command: Callable[..., argparse.ArgumentParser]) -> None:
    serve = command("serve", serve_model, "Answer pictures over HTTP with a finished run: POST /predict, /health, /openapi.json.")
    serve.add_argument("id", type=int)
    starting.add_options(serve)
    serve.add_argument("--into", type=Path, metavar="FOLDER", help="write a folder that serves it on a machine without this project, and end")


def serve_model(options: argparse.Namespace) -> Outcome:
    from tlcore.model_card import model_card

    workspace = Workspace.from_env().create()
    store = Store.open(workspace)
    run = find_run(store, options.id)
    run_dir, about = workspace.run(run.id), About(run.id, run.title)
    if options.into is not None:
        to = folder.write_folder(run_dir, about, lambda: model_card(run, store), options.into)
        return 0, {"run": run.id, "folder": str(to)}, f"{to}: start it there with `python serve.py`"
    starting.serve(run_dir, about, options.host, options.port, lambda text: print(text, file=sys.stderr, flush=True))
    return 0, {"run": run.id}, "ended"

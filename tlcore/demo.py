"""The offline demonstration: digits, bundled backbone, frozen; one call for the button and the command."""

from __future__ import annotations

from tlcore import config, jobs
from tlcore.datasets.sources import add_dataset
from tlcore.errors import ConflictError, NotFoundError, TLError
from tlcore.reporter import NullReporter
from tlcore.store import Store
from tlcore.workspace import Workspace


def start(store: Store, workspace: Workspace, token: str | None = None) -> int:
    """Queue the demonstration run and return its id; adds the digits first where they are missing.

    `token`: two calls with the same token start one run.
    """
    settings = config.parse(config.DEMO)
    ensure_built_in(settings.dataset, store, workspace)
    return jobs.submit_run(store, workspace, settings, token=token)


def ensure_built_in(name: str, store: Store, workspace: Workspace) -> None:
    """Add a built-in dataset under its own name where it isn't there yet (1 to 2 s)."""
    try:
        store.dataset(name)
    except NotFoundError:
        dataset = add_dataset(name, name, workspace, NullReporter())
        try:
            store.add_dataset(jobs.dataset_record(dataset, workspace))
        except TLError as error:
            jobs.remove_folder(workspace.dataset(dataset.id))
            if not isinstance(error, ConflictError):  # Another tab was faster; its copy serves.
                raise

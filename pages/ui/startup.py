"""What the server does once, around its start: make the workspace ready, then load what the pages need."""

from __future__ import annotations

import gc
import importlib

import anyio

from tlcore import jobs
from tlcore.store import ACTIVE, Store
from tlcore.workspace import Workspace

# Home needs none of these, so that the first page doesn't wait for them.
NEEDED_LATER = ("altair", "pages.ui.dataset_view", "pages.ui.launch", "pages.ui.run_view", "pages.ui.comparison")
QUIET_S = 3.0


def prepare() -> None:
    """Make the workspace ready and pick up jobs that a former server left waiting."""
    workspace = Workspace.from_env().create()
    if Store.open(workspace).jobs(states=ACTIVE, limit=1):
        jobs.ensure_supervisor(workspace)


async def preload() -> None:
    """After the first page had its chance, import what the others need."""
    await anyio.sleep(QUIET_S)
    await anyio.to_thread.run_sync(_import_and_freeze)


def _import_and_freeze() -> None:
    for name in NEEDED_LATER:
        importlib.import_module(name)
    # Streamlit collects after every rerun; without the modules in the heap that takes a third.
    gc.collect()
    gc.freeze()

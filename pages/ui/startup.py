"""What the server does once, around its start: make the workspace ready, then load what the pages need."""

from __future__ import annotations

import gc
import importlib
import sys

import anyio

from tlcore import jobs
from tlcore.store import ACTIVE, Store
from tlcore.workspace import Workspace

# Home needs none of these, so that the first page doesn't wait for them.
NEEDED_LATER = ("altair", "pages.ui.dataset_view", "pages.ui.launch", "pages.ui.run_list", "pages.ui.run_view", "pages.ui.comparison", "pages.ui.cost_view")
QUIET_S, LOOK_S = 3.0, 10.0
MANY_MODULES = 100


def prepare() -> None:
    """Make the workspace ready and pick up jobs that a former server left waiting."""
    workspace = Workspace.from_env().create()
    if Store.open(workspace).jobs(states=ACTIVE, limit=1):
        jobs.ensure_supervisor(workspace)


async def preload() -> None:
    """After the first page had its chance, import what the others need; then keep what is loaded out of the collections."""
    await anyio.sleep(QUIET_S)
    await anyio.to_thread.run_sync(_import_and_freeze)
    frozen = len(sys.modules)
    while True:
        await anyio.sleep(LOOK_S)
        frozen = await anyio.to_thread.run_sync(freeze_again, frozen)


def _import_and_freeze() -> None:
    for name in NEEDED_LATER:
        importlib.import_module(name)
    _freeze()


def freeze_again(modules: int) -> int:
    """Freeze the heap anew where many modules came since there were so many; gives how many there were then.

    The first figure that needs SciPy and scikit-learn brings 800, which would cost every rerun after it 50 ms.
    """
    if len(sys.modules) < modules + MANY_MODULES:
        return modules
    _freeze()
    return len(sys.modules)


def _freeze() -> None:
    """Streamlit collects after every rerun; without the modules in the heap that takes a third."""
    gc.unfreeze()  # What was frozen before and is garbage by now goes as well.
    gc.collect()
    gc.freeze()

"""The ASGI app: `streamlit run app.py`. Pages are in pages/, everything they call is in tlcore/."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import streamlit as st
from starlette.middleware import Middleware

from pages.ui.errors import show
from pages.ui.middleware import Guard, UploadQuota, check_address
from tlcore import jobs
from tlcore.store import ACTIVE, Store
from tlcore.workspace import Workspace


def prepare() -> None:
    """Make the workspace ready and pick up jobs that a former server left waiting."""
    workspace = Workspace.from_env().create()
    store = Store.open(workspace)
    if store.jobs(states=ACTIVE, limit=1):
        jobs.ensure_supervisor(workspace)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Refuse an open address, prepare the workspace, and take the imports out of garbage collection."""
    check_address(st.get_option("server.address"))
    await anyio.to_thread.run_sync(prepare)
    # Streamlit collects after every rerun; without the modules in the heap that takes a third.
    gc.collect()
    gc.freeze()
    yield


def on_script_error(error: Exception) -> bool:
    """One sentence for whatever a page let through; the traceback stays folded."""
    show(error)
    return True


app = st.App(
    Path(__file__).parent / "pages" / "shell.py",
    lifespan=lifespan,
    middleware=[Middleware(Guard), Middleware(UploadQuota)],
    on_script_error=on_script_error,
)

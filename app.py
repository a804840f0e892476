"""The ASGI app: `streamlit run app.py`. Pages are in pages/, everything they call is in tlcore/."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import streamlit as st
from starlette.middleware import Middleware

from pages.ui import errors, startup
from pages.ui.middleware import Guard, UploadQuota


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Make the workspace ready, and load the rest when the first page is out."""
    await anyio.to_thread.run_sync(startup.prepare)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(startup.preload)
        yield
        tasks.cancel_scope.cancel()


def on_script_error(error: Exception) -> bool:
    """One sentence for whatever a page let through; the traceback stays folded."""
    errors.show(error)
    return True


app = st.App(
    Path(__file__).parent / "pages" / "shell.py",
    lifespan=lifespan,
    middleware=[Middleware(Guard), Middleware(UploadQuota)],
    on_script_error=on_script_error,
)

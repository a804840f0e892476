"""Errors as a user sees them: one sentence, the traceback folded away."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from pages.ui.text import literal
from tlcore.errors import TLError

log = logging.getLogger(__name__)


def show(error: BaseException) -> None:
    """A TLError as its own sentence; anything else as one sentence and a folded traceback."""
    if isinstance(error, TLError):
        st.error(literal(str(error)), icon=":material/error:")
        return
    log.error("A page failed", exc_info=error)
    st.error(
        f"This part of the page failed ({type(error).__name__}). Reload it; if it fails again, the details below help to mend it.",
        icon=":material/error:",
    )
    with st.expander("Details", icon=":material/bug_report:"):
        st.code("".join(traceback.format_exception(error)), language=None, wrap_lines=True)


@contextmanager
def mistakes_kept(key: str) -> Iterator[None]:
    """Callbacks run before the page: their sentence waits in the session until `show_kept` draws it in its place."""
    try:
        yield
    except TLError as error:
        st.session_state[key] = str(error)


def show_kept(key: str) -> None:
    """The sentence that waits in the session, once."""
    if key in st.session_state:
        st.error(literal(st.session_state.pop(key)), icon=":material/error:")


@contextmanager
def guarded() -> Iterator[None]:
    """Show what goes wrong inside instead of ending the page; what follows still runs.

    `st.stop`, `st.rerun` and `st.switch_page` pass through: they are no `Exception`s.
    """
    try:
        yield
    except Exception as error:
        show(error)

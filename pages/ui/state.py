"""Every session key and query parameter that several pages use, and the cached store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from pages.ui.errors import guarded
from tlcore import jobs
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace

__all__ = ["COLORS", "ICONS", "WORDS", "badge", "guarded", "head", "read_id", "read_ids", "read_text", "show_queued_toast", "store", "toast_next", "warm_up", "workspace", "write_query"]

ICONS: dict[JobState, str] = {
    JobState.queued: ":material/schedule:",
    JobState.running: ":material/play_circle:",
    JobState.done: ":material/check_circle:",
    JobState.failed: ":material/error:",
    JobState.cancelled: ":material/cancel:",
    JobState.interrupted: ":material/power_off:",
}
WORDS: dict[JobState, str] = {
    JobState.queued: "waiting",
    JobState.running: "running",
    JobState.done: "done",
    JobState.failed: "failed",
    JobState.cancelled: "cancelled",
    JobState.interrupted: "interrupted",
}
COLORS: dict[JobState, str] = {
    JobState.queued: "gray",
    JobState.running: "blue",
    JobState.done: "green",
    JobState.failed: "red",
    JobState.cancelled: "gray",
    JobState.interrupted: "orange",
}
_TOAST = "queued_toast"


def workspace() -> Workspace:
    """The workspace of this server."""
    return Workspace.from_env()


def store() -> Store:
    """The store of this server's workspace; one handle a process."""
    return _open_store(str(workspace().root))


@st.cache_resource(max_entries=8, show_spinner=False)
def _open_store(root: str) -> Store:
    return Store.open(Workspace(Path(root)).create())


def warm_up() -> None:
    """Have a worker ready before it is asked for, so that a run starts at once."""
    _supervise(str(workspace().root))


@st.cache_resource(max_entries=8, ttl=20, show_spinner=False)
def _supervise(root: str) -> None:
    jobs.ensure_supervisor(Workspace(Path(root)))


def head(title: str, about: str) -> None:
    """A page's title, and one line on what can be done there."""
    st.title(title, anchor=False)
    st.caption(about)


def badge(state: JobState) -> str:
    """A state as Markdown: icon, word and colour."""
    return f":{COLORS[state]}-badge[{ICONS[state]} {WORDS[state]}]"


def read_text(name: str) -> str | None:
    """A query parameter, or None where it is missing, empty or longer than a name can be."""
    value = st.query_params.get(name) or None
    return value if value is not None and len(value) <= 10_000 else None


def read_id(name: str) -> int | None:
    """A query parameter as a row number; None where it is missing, -1, which nothing has, where it is anything else."""
    value = st.query_params.get(name)
    return _id(value) if value else None


def read_ids(name: str) -> list[int]:
    """A query parameter such as `3,4,7`; without repetitions."""
    return list(dict.fromkeys(_id(part) for part in (read_text(name) or "").split(",") if part))


def _id(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else -1


def write_query(**values: str | int | Iterable[object] | None) -> None:
    """Set query parameters: lists joined by commas, None and empty ones taken out."""
    for name, value in values.items():
        text = value if isinstance(value, str) else "" if value is None else str(value) if isinstance(value, int) else ",".join(map(str, value))
        if text and st.query_params.get(name) != text:
            st.query_params[name] = text
        elif not text and name in st.query_params:
            del st.query_params[name]


def toast_next(message: str, icon: str = ":material/check_circle:") -> None:
    """Show `message` for a moment on the next run of any page."""
    st.session_state[_TOAST] = (message, icon)


def show_queued_toast() -> None:
    """Called once by the shell."""
    if _TOAST in st.session_state:
        message, icon = st.session_state.pop(_TOAST)
        st.toast(message, icon=icon)

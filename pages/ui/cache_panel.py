"""The activation cache on Home: how full it is, what fills it, its budget, and emptying it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.state import toast_next, workspace
from pages.ui.text import count, literal, size
from tlcore import cache
from tlcore.budget import GB, LEAST_BYTES, MOST_BYTES, set_budget
from tlcore.workspace import Workspace

LARGEST = 5


def figure() -> str:
    """How full it is: `3.2 GB of 50 GB`."""
    return _contents(str(workspace().root)).text


def panel() -> None:
    """Largest entries, budget, and a button that empties the cache, folded away."""
    held = _contents(str(workspace().root))
    with st.expander("Cache", icon=":material/database:", key="cache_panel"):
        st.caption("What frozen layers gave for each picture, kept so that the next run need not compute it.")
        _entries(held)
        _budget(held)
        _empty(held)


@st.cache_data(ttl=15, max_entries=8, show_spinner=False)
def _contents(root: str) -> cache.Contents:
    return cache.contents(Workspace(Path(root)))


def _entries(held: cache.Contents) -> None:
    lines = [f"- **{literal(entry.name)}**: {literal(entry.details())}" for entry in held.entries[:LARGEST]]
    others = held.entries[LARGEST:]
    if others:
        lines.append(f"- {count(len(others), 'smaller one')}: {size(sum(entry.bytes for entry in others))}")
    st.markdown("\n".join(lines) if lines else "Nothing is stored yet.")


def _budget(held: cache.Contents) -> None:
    fixed = held.budget.source == "environment"
    with st.form("cache_budget", border=False):
        about = f"Now {held.budget.text}, {held.budget.origin}. Where it is used up, what was used least recently makes room."
        st.number_input("Most disk it may take, in GB", LEAST_BYTES / GB, MOST_BYTES / GB, held.budget.bytes / GB, 1.0, "%g", key=f"cache_gb_{held.budget.bytes}", disabled=fixed)
        st.caption(literal(about))
        st.form_submit_button("Save", key="cache_save", disabled=fixed, on_click=_save, args=(f"cache_gb_{held.budget.bytes}",))


def _empty(held: cache.Contents) -> None:
    with st.popover("Empty the cache", icon=":material/delete:", key="cache_empty_open", disabled=not held.entries):
        st.markdown(f"Remove {size(held.bytes)} of stored activations and converted networks? Runs that need them compute them again; what runs use at this moment stays.")
        st.button("Empty the cache", key="cache_empty", type="primary", icon=":material/delete:", on_click=_clear)


def _save(field: str) -> None:
    with guarded():
        limit = set_budget(workspace(), round(st.session_state[field] * GB))
        removed = cache.evict(workspace())
        _contents.clear()
        said = f" {removed.text}" if removed.bytes else ""
        toast_next(literal(f"The cache may take {limit.text}.{said}"))


def _clear() -> None:
    with guarded():
        removed = cache.clear(workspace())
        _contents.clear()
        toast_next(literal(removed.text), icon=":material/delete:")

"""Choosing finished runs; the choice stands in the link as ?runs=3,4."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_ids, store
from pages.ui.text import count
from tlcore.store import Job, JobState

LISTED = 20  # The whole list travels to the browser each time; older runs are found by number or name.
DONE: dict[str, Any] = {"kind": "train", "states": (JobState.done,), "hidden": False}  # A link may name hidden ones all the same.


def pick_runs(label: str, key: str, most: int, help_text: str) -> list[Job] | None:
    """The chosen finished runs, in the order of choosing; None, with a next step, where there are none yet.

    Ids in the link that are no finished runs are named and left out of the choice.
    """
    finished = store().count(**DONE)
    if not finished and not store().count(**{**DONE, "hidden": None}):
        st.info("No finished run yet. The demonstration on Home makes one in seconds.", icon=":material/info:")
        with st.container(horizontal=True):
            st.page_link("home.py", label="Run the demonstration", icon=":material/play_arrow:")
            st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
            st.page_link("runs.py", label="See the queue", icon=":material/monitoring:")
        return None
    asked = _asked(most)
    take_from_link(key, "runs", lambda: asked)
    find = ""
    if finished > LISTED:
        find = st.text_input("Find a run", key=f"find_{key}", type="search", live="300ms", max_chars=200, icon=":material/search:", width=360, placeholder="number, name, tag or dataset")
    listed = {run.id: run for run in store().jobs(**DONE, find=find, limit=LISTED)}
    options = _done(st.session_state[key]) | listed  # What is chosen stays an option, whatever is looked for.
    chosen = st.multiselect(
        label,
        list(options),
        key=key,
        format_func=lambda run: _name(options[run]) if run in options else str(run),
        max_selections=most,
        select_all=False,
        placeholder=_placeholder(finished, len(listed), find),
        help=help_text,
        on_change=put_into_link,
        args=(key, "runs"),
    )
    return [options[run] for run in chosen if run in options]


def _asked(most: int) -> list[int]:
    """The finished runs that the link names; a sentence about each that it names in vain."""
    asked = read_ids("runs")
    done = _done(asked)
    if missing := [run for run in asked if run not in done]:
        names = ", ".join(str(run) if run >= 0 else "one that can't be" for run in missing[:8])
        st.warning(f"Left out, since they are no finished runs: {names}.", icon=":material/warning:")
    if len(done) > most:
        st.warning(f"The link names more than {most} runs; the first {most} are taken.", icon=":material/warning:")
    return list(done)[:most]


def _done(runs: list[int]) -> dict[int, Job]:
    """Those of these runs that are finished, in the same order."""
    found = store().jobs_by_id(runs)
    return {run: found[run] for run in runs if run in found and found[run].kind == "train" and found[run].state is JobState.done}


def _placeholder(finished: int, listed: int, find: str) -> str:
    if find.strip():
        return f"Choose from {count(listed, 'run')} that {'fits' if listed == 1 else 'fit'}" if listed else "No finished run fits what you look for"
    return f"Choose from {count(finished, 'finished run')}" + (f"; the newest {listed} are listed" if finished > listed else "")


def _name(run: Job) -> str:
    """The same at every look, as a choice is known by its label: so no "5 s ago" in it."""
    score = (run.result or {}).get("test_accuracy")
    return f"{run.id} · {run.title}" + (f" · {score:.1%}" if score is not None else "")


def short_name(run: Job) -> str:
    """`12 · Demonstration`, short enough for a legend and unique by its number."""
    return f"{run.id} · {run.title}" if len(run.title) <= 40 else f"{run.id} · {run.title[:39]}…"

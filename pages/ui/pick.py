"""Choosing finished runs; the choice stands in the link as ?runs=3,4."""

from __future__ import annotations

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_ids, store
from pages.ui.text import count
from tlcore.store import Job, JobState

MOST_LISTED = 500


def pick_runs(label: str, key: str, most: int, help_text: str) -> list[Job] | None:
    """The chosen finished runs, in the order of choosing; None, with a next step, where there are none yet.

    Ids in the link that are no finished runs are named and left out of the choice.
    """
    done = {run.id: run for run in store().jobs(kind="train", states=[JobState.done], limit=MOST_LISTED)}
    if not done:
        st.info("No finished run yet. The demonstration on Home makes one in seconds.", icon=":material/info:")
        with st.container(horizontal=True):
            st.page_link("home.py", label="Run the demonstration", icon=":material/play_arrow:")
            st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
            st.page_link("runs.py", label="See the queue", icon=":material/monitoring:")
        return None
    asked = read_ids("runs")
    if missing := [run for run in asked if run not in done]:
        names = ", ".join(str(run) if run >= 0 else "one that is no number" for run in missing[:8])
        st.warning(f"Left out, since they are no finished runs: {names}.", icon=":material/warning:")
    if len(asked) - len(missing) > most:
        st.warning(f"The link names more than {most} runs; the first {most} are taken.", icon=":material/warning:")
    take_from_link(key, "runs", lambda: [run for run in asked if run in done][:most])
    chosen = st.multiselect(
        label,
        list(done),
        key=key,
        format_func=lambda run: _name(done[run]) if run in done else str(run),
        max_selections=most,
        placeholder=f"Choose from {count(len(done), 'finished run')}",
        help=help_text,
        on_change=put_into_link,
        args=(key, "runs"),
    )
    return [done[run] for run in chosen if run in done]


def _name(run: Job) -> str:
    """The same at every look, as a choice is known by its label: so no "5 s ago" in it."""
    score = (run.result or {}).get("test_accuracy")
    return f"{run.id} · {run.title}" + (f" · {score:.1%}" if score is not None else "")


def short_name(run: Job) -> str:
    """`12 · Demonstration`, short enough for a legend and unique by its number."""
    return f"{run.id} · {run.title}" if len(run.title) <= 40 else f"{run.id} · {run.title[:39]}…"

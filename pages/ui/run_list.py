"""The queue and history as one table, refreshed while something runs."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.download import download_csv
from pages.ui.run_actions import actions
from pages.ui.run_filter import choose_runs
from pages.ui.run_groups import run_groups
from pages.ui.run_table import all_runs, run_table
from pages.ui.state import store
from pages.ui.text import count
from tlcore.run_query import Wanted
from tlcore.store import ACTIVE

PAGE = 25


def run_list() -> None:
    """Filter, table, and what can be done to the chosen runs; an empty state where there are none."""
    if not store().count(kind="train"):
        st.info("No runs yet. The demonstration on Home makes one in seconds; with pictures of your own, begin on Data.", icon=":material/info:")
        with st.container(horizontal=True):
            st.page_link("home.py", label="Run the demonstration", icon=":material/play_arrow:")
            st.page_link("data.py", label="Add pictures", icon=":material/add_photo_alternate:")
            st.page_link("train.py", label="Set up a run", icon=":material/model_training:")
        return
    asked, by = choose_runs()
    active = bool(store().count(states=ACTIVE))
    every_s = live.poll_s(active)

    @st.fragment(run_every=every_s, key="run_list")
    def rows() -> None:
        _rows(asked, by)
        if active != bool(store().count(states=ACTIVE)) or live.out_of_step(every_s):
            st.rerun()

    rows()


def _rows(asked: Wanted, by: str) -> None:
    found = store().runs.count(asked)
    if not found:
        hidden = asked.hidden == "without" and store().count(kind="train", hidden=True)
        st.info("No run fits. Take the filters off, or look for something else, to see all." if asked.filtered or not hidden else "All runs are hidden. Filter lists them.", icon=":material/filter_alt_off:")
    elif by:
        run_groups(asked, by)
    else:
        _table(asked, found)
    if imports := store().count(kind="ingest", states=ACTIVE):
        st.page_link("data.py", label=f"{count(imports, 'import')} of pictures in the queue as well", icon=":material/photo_library:")


def _table(asked: Wanted, found: int) -> None:
    toolbar, table = st.container(), st.container()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        pages = -(-found // PAGE)
        page = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
        st.caption(count(found, "run"), width="content")
        download_csv(lambda: all_runs(asked), "runs.csv", "runs")
    with table:
        chosen = run_table(store().runs.page(asked, PAGE, (page - 1) * PAGE), asked.sort)
    with toolbar:
        if chosen:
            actions(chosen, "list")
        else:
            st.caption("Open a run, or tick several to compare, tag, hide, cancel, resume or delete them.")

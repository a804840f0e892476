"""Labels on Tune: does transfer help, and how many labels does it save, at /tune?series=7; and how to search by hand."""

from __future__ import annotations

import time

import streamlit as st

from pages.ui.label_view import label_curve
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_id, store, write_query
from tlcore.errors import NotFoundError
from tlcore.label_curve import KIND, QUESTION
from tlcore.store import Series

CHOSEN = "series_chosen"


def labels() -> None:
    """The experiments on labels, the chosen one open; and what can be done without one."""
    listed = store().series.listed(KIND)
    st.subheader(QUESTION, anchor=False)
    if listed:
        label_curve(choose(listed))
    else:
        with st.container(border=True):
            st.markdown(
                f"No such experiment yet. On **Train**, set up a run, open **{QUESTION}** beside Start and queue it: the same settings from scratch, frozen and fine-tuned, "
                "with few and many labels. The chart of accuracy against labels is then here."
            )
            st.page_link("train.py", label="Set up the experiment", icon=":material/query_stats:")
    st.subheader("Search by hand", anchor=False)
    by_hand()


def choose(listed: list[Series]) -> Series:
    """The series of the link, else the newest; the link follows the choice."""
    asked = read_id("series")
    known = {series.id: series for series in listed}
    if asked is not None and asked not in known:
        try:
            series = store().series.get(asked)
            known |= {asked: series} if series.kind == KIND else {}  # An old one, or one whose runs were deleted.
        except NotFoundError:
            pass
        if asked not in known:
            st.warning("The link names a series that isn't here, deleted perhaps. The newest one is shown instead.", icon=":material/search_off:")
    first = asked if asked in known else listed[0].id
    if asked != first:
        write_query(series=first)
    if st.session_state.get(CHOSEN) not in known:
        st.session_state.pop(CHOSEN, None)  # It was deleted.
    take_from_link(CHOSEN, "series", lambda: first)
    number = st.selectbox(
        "Series", list(known), key=CHOSEN, width=480, on_change=put_into_link, args=(CHOSEN, "series"),
        format_func=lambda number: named(known[number]), help="Each is one experiment of many runs. The newest comes first.",
    )
    return known[number]


def named(series: Series) -> str:
    """Number, title and when it was queued: not how long ago, since the browser sends back the words that it was given."""
    return f"{series.id} · {series.title} · {time.strftime('%d %b %Y, %H:%M', time.localtime(series.created_at))}"


def by_hand() -> None:
    st.markdown(
        "1. On **Train**, choose dataset and classes, then several backbones or depths at once; each becomes a run in the queue.\n"
        "2. On **Runs**, watch them. Cancel those that fall behind, clone the best and change one setting.\n"
        "3. On **Compare**, put them side by side: figures, curves, and only the settings that differ.\n\n"
        "Keep the dataset, the classes, the test share and the split seed equal: otherwise the test pictures differ and the figures can't be compared. "
        "Repeat the best with another training seed to see how much of a lead is chance."
    )
    with st.container(horizontal=True):
        st.page_link("train.py", label="Queue several runs", icon=":material/model_training:")
        st.page_link("runs.py", label="Watch them", icon=":material/monitoring:")
        st.page_link("compare.py", label="Compare the finished ones", icon=":material/compare_arrows:")

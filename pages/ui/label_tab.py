"""Labels on Tune: does transfer help, and how many labels does it save, at /tune?series=7; and how to search by hand."""

from __future__ import annotations

import streamlit as st

from pages.ui.label_view import label_curve
from pages.ui.series_choice import choose
from pages.ui.state import store
from tlcore.label_curve import KIND, QUESTION


def labels() -> None:
    """The experiments on labels, the chosen one open; and what can be done without one."""
    listed = store().series.listed(KIND)
    st.subheader(QUESTION, anchor=False)
    if listed:
        label_curve(choose(listed, KIND, "series", "Series"))
    else:
        with st.container(border=True):
            st.markdown(
                f"No such experiment yet. On **Train**, set up a run, open **{QUESTION}** beside Start and queue it: the same settings from scratch, frozen and fine-tuned, "
                "with few and many labels. The chart of accuracy against labels is then here."
            )
            st.page_link("train.py", label="Set up the experiment", icon=":material/query_stats:")
    st.subheader("Search by hand", anchor=False)
    by_hand()


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

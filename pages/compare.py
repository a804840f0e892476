"""Two to eight finished runs on the same test pictures, at /compare?runs=3,4."""

import streamlit as st

from pages.ui.comparison import (
    compared,
    confusion_matrices,
    differing,
    metric_table,
    on_source,
    overlaid_curves,
)
from pages.ui.cost_view import cost_view
from pages.ui.pick import pick_runs
from pages.ui.run_domain import choose_domain
from pages.ui.state import guarded, head, workspace
from pages.ui.text import count
from tlcore.compare import FEWEST, MOST

head("Compare runs", "Two to eight finished runs, side by side, on the same test pictures. The link holds your choice.")


def page() -> None:
    runs = pick_runs("Runs", "compare_runs", MOST, "Runs that were tested on other pictures are refused: their figures say nothing about each other.")
    if runs is None:
        return
    if len(runs) < FEWEST:
        st.info("Choose one more run." if runs else "Choose two runs or more; or tick them on the Runs page.", icon=":material/compare_arrows:")
        return
    named = tuple((run.id, run.title) for run in runs)
    comparison = compared(str(workspace().root), named, runs)
    domain = choose_domain(runs)
    shown = comparison if domain == "target" else on_source(str(workspace().root), named, runs)
    pictures = count(len(shown.predictions[runs[0].id]), "test picture") + (" of the source" if domain == "source" else "")
    st.subheader(f"Figures on the same {pictures}", anchor=False)
    metric_table(shown.metrics)
    st.subheader("Learning curves", anchor=False)
    overlaid_curves(runs)
    st.subheader("Settings that differ", anchor=False)
    differing(comparison)
    st.subheader("Confusion matrices", anchor=False)
    confusion_matrices(runs, shown.predictions)


with guarded():
    page()
cost_view()

"""Two to eight finished runs on the same test pictures, at /compare?runs=3,4."""

import streamlit as st

from pages.ui.compare_choice import chosen
from pages.ui.comparison import comparison_tabs
from pages.ui.cost_view import cost_view
from pages.ui.pick import pick_runs
from pages.ui.state import guarded, head
from tlcore.compare import FEWEST, MOST

head("Compare runs", "Two to eight finished runs, side by side, on the same test pictures: which is better, and is it more than chance? The link holds what you see.")


def page() -> None:
    runs = pick_runs("Runs", "compare_runs", MOST, "Runs that were tested on other pictures are compared on those that all were tested on, if you say so.")
    if runs is None:
        return
    if len(runs) < FEWEST:
        st.info("Choose one more run." if runs else "Choose two runs or more; or tick them on the Runs page.", icon=":material/compare_arrows:")
        return
    comparison = chosen(runs)
    if comparison is not None:
        comparison_tabs(runs, comparison)


with guarded():
    page()
cost_view()

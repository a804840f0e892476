"""In which settings do they differ?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.download import download_csv
from tlcore.compare import Comparison
from tlcore.store import Job


def settings(runs: Sequence[Job], comparison: Comparison) -> None:
    """Only those that are not equal in all runs."""
    if comparison.settings.empty:
        st.caption("All settings are equal; what differs is chance or the machine.")
        return
    names = {str(run): st.column_config.TextColumn(f"Run {run}") for run in comparison.runs}
    st.dataframe(comparison.settings, hide_index=True, column_config={"setting": st.column_config.TextColumn("Setting", pinned=True), **names}, alt="Settings that are not equal in all runs")
    download_csv(comparison.settings, "settings.csv", "settings")

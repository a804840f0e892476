"""The comparison to take along: as a report, as JSON, as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from pages.ui.state import store
from tlcore.compare import Comparison
from tlcore.report import report
from tlcore.store import Job
from tlcore.tables import to_csv


def downloads(runs: Sequence[Job], comparison: Comparison) -> None:
    """Three files, each made when it is asked for."""
    name = f"comparison-{'-'.join(str(run.id) for run in runs)}"
    with st.popover("Download", icon=":material/download:", width="content"):
        st.download_button(
            "Report (HTML)", lambda: report(comparison, {run.id: store().epochs(run.id) for run in runs}, runs), f"{name}.html", "text/html",
            key="download_report", icon=":material/description:", on_click="ignore", help="One file with all figures and charts that opens without a network and prints.",
        )
        st.download_button("All of it (JSON)", lambda: json.dumps(comparison.to_document(), indent=2, ensure_ascii=False), f"{name}.json", "application/json", key="download_json", icon=":material/data_object:", on_click="ignore")
        st.download_button("Figures (CSV)", lambda: to_csv(comparison.figures()), f"{name}.csv", "text/csv", key="download_figures", icon=":material/table:", on_click="ignore")

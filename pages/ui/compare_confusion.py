"""What does each take for what?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import charts
from pages.ui.download import download_csv
from pages.ui.text import literal
from tlcore.compare import Comparison
from tlcore.store import Job


def confusion(runs: Sequence[Job], comparison: Comparison) -> None:
    """One matrix a run, never merged; two side by side, on a narrow screen one below the other."""
    shown = st.segmented_control("Figures in the cells", ["counts", "share of the row", "share of the column"], default="counts", required=True, key="compare_confusion", persist_state="session")
    dark = st.context.theme.type == "dark"
    with st.grid(2, min_column_width=300):
        for run, result in comparison.predictions.items():
            with st.container(key=f"matrix_{run}"):
                st.markdown(f"**{literal(comparison.names[run])}**")
                cells = result.confusion_cells("column" if shown == "share of the column" else "row")
                wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
                st.vega_lite_chart(cells, charts.confusion(result.classes, dark, shown != "counts"), key=f"confusion_{run}", alt=f"Confusion matrix of run {run}: {wrong} of {len(result)} test pictures mistaken")
    download_csv(comparison.confusions, "confusion.csv", "compared_confusion")

"""What does each take for what?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import confusion_chart
from pages.ui.compare_choice import dataset_of
from pages.ui.download import download_csv
from pages.ui.gallery import gallery
from pages.ui.linked import choice
from pages.ui.run_confusion import CELLS, clicked_cell
from pages.ui.text import count, literal
from tlcore.compare import Comparison
from tlcore.results import Predictions
from tlcore.store import Job

MOST_PICTURES = 12


def confusion(runs: Sequence[Job], comparison: Comparison) -> None:
    """One matrix a run, never merged; two side by side, on a narrow screen one below the other; a click on a cell shows its pictures."""
    shown = choice("Figures in the cells", CELLS, "compare_confusion", "cells")
    st.caption("Click a cell to see its pictures. The tab Changes shows two runs as one less the other.")
    with st.grid(2, min_column_width=300):
        for run, result in comparison.predictions.items():
            with st.container(key=f"matrix_{run}"):
                st.markdown(f"**{literal(comparison.names[run])}**")
                _matrix(run, result, shown)
                _pictures(run, result, dataset_of(runs, comparison, run))
    download_csv(comparison.confusions, "confusion.csv", "compared_confusion")


def _matrix(run: int, result: Predictions, shown: str) -> None:
    cells = result.confusion_cells("column" if shown == "share of the column" else "row")
    wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
    st.vega_lite_chart(
        cells, confusion_chart.confusion(result.classes, st.context.theme.type == "dark", shown != "counts"), key=f"confusion_{run}", on_select="rerun", selection_mode="cell",
        alt=f"Confusion matrix of run {run}: {wrong} of {len(result)} test pictures mistaken",
    )


def _pictures(run: int, result: Predictions, dataset_id: str) -> None:
    """Those of the clicked cell, the surest first; the link keeps the cell of each run."""
    true, predicted = clicked_cell(st.session_state[f"confusion_{run}"], result.confusion_cells("row"), f"compared_cell_{run}", f"cell_{run}")
    if true:
        pictures = result.in_cell(true, predicted)
        st.markdown(f"**{count(len(pictures), 'picture')}**" + (f", the {MOST_PICTURES} surest first:" if len(pictures) > MOST_PICTURES else ":"))
        gallery(pictures.head(MOST_PICTURES), dataset_id)

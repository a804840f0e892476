"""What was taken for what?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import confusion_chart
from pages.ui.download import download_csv
from pages.ui.gallery import gallery
from pages.ui.run_domain import tested
from pages.ui.text import count
from tlcore.results import Predictions
from tlcore.store import Job

MOST_PICTURES = 24


def confusion(run: Job) -> None:
    """Counts or shares; a click on a cell shows its pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = tested(run)
        shown = st.segmented_control("Figures in the cells", ["counts", "share of the row", "share of the column"], default="counts", required=True, key="confusion_by", persist_state="session")
    result = given.predictions
    cells = result.confusion_cells("column" if shown == "share of the column" else "row")
    wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
    with st.container(width=min(900, 160 + 64 * len(result.classes))):  # Wider cells would only be flatter.
        event = st.vega_lite_chart(
            cells,
            confusion_chart.confusion(result.classes, st.context.theme.type == "dark", shown != "counts"),
            key="confusion" if given.domain == "target" else "confusion_source",  # A cell chosen in one may be empty in the other.
            on_select="rerun",
            selection_mode="cell",
            alt=f"Confusion matrix of {len(result.classes)} classes: {wrong} of {len(result)} {given.pictures} mistaken",
        )
    download_csv(confusion_table(result), f"{given.name}-confusion.csv", "confusion")
    chosen = event["selection"].get("cell") or []
    if not chosen:
        st.caption("Click a cell to see its pictures.")
        return
    pictures = result.in_cell(chosen[0]["true"], chosen[0]["predicted"])
    st.markdown(f"**{count(len(pictures), 'picture')}**" + (f", the {MOST_PICTURES} surest first:" if len(pictures) > MOST_PICTURES else ":"))
    gallery(pictures.head(MOST_PICTURES), given.dataset_id)


def confusion_table(result: Predictions) -> pd.DataFrame:
    """Counts with the true class in the first column; a class may be called `true class` as well."""
    table = pd.DataFrame(result.confusion, columns=list(result.classes))
    table.insert(0, "true class", list(result.classes), allow_duplicates=True)
    return table

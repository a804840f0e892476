"""Which classes does one recognise better than another?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import class_bars_chart
from pages.ui.compare_choice import linked_choice
from pages.ui.download import download_csv
from pages.ui.text import count, literal
from tlcore.compare import Comparison
from tlcore.store import Job

BARS = 48  # On one page of the chart.
FIGURES = {
    "recall": ("Recall", "Of the pictures of a class, the share that was found."),
    "precision": ("Precision", "Of the pictures taken for a class, the share that belongs to it."),
    "f1": ("F1", "Harmonic mean of precision and recall."),
}


def classes(runs: Sequence[Job], comparison: Comparison) -> None:
    """Bars of every class by run, those first that differ most, and the table."""
    figure = linked_choice("Figure of each class", {name: title for name, (title, _) in FIGURES.items()}, "compare_class_figure", "of_class", width=220)
    table = comparison.by_class(figure)
    shown = max(2, BARS // len(runs))
    pages = -(-len(table) // shown)
    st.caption(f"{FIGURES[figure][1]} Classes that differ most come first; the thin line is the 95% interval of each bar by itself, wide where there are few pictures.")
    page = st.pagination(pages, key="compare_class_page", persist_state="session") if pages > 1 else 1
    part = tuple(table["class"][(page - 1) * shown : page * shown])
    st.vega_lite_chart(
        class_bars_chart.rows(comparison, part, figure), class_bars_chart.spec(part, tuple(comparison.names.values()), figure, st.context.theme.type == "dark"),
        key="class_bars", alt=f"{FIGURES[figure][0]} of {count(len(part), 'class', 'classes')} by run, those that differ most first",
    )
    columns = {str(run): st.column_config.ProgressColumn(f"Run {run}", format="%.3f", min_value=0, max_value=1, help=literal(comparison.names[run])) for run in comparison.runs}
    columns |= {
        "class": st.column_config.TextColumn("Class", pinned=True), "support": st.column_config.NumberColumn("Pictures", format="localized", help="Test pictures of this class."),
        "spread": st.column_config.NumberColumn("Spread", format="%.3f", help="The largest less the smallest of the runs."),
    }
    st.dataframe(table, hide_index=True, column_config=columns, alt=f"{FIGURES[figure][0]} of every class by run")
    download_csv(comparison.class_table, "classes.csv", "compared_classes")

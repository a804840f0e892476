"""How well is each class recognised?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import class_chart
from pages.ui.download import download_csv
from pages.ui.linked import choice
from pages.ui.run_domain import Tested, tested
from pages.ui.text import count
from tlcore.evaluation import classes_by
from tlcore.store import Job

MEANINGS = {
    "recall": "Of the pictures of this class, the share that was found.",
    "precision": "Of the pictures taken for this class, the share that belongs to it.",
    "F1": "Harmonic mean of precision and recall.",
}
MANY_CLASSES = 40  # More than fit on a screen.
WORST = 30


def classes(run: Job) -> None:
    """One figure of every class as a chart, the worst first, then all of them as a table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = tested(run)
        title = choice("Figure", tuple(MEANINGS), "class_figure", "figure")
        shown = "all"
        if len(given.predictions.classes) > MANY_CLASSES:
            shown = choice("Classes", (f"worst {WORST}", "all"), "class_rows", "listed")
    ordered = classes_by(given.evaluation, title.lower())
    _chart(given, ordered if shown == "all" else ordered.head(WORST), title)
    if missing := len(given.predictions.classes) - len(ordered):
        st.caption(f"{count(missing, 'class', 'classes')} can't be told of: no test picture {'was taken for them' if title == 'precision' else 'is of them'}.")
    _table(given, title.lower())


def _chart(given: Tested, drawn: pd.DataFrame, title: str) -> None:
    if drawn.empty:
        return
    figure, worst = title.lower(), drawn.iloc[0]
    st.caption(f"{MEANINGS[title]} The bars are 95% intervals, the dashed line is the mean over classes.")
    st.vega_lite_chart(
        drawn, class_chart.spec(figure, title, len(drawn)), key="class_chart",
        alt=f"{title} of {count(len(drawn), 'class', 'classes')} with 95% intervals, the worst first: {worst['class']}, {worst[figure]:.1%}",
    )


def _table(given: Tested, first: str) -> None:
    table = given.evaluation.per_class.sort_values(first, kind="stable", ignore_index=True)
    ends = {f"{name.lower()}_{end}": st.column_config.NumberColumn(f"{name.capitalize()} {said}", format="%.3f", width=100, help="The end of the 95% interval.") for name in MEANINGS for end, said in (("low", "from"), ("high", "to"))}
    figures = {name.lower(): st.column_config.ProgressColumn(name.capitalize(), help=meaning, format="%.3f", min_value=0, max_value=1) for name, meaning in MEANINGS.items()}
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        alt=f"Recall, precision and F1 with 95% intervals, and number of {given.pictures}, by class",
        column_order=["class", "support", *(f"{name.lower()}{end}" for name in MEANINGS for end in ("", "_low", "_high"))],
        column_config={
            "class": st.column_config.TextColumn("Class", pinned=True),
            "support": st.column_config.NumberColumn("Pictures", help="Test pictures of this class.", width=80),
            **figures, **ends,
        },
    )
    download_csv(table, f"{given.name}-classes.csv", "classes")

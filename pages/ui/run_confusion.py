"""What was taken for what?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import confusion_chart
from pages.ui.confusion_chart import MOST_LABELLED_CLASSES
from pages.ui.download import download_csv
from pages.ui.gallery import gallery
from pages.ui.linked import choice, names
from pages.ui.run_domain import Tested, tested
from pages.ui.state import read_text, write_query
from pages.ui.text import count, literal
from tlcore.confusions import Zoom, worst_classes, worst_pairs
from tlcore.results import Predictions
from tlcore.store import Job

MOST_PICTURES = 24
MANY_CLASSES = 30  # Beyond, a list of the worst pairs says more at a glance than the matrix.
MOST_PAIRS = 100
MOST_ROWS = 10  # More are scrolled through.
VIEWS = ("matrix", "worst pairs")
CELLS = ("counts", "share of the row", "share of the column")
ORDERS = ("as in the dataset", "confused ones together")
ZOOMS = ("all", "most confused", "chosen")


def confusion(run: Job) -> None:
    """The matrix, or its worst pairs as a list; a click on either shows the pictures."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = tested(run)
        many = len(given.predictions.classes) > MANY_CLASSES
        as_list = choice("Show", VIEWS, f"confusion_view_{many}", "confusion", default=VIEWS[many]) == "worst pairs"
        if not as_list:
            shown = choice("Figures in the cells", CELLS, "confusion_by", "cells")
            zoom = Zoom(given.predictions, _classes(run, given))
    if as_list:
        _pairs(given)
    else:
        _matrix(given, zoom, shown)


def _classes(run: Job, given: Tested) -> tuple[str, ...]:
    """Which classes are shown singly, in which order."""
    classes = order = given.predictions.classes
    if len(classes) > 2 and choice("Order of the classes", ORDERS, "confusion_order", "arranged", help_text="Confused ones together: neighbours are taken for each other most often.") == ORDERS[1]:
        order = given.evaluation.class_order
    if len(classes) <= MOST_LABELLED_CLASSES:
        return order
    many = len(classes) > MANY_CLASSES
    wanted = choice("Classes", ZOOMS, f"confusion_zoom_{many}", "zoom", default=ZOOMS[many], help_text="All others are summed up in one row and one column.")
    shown = worst_classes(given.predictions)
    if wanted == "chosen":
        shown = tuple(names("Chosen classes", classes, f"confusion_only_{run.id}", "only", shown, placeholder="Choose classes", wrap=True)) or shown
    return order if wanted == "all" or not shown else tuple(name for name in order if name in shown)


def _matrix(given: Tested, zoom: Zoom, shown: str) -> None:
    """One cell a pair of classes, and the pictures of the clicked one."""
    cells = zoom.cells("column" if shown == "share of the column" else "row")
    wrong = int((given.predictions.predicted != given.predictions.labels).sum())
    part = f", {len(zoom.shown)} of them singly" if zoom.others else ""
    with st.container(width=min(900, 160 + 64 * len(zoom.names))):  # Wider cells would only be flatter.
        event = st.vega_lite_chart(
            cells, confusion_chart.confusion(zoom.names, st.context.theme.type == "dark", shown != "counts"), key=_key("confusion", given),
            on_select="rerun", selection_mode="cell",
            alt=f"Confusion matrix of {len(given.predictions.classes)} classes{part}: {wrong} of {len(given.predictions)} {given.pictures} mistaken",
        )
    if zoom.others:
        st.caption(f"“{literal(zoom.others)}” sums up the pictures of classes that aren't shown singly, and those taken for them. What these are taken for among themselves is left out, but counts in the shares.")
    download_csv(confusion_table(given.predictions), f"{given.name}-confusion.csv", "confusion")
    true, predicted = clicked_cell(event, cells, f"{given.name}_cell")
    found = zoom.in_cell(true, predicted)
    if found.empty:
        st.caption("Click a cell to see its pictures.")
    else:
        _pictures(found, true, predicted, given)


def clicked_cell(event: Any, cells: pd.DataFrame, key: str, name: str = "cell") -> tuple[str, str]:
    """True and predicted class of the clicked cell, which goes into the link as `name`; before a click that of the link; empty without one."""
    clicked = next((_word(cell["true"], cell["predicted"]) for cell in event["selection"].get("cell") or []), None)
    if clicked != st.session_state.get(key):
        write_query(**{name: clicked})
        st.session_state[key] = clicked
    by_word = {_word(true, predicted): (true, predicted) for true, predicted in zip(cells["true"], cells["predicted"], strict=True)}
    return by_word.get(read_text(name) or "", ("", ""))


def _word(true: str, predicted: str) -> str:
    """A cell in the link."""
    return f"{true} → {predicted}"


def _pairs(given: Tested) -> None:
    """The most frequent mistakes as a table; the chosen one's pictures below."""
    pairs = worst_pairs(given.predictions, None)
    if pairs.empty:
        st.success(f"Not one of the {given.pictures} was mistaken.", icon=":material/check_circle:")
        return
    left_out = f" The {MOST_PAIRS} most frequent are listed." if len(pairs) > MOST_PAIRS else ""
    st.caption(f"{count(int(pairs['count'].sum()), 'mistake')} of {count(len(pairs), 'kind')}, the most frequent first.{left_out} Tick one to see its pictures.")
    asked = read_text("cell") or ""
    words = [_word(true, predicted) for true, predicted in zip(pairs["true"], pairs["predicted"], strict=True)][:MOST_PAIRS]
    event = st.dataframe(
        pairs.head(MOST_PAIRS), hide_index=True, key=_key("worst_pairs", given), on_select="rerun", selection_mode="single-row-required", selection_default={"selection": {"rows": [words.index(asked) if asked in words else 0]}},
        height="content" if len(pairs) <= MOST_ROWS else 390, alt=f"The most frequent mistakes among the {given.pictures}",
        column_config={
            "true": st.column_config.TextColumn("True class"), "predicted": st.column_config.TextColumn("Taken for"),
            "count": st.column_config.NumberColumn("Pictures"),
            "share": st.column_config.ProgressColumn("Share", format="percent", min_value=0, max_value=1, help="Of the pictures of the true class."),
        },
    )
    download_csv(pairs, f"{given.name}-worst-pairs.csv", "pairs")
    for row in event.selection.rows:
        if row < len(pairs):
            true, predicted = pairs.loc[row, ["true", "predicted"]]
            write_query(cell=words[row])
            _pictures(given.predictions.in_cell(true, predicted), true, predicted, given)


def _pictures(found: pd.DataFrame, true: str, predicted: str, given: Tested) -> None:
    """Those of one cell, surest first."""
    what = f"of {literal(true)}, recognised" if true == predicted else f"of {literal(true)} taken for {literal(predicted)}"
    st.markdown(f"**{count(len(found), 'picture')}** {what}" + (f", the {MOST_PICTURES} surest first:" if len(found) > MOST_PICTURES else ":"))
    gallery(found.head(MOST_PICTURES), given.dataset_id)


def _key(name: str, given: Tested) -> str:
    return name if given.domain == "target" else f"{name}_source"  # What is chosen in one domain may be empty in the other.


def confusion_table(result: Predictions) -> pd.DataFrame:
    """Counts with the true class in the first column; a class may be called `true class` as well."""
    table = pd.DataFrame(result.confusion, columns=list(result.classes))
    table.insert(0, "true class", list(result.classes), allow_duplicates=True)
    return table

"""Answers against the folders that the pictures came in: what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from pages.ui import confusion_chart
from pages.ui.run_confusion import clicked_cell
from pages.ui.text import count, literal
from tlcore.proportions import exact
from tlcore.results import Predictions

TALLEST = 30  # Classes; a larger matrix is left to the Runs page.


def score(by_folders: Mapping[str, Predictions], alone: bool) -> None:
    """Of each model the share of pictures that it calls by their folder's name; alone: whether there is one model only. By model, as of `judged`."""
    for name, given in by_folders.items():
        right = int((given.predicted == given.labels).sum())
        low, high = exact(right, len(given))
        whose = "" if alone else f"{literal(name)}: "
        st.markdown(f"{whose}**{right / len(given):.1%}** of {count(len(given), 'picture')} are called by the name of their folder (95% interval {low:.1%} to {high:.1%}).")


def confusion(by_folders: Mapping[str, Predictions]) -> list[int] | None:
    """One model's matrix, and the places of the pictures in the clicked cell; None before a click."""
    names = list(by_folders)
    name = st.segmented_control("Model", names, key="answers_confusion_of", required=True, default=names[0], format_func=literal) if len(names) > 1 else names[0]
    given = by_folders[name]
    if len(given.classes) > TALLEST:
        st.caption(f"A matrix of {len(given.classes)} classes doesn't fit here. The table's CSV holds every answer.")
        return None
    cells = given.confusion_cells()
    wrong = int((given.predicted != given.labels).sum())
    with st.container(width=min(900, 160 + 64 * len(given.classes))):
        event = st.vega_lite_chart(
            cells, confusion_chart.confusion(given.classes, st.context.theme.type == "dark", False), key="answers_confusion", on_select="rerun", selection_mode="cell",
            alt=f"Confusion matrix of {len(given.classes)} classes: {wrong} of {count(len(given), 'picture')} mistaken",
        )  # fmt: skip
    true, predicted = clicked_cell(event, cells, "answers_cell")
    if not true:
        st.caption("Click a cell to see its pictures alone.")
        return None
    st.markdown(f"Pictures of **{literal(true)}** taken for **{literal(predicted)}**:" if true != predicted else f"Pictures of **{literal(true)}**, recognised:")
    labels, answered = (np.array(given.classes)[each] for each in (given.labels, given.predicted))
    return [int(row) for row in given.rows[(labels == true) & (answered == predicted)]]

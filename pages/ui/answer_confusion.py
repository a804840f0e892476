"""Answers against the folders that the pictures came in: what was taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from pages.ui import confusion_chart
from pages.ui.predict_models import Asked
from pages.ui.run_confusion import clicked_cell
from pages.ui.text import count, literal
from tlcore.answers import judged
from tlcore.predict import Answer
from tlcore.proportions import exact

TALLEST = 30  # Classes; a larger matrix is left to the Runs page.


def score(answers: Sequence[Answer], models: Sequence[Asked]) -> None:
    """Of each model the share of pictures that it calls by their folder's name."""
    for each in models:
        given = judged(answers, each.name)
        if given is not None:
            right = int((given.predicted == given.labels).sum())
            low, high = exact(right, len(given))
            whose = f"{literal(each.name)}: " if len(models) > 1 else ""
            st.markdown(f"{whose}**{right / len(given):.1%}** of {count(len(given), 'picture')} are called by the name of their folder (95% interval {low:.1%} to {high:.1%}).")


def confusion(answers: Sequence[Answer], models: Sequence[Asked]) -> list[int] | None:
    """One model's matrix, and the places of the pictures in the clicked cell; None before a click."""
    known = [each for each in models if judged(answers, each.name) is not None]
    name = st.segmented_control("Model", [each.name for each in known], key="answers_confusion_of", required=True, default=known[0].name, format_func=literal) if len(known) > 1 else known[0].name
    given = judged(answers, name)
    assert given is not None
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

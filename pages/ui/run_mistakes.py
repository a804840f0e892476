"""Where was it sure and wrong?"""

from __future__ import annotations

import streamlit as st

from pages.ui.download import download_csv
from pages.ui.gallery import gallery
from pages.ui.label_errors import label_errors
from pages.ui.nearest_view import nearest_training_pictures
from pages.ui.run_domain import tested
from pages.ui.state import read_id, write_query
from tlcore.store import Job

MOST_PICTURES = 24


def mistakes(run: Job) -> None:
    """The wrong answers it was surest of, with their pictures; then the labels that are probably wrong themselves."""
    worst_mistakes(run)
    label_errors(run)


def worst_mistakes(run: Job) -> None:
    given = tested(run)
    worst = given.predictions.worst_mistakes(MOST_PICTURES)
    if worst.empty:
        st.success(f"Not one of the {given.pictures} was mistaken.", icon=":material/check_circle:")
        return
    chosen = worst[worst["row"] == read_id("mistake")]
    if not chosen.empty:
        nearest_training_pictures(run, given, chosen.iloc[0])
    st.subheader("Worst mistakes", anchor=False)
    st.markdown("Wrong answers, the surest first: the true class, then what it was taken for and how sure the model was. **Why?** shows the training pictures that the network finds most like it.")
    gallery(worst, given.dataset_id, _ask_why)
    download_csv(worst, f"{given.name}-mistakes.csv", "mistakes")


def _ask_why(row: int) -> None:
    st.button("Why?", key=f"why_{row}", type="tertiary", icon=":material/search:", on_click=_choose, args=(row,), help="Show the training pictures that the network finds most like it.")


def _choose(row: int) -> None:
    write_query(mistake=row)

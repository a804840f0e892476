"""Pictures with what they are and what several runs took them for."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.ui.text import literal
from pages.ui.thumbnails import thumbnails

SIDE_PX = 128


def answer_gallery(shown: pd.DataFrame, dataset_id: str, answers: Mapping[int, str], sure: Mapping[int, str] | None = None) -> None:
    """Pictures side by side. Columns: row, label; of each run that with its answer, and where given that with how sure it was."""
    images = thumbnails(dataset_id, shown["row"].tolist(), SIDE_PX)
    with st.container(horizontal=True, gap="small"):
        for picture, image in zip(shown.to_dict("records"), images, strict=True):
            with st.container(width=SIDE_PX, gap="xsmall"):
                told = [(run, picture[column], f", {picture[sure[run]]:.0%}" if sure else "") for run, column in answers.items()]
                said = "; ".join(f"run {run}: {answer}{share}" for run, answer, share in told)
                st.image(image, width=SIDE_PX, alt=f"Picture {picture['row']}: {picture['label']}; {said}")
                lines = "  \n".join(f":small[run {run} {'✓' if answer == picture['label'] else '✗'} {literal(answer)}{share}]" for run, answer, share in told)
                st.markdown(f"**{literal(picture['label'])}**  \n{lines}")

"""Pictures of a run's dataset with what they are and what they were taken for."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.text import literal
from pages.ui.thumbnails import open_dataset, thumbnail

SIDE_PX = 128


def gallery(shown: pd.DataFrame, dataset_id: str) -> None:
    """Pictures side by side. Columns: row, label, predicted, confidence."""
    dataset = open_dataset(dataset_id)
    with st.container(horizontal=True, gap="small"):
        for picture in shown.itertuples():
            with st.container(width=SIDE_PX, gap="xsmall"):
                taken = f"taken for {picture.predicted}, {picture.confidence:.0%} sure"
                st.image(thumbnail(dataset.image(int(picture.row)), SIDE_PX), width=SIDE_PX, alt=f"Picture {picture.row}: {picture.label}, {taken}")
                taken_for = f"→ {literal(picture.predicted)}, " if picture.label != picture.predicted else ""
                st.markdown(f"**{literal(picture.label)}**  \n:small[{taken_for}{picture.confidence:.0%}]")

"""Pictures of a run's dataset with what they are and what they were taken for."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages.ui.text import literal
from pages.ui.thumbnails import thumbnails

SIDE_PX = 128


def gallery(shown: pd.DataFrame, dataset_id: str, below: Callable[[int], None] | None = None) -> None:
    """Pictures side by side. Columns: row, label, predicted, confidence. below: draws what else stands below a picture, by its row."""
    images = thumbnails(dataset_id, shown["row"].tolist(), SIDE_PX)
    with st.container(horizontal=True, gap="small"):
        for picture, image in zip(shown.itertuples(), images, strict=True):
            with st.container(width=SIDE_PX, gap="xsmall"):
                taken = f"taken for {picture.predicted}, {picture.confidence:.0%} sure"
                st.image(image, width=SIDE_PX, alt=f"Picture {picture.row}: {picture.label}, {taken}")
                taken_for = f"→ {literal(picture.predicted)}, " if picture.label != picture.predicted else ""
                st.markdown(f"**{literal(picture.label)}**  \n:small[{taken_for}{picture.confidence:.0%}]")
                if below is not None:
                    below(int(picture.row))

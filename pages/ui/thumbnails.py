"""Pictures of a run's dataset with what they are and what they were taken for."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from PIL import Image

from pages.ui.state import workspace
from pages.ui.text import literal
from tlcore.datasets.dataset import Dataset

SIDE_PX = 132


@st.cache_resource(max_entries=4, show_spinner=False)
def dataset(root: str, dataset_id: str) -> Dataset:
    """A dataset's memory map; immutable, so it may be kept."""
    return Dataset.open(workspace().dataset(dataset_id))


def gallery(pictures: pd.DataFrame, dataset_id: str) -> None:
    """Pictures side by side. Columns: row, label, predicted, confidence."""
    source = dataset(str(workspace().root), dataset_id)
    with st.container(horizontal=True, gap="small"):
        for shown in pictures.itertuples():
            with st.container(width=SIDE_PX, gap="xsmall"):
                st.image(
                    enlarged(source.image(int(shown.row))),
                    width=SIDE_PX,
                    alt=f"Picture {shown.row} of the dataset: {shown.label}, taken for {shown.predicted}",
                )
                st.markdown(
                    f"**{literal(shown.label)}**  \n→ {literal(shown.predicted)}, {shown.confidence:.0%}"
                    if shown.label != shown.predicted
                    else f"**{literal(shown.label)}**  \n{shown.confidence:.0%}"
                )


def enlarged(image: Image.Image, side_px: int = SIDE_PX) -> Image.Image:
    """The picture at about `side_px`; small ones keep their hard pixels instead of a blur."""
    factor = side_px / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.NEAREST if factor > 2 else Image.Resampling.LANCZOS)

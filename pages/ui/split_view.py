"""A split before anything runs: how many pictures of each class go where."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui.thumbnails import open_dataset
from tlcore.config import SplitConfig
from tlcore.datasets.splits import make_split

PARTS = ("train", "val", "test")
PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
# Okabe-Ito: told apart with any colour vision, on light and dark.
PART_COLORS = ("#0072b2", "#e69f00", "#009e73")


@st.cache_data(max_entries=32, show_spinner=False)
def _counts(dataset_id: str, classes: tuple[str, ...], config_json: str) -> pd.DataFrame:
    return make_split(open_dataset(dataset_id), classes or None, SplitConfig.model_validate_json(config_json)).counts()


def split_counts(dataset_id: str, classes: tuple[str, ...], config: SplitConfig) -> pd.DataFrame:
    """Pictures by class and part: columns class, train, val, test. Raises InputError."""
    return _counts(dataset_id, classes, config.model_dump_json())


@lru_cache(maxsize=64)
def _spec(count: int) -> dict[str, Any]:
    """Stacked bars, one a class, in the dataset's order."""
    return (
        alt.Chart(pd.DataFrame({"class": [], "part": [], "pictures": [], "order": []}))
        .mark_bar()
        .encode(
            y=alt.Y("class:N", sort=None, title=None, axis=alt.Axis(labelLimit=140, labelOverlap=False, labelFlush=False)),
            x=alt.X("pictures:Q", title="pictures", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color("part:N", title=None, scale=alt.Scale(domain=list(PART_NAMES.values()), range=list(PART_COLORS)), legend=alt.Legend(orient="top")),
            order=alt.Order("order:Q"),
            tooltip=["class:N", "part:N", alt.Tooltip("pictures:Q", format=",")],
        )
        .properties(height=110 + 24 * count)  # Streamlit fits axis and legend into the height.
        .to_dict()
    )


def split_chart(counts: pd.DataFrame) -> None:
    """Bars of training, validation and test pictures of each class."""
    long = counts.melt("class", list(PARTS), var_name="part", value_name="pictures")
    long["order"] = long["part"].map({part: place for place, part in enumerate(PARTS)})
    long["part"] = long["part"].map(PART_NAMES)
    spec = {key: value for key, value in _spec(len(counts)).items() if key not in ("data", "datasets")}
    st.vega_lite_chart(long, spec, key="split_chart", alt="Training, validation and test pictures of each class")

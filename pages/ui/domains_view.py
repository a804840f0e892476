"""Source and target before anything runs: how many pictures of each class have which role."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui.state import store
from pages.ui.thumbnails import open_dataset
from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains, counts_of, divide, learnt_counts
from tlcore.records import DatasetRecord
from tlcore.strategies import Strategy

ROLES = {"source": "source", "labelled": "target, labelled", "unlabelled": "target, without labels", "val": "validation", "test": "target, test"}
# Okabe-Ito: told apart with any colour vision, on light and dark.
ROLE_COLORS = ("#cc79a7", "#0072b2", "#56b4e9", "#e69f00", "#009e73")
KEPT = ("dataset", "source", "target", "classes", "split")  # Settings that the division depends on, beside whether labels are read.


@st.cache_resource(max_entries=8, show_spinner=False)
def _divided(dataset_id: str, source_id: str | None, config_json: str) -> Domains:
    return divide(RunConfig.model_validate_json(config_json), open_dataset(dataset_id), open_dataset(source_id) if source_id else None)


@st.cache_data(max_entries=32, show_spinner=False)
def _counts(dataset_id: str, source_id: str | None, config_json: str) -> pd.DataFrame:
    return counts_of(_divided(dataset_id, source_id, config_json), open_dataset(dataset_id))


def domains_of(config: RunConfig, record: DatasetRecord) -> tuple[Domains, Dataset | None]:
    """The division itself, which is shared: don't change it; and the source's dataset. Raises InputError, NotFoundError."""
    source_id = _source_id(config)
    return _divided(record.id, source_id, _deciding(config)), open_dataset(source_id) if source_id else None


def domain_counts(config: RunConfig, record: DatasetRecord) -> pd.DataFrame:
    """Pictures by class and role, as `counts_of` gives them. Raises InputError, NotFoundError."""
    return _counts(record.id, _source_id(config), _deciding(config))


def _source_id(config: RunConfig) -> str | None:
    return None if config.source.dataset is None else store().dataset(config.source.dataset).id


def _deciding(config: RunConfig) -> str:
    """What the division depends on, so that another learning rate doesn't divide anew."""
    strategy = "frozen" if config.strategy.reads_target_labels else "source_only"
    return RunConfig.model_validate({**{name: getattr(config, name) for name in KEPT}, "strategy": {"name": strategy}}).model_dump_json()


def domains_chart(counts: pd.DataFrame, strategy: Strategy) -> None:
    """Bars of the pictures of each class by role; validation pictures are those by which the strategy chooses the epoch."""
    wide = counts.assign(val=learnt_counts(counts, strategy)["val"])
    roles = [role for role in ROLES if wide[role].any()]
    long = wide.melt("class", roles, var_name="role", value_name="pictures")
    long["order"] = long["role"].map({role: place for place, role in enumerate(ROLES)})
    long["role"] = long["role"].map(ROLES)
    st.vega_lite_chart(long, _spec(len(counts), tuple(roles)), key="domains_chart", alt="Pictures of each class by role: " + ", ".join(ROLES[role] for role in roles))


@lru_cache(maxsize=64)
def _spec(count: int, roles: tuple[str, ...]) -> dict[str, Any]:
    """Stacked bars, one a class, in the target's order."""
    colors = [color for role, color in zip(ROLES, ROLE_COLORS, strict=True) if role in roles]
    spec = (
        alt.Chart(pd.DataFrame({"class": [], "role": [], "pictures": [], "order": []}))
        .mark_bar()
        .encode(
            y=alt.Y("class:N", sort=None, title=None, axis=alt.Axis(labelLimit=140, labelOverlap=False, labelFlush=False)),
            x=alt.X("pictures:Q", title="pictures", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color("role:N", title=None, scale=alt.Scale(domain=[ROLES[role] for role in roles], range=colors), legend=alt.Legend(orient="top", columns=3)),
            order=alt.Order("order:Q"),
            tooltip=["class:N", "role:N", alt.Tooltip("pictures:Q", format=",")],
        )
        .properties(height=130 + 24 * count)  # Streamlit fits axis and legend into the height.
        .to_dict()
    )
    return {key: value for key, value in spec.items() if key not in ("data", "datasets")}

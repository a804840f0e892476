"""One dataset, looked at from four sides: pictures, classes, split, report."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import forms
from pages.ui.download import download_csv
from pages.ui.errors import guarded, show_kept
from pages.ui.split_view import split_chart, split_counts
from pages.ui.state import store, toast_next, workspace
from pages.ui.text import count, literal
from pages.ui.thumbnails import SIDE_PX, pictures
from tlcore import jobs
from tlcore.config import SplitConfig
from tlcore.datasets.dataset import Dataset
from tlcore.errors import TLError
from tlcore.store import DatasetRecord

PICTURES_A_CLASS = 10
CLASSES_A_PAGE = 10
PICTURES_A_PAGE = 60
ONLY = "only"  # Train has query parameters of its own, `classes` and `split.…`; a link hands these over.
PREFIX = "try."
_MISTAKE = "dataset_mistake"


def sample(record: DatasetRecord, dataset: Dataset) -> None:
    """Some pictures of every class, or all of one, page by page."""
    chosen = st.selectbox("Class", ["", *record.classes], key="class", bind="query-params", format_func=lambda name: name or "Some of every class", width=320)
    if chosen:
        rows = np.flatnonzero(dataset.labels == record.classes.index(chosen))
        page = _page(len(rows), PICTURES_A_PAGE)
        st.caption(count(len(rows), "picture"))
        pictures(record.id, rows[page * PICTURES_A_PAGE :][:PICTURES_A_PAGE])
        return
    page = _page(len(record.classes), CLASSES_A_PAGE)
    for label in range(len(record.classes))[page * CLASSES_A_PAGE :][:CLASSES_A_PAGE]:
        rows = np.flatnonzero(dataset.labels == label)
        st.markdown(f"**{literal(record.classes[label])}** :gray[· {len(rows):,}]")
        pictures(record.id, rows[:PICTURES_A_CLASS], side_px=SIDE_PX - 16)


def _page(items: int, a_page: int) -> int:
    pages = -(-items // a_page)
    return st.pagination(pages, key="page", bind="query-params") - 1 if pages > 1 else 0


def balance(record: DatasetRecord, dataset: Dataset) -> None:
    """How many pictures each class has, and how large they are."""
    counts = dataset.report.counts
    few, many = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[many] == counts[few]:
        st.markdown(f"Every class has {counts[few]:,} pictures.")
    else:
        st.markdown(f"The largest class, “{literal(many)}”, has {counts[many]:,} pictures; the smallest, “{literal(few)}”, has {counts[few]:,}.")
    frame = pd.DataFrame({"class": list(counts), "pictures": list(counts.values())})
    st.vega_lite_chart(frame, _bars(len(counts)), key="balance", alt=f"Pictures of each class, from {counts[few]} to {counts[many]}")
    st.markdown("**Sizes of the pictures**")
    if dataset.report.smallest == dataset.report.largest:
        st.markdown("All pictures are {} × {} px.".format(*dataset.report.smallest))
        return
    sizes = pd.DataFrame({"Width, px": dataset.widths, "Height, px": dataset.heights}).quantile([0, 0.25, 0.5, 0.75, 1]).T.astype(int)
    sizes.columns = ["smallest", "quarter", "median", "three quarters", "largest"]
    st.table(sizes, border="horizontal", alt="Quartiles of width and height")


@lru_cache(maxsize=64)
def _bars(classes: int) -> dict[str, Any]:
    spec = (
        alt.Chart(pd.DataFrame({"class": [], "pictures": []}))
        .mark_bar(color="#0072b2")
        .encode(
            y=alt.Y("class:N", sort=None, title=None, axis=alt.Axis(labelLimit=140, labelOverlap=False, labelFlush=False)),
            x=alt.X("pictures:Q", axis=alt.Axis(tickCount=5, format="~s")),
            tooltip=["class:N", alt.Tooltip("pictures:Q", format=",")],
        )
        .properties(height=55 + 24 * classes)  # Streamlit fits the axis into the height.
        .to_dict()
    )
    return {key: value for key, value in spec.items() if key not in ("data", "datasets")}


def split(record: DatasetRecord, dataset: Dataset) -> None:
    """Choose classes and shares; see what each part gets before anything runs."""
    settings, result = st.columns([2, 3], gap="large")
    with settings:
        st.multiselect("Classes", record.classes, key=ONLY, bind="query-params", placeholder="all classes", help="Two or more; leave it empty for all.")
        config = forms.split_settings(PREFIX)
    with result, guarded():
        classes = tuple(st.session_state[ONLY])
        counts = split_counts(record.id, classes, SplitConfig(**config))
        total = counts[["train", "val", "test"]].sum()
        with st.container(horizontal=True):
            for part, name in (("train", "Training"), ("val", "Validation"), ("test", "Test")):
                st.metric(name, f"{int(total[part]):,}", width="content")
        if (dataset.official == "test").any():
            st.caption("This dataset brings its own test pictures; the test share is not used.")
        split_chart(counts)
        with st.expander("As a table", icon=":material/table:"):
            st.dataframe(counts, hide_index=True, alt="Pictures of each class in each part")
            download_csv(counts, "split.csv", "split")


def report(record: DatasetRecord, dataset: Dataset) -> None:
    """What the import took, left out, and noticed."""
    found = dataset.report
    st.markdown("\n".join(f"- {literal(sentence)}" for sentence in found.sentences()))
    if found.unreadable:
        st.markdown(f"**Files that could not be read**{', the first 50' if found.unreadable_count > len(found.unreadable) else ''}")
        _listed(pd.DataFrame(found.unreadable, columns=["file", "reason"]), "unreadable", "Unreadable files and why")
    if found.conflicting:
        st.markdown("**Equal pictures with different labels**")
        _listed(pd.DataFrame(found.conflicting, columns=["file", "equal to"]), "conflicting", "Files with equal pixels in different classes")


def _listed(files: pd.DataFrame, key: str, alt: str) -> None:
    st.dataframe(files, hide_index=True, alt=alt)
    download_csv(files, f"{key}.csv", key)


def actions(record: DatasetRecord) -> None:
    """Go on to training, or delete the dataset after a question."""
    chosen = st.session_state.get(ONLY) or []
    show_kept(_MISTAKE)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Train on these", key="train_on", type="primary", icon=":material/model_training:"):
            st.switch_page("train.py", query_params={"new": "1", "dataset": record.name, "classes": chosen, **forms.split_query(PREFIX)})
        if st.button("Delete", key="delete", icon=":material/delete:"):
            _ask(record.id, record.name, record.count)


@st.dialog("Delete this dataset?", icon=":material/delete:")
def _ask(dataset_id: str, name: str, number: int) -> None:
    if users := store().users_of(dataset_id):
        st.markdown(f"{literal(name)} can't be deleted: {count(len(users), 'run uses', 'runs use')} it. Delete these first, or keep the pictures.")
        for run, title in list(users.items())[:5]:
            st.page_link("runs.py", label=f"Run {run} · {literal(title)}", query_params={"run": str(run)})
        return
    st.markdown(f"{literal(name)} with {count(number, 'picture')} is removed from this workspace. This can't be undone.")
    show_kept(_MISTAKE)
    with st.container(horizontal=True):
        st.button("Delete it", key="delete_confirmed", type="primary", icon=":material/delete:", on_click=_delete, args=(name,))
        if st.button("Keep it", key="delete_cancelled"):
            st.rerun()


def _delete(name: str) -> None:
    try:
        jobs.delete_dataset(store(), workspace(), name)
    except TLError as error:
        st.session_state[_MISTAKE] = str(error)
        return
    toast_next(f"{literal(name)} is deleted.", icon=":material/delete:")
    st.switch_page("data.py", query_params={})


"""Datasets: those that are here, adding one, and looking at one before training on it."""

import streamlit as st

from pages.ui import dataset_view, ingest
from pages.ui.errors import guarded
from pages.ui.marks import marked_pictures
from pages.ui.state import head, read_text, store, warm_up
from pages.ui.text import count, literal, size
from pages.ui.thumbnails import open_dataset, pictures
from tlcore.errors import NotFoundError
from tlcore.store import DatasetRecord

SAMPLES = 5


def go_to(name: str | None) -> None:
    """Show one dataset, or all; the address follows."""
    st.switch_page("data.py", query_params={"dataset": name} if name else {})


def back() -> None:
    st.button("All datasets", key="all_datasets", type="tertiary", icon=":material/arrow_back:", on_click=go_to, args=(None,))


def card(record: DatasetRecord) -> None:
    with st.container(border=True, key=f"card_{record.id}", height="stretch"):
        st.subheader(literal(record.name), anchor=False)
        st.caption(" · ".join((count(record.count, "picture"), count(len(record.classes), "class", "classes"), size(record.bytes))))
        with guarded():
            step = max(1, record.count // SAMPLES)
            pictures(record.id, range(0, record.count, step)[:SAMPLES], side_px=52)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Look at it", key=f"look_{record.id}", icon=":material/visibility:", on_click=go_to, args=(record.name,))
            st.page_link("train.py", label="Train on it", icon=":material/model_training:", query_params={"new": "1", "dataset": record.name})


def overview() -> None:
    head("Add pictures and look at them", "A dataset never changes once it is here: what a run has learned from can always be looked up.")
    with guarded():
        ingest.imports()
    records = store().datasets()
    if records:
        with st.grid("auto", min_column_width=300):
            for record in records:
                card(record)
    else:
        with st.container(border=True):
            st.subheader("No pictures yet", anchor=False)
            st.markdown("Add the built-in digits below with one click, or bring a ZIP with one folder a class.")
    st.subheader("Add a dataset", anchor=False)
    ingest.add_forms()


def detail(name: str) -> None:
    try:
        record = store().dataset(name)
    except NotFoundError as error:
        head("No such dataset", "The link names a dataset that isn't in this workspace.")
        st.warning(literal(str(error)), icon=":material/search_off:")
        back()
        return
    back()
    head(literal(record.name), f"{count(record.count, 'picture')} in {count(len(record.classes), 'class', 'classes')} · {size(record.bytes)} · from {literal(record.source)}")
    with guarded():
        dataset = open_dataset(record.id)
        tabs = st.tabs(
            ["Pictures", "Classes and sizes", "Split", "Report"],
            key="view",
            bind="query-params",
            on_change="rerun",
        )
        views = (dataset_view.sample, dataset_view.balance, dataset_view.split, dataset_view.report)
        for tab, view in zip(tabs, views, strict=True):
            if tab.open:
                with tab, guarded():
                    view(record, dataset)
        marked_pictures(record)
    dataset_view.actions(record)


chosen = read_text("dataset")
if chosen is None:
    overview()
else:
    detail(chosen)
with guarded():
    warm_up()

"""Which pictures of a run's dataset are probably in the wrong class? Looked for in the background, shown, and marked."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.download import download_csv
from pages.ui.marks import marked_pictures
from pages.ui.run_job_view import asked_for
from pages.ui.state import store, workspace
from pages.ui.text import count, literal
from pages.ui.thumbnails import thumbnails
from tlcore.label_errors import LabelErrors, load_label_errors
from tlcore.store import Job

A_PAGE = 24
SIDE_PX = 128
TELLS_LITTLE = 0.5  # Accuracy below which the classifier's word counts for little.
HELP = (
    "Judges every picture of the dataset by a classifier that never saw it, on features of the pretrained network, and lists those whose label it would not have given. "
    "Features that are in the cache are not computed again."
)


def label_errors(run: Job) -> None:
    """The suspects with a box each to mark them, and what can be done with the marked ones."""
    st.subheader("Likely label errors", anchor=False)
    found = load_label_errors(workspace().run(run.id))
    if found is None:
        st.caption("Some mistakes are none: the picture lies in the wrong class. A search finds the likely ones in all of the dataset.")
    else:
        _suspects(run, found)
    asked_for(run, "label_check", "Look for wrong labels" if found is None else "Look again", ":material/label_important:", HELP, again=found is not None)
    marked_pictures(store().dataset(run.payload["dataset_id"]))


def _suspects(run: Job, found: LabelErrors) -> None:
    table, name = found.table, literal(run.config.dataset)
    if table.empty:
        st.success(f"Not one of {count(found.pictures, 'picture')} of {name} looks as if it lay in the wrong class.", icon=":material/check_circle:")
        return
    st.markdown(
        f"**{count(len(table), 'picture')}** of {found.pictures:,} of {name} probably {'lies' if len(table) == 1 else 'lie'} in the wrong class, the most suspect first: "
        f"its class, then what it looks like. The judge gave {found.accuracy:.0%} of all pictures the label they have."
    )
    if found.accuracy < TELLS_LITTLE:
        st.warning("That is little: these features hardly tell the classes apart, so look at each picture before you believe it.", icon=":material/warning:")
    pages = -(-len(table) // A_PAGE)
    page = st.pagination(pages, key="suspects_page") if pages > 1 else 1
    shown = table.iloc[(page - 1) * A_PAGE : page * A_PAGE]
    dataset_id = run.payload["dataset_id"]
    _gallery(shown, dataset_id)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(f"Mark these {len(shown)}" if pages > 1 else "Mark all", key="mark_shown", icon=":material/flag:", on_click=_mark, args=(dataset_id, shown["content_id"].tolist()))
        if pages > 1:
            st.button(f"Mark all {len(table):,}", key="mark_all", icon=":material/flag:", on_click=_mark, args=(dataset_id, table["content_id"].tolist()))
        download_csv(table, f"run-{run.id}-label-errors.csv", "label_errors")


def _gallery(shown: pd.DataFrame, dataset_id: str) -> None:
    marked, images = store().marks.of(dataset_id), thumbnails(dataset_id, shown["row"].tolist(), SIDE_PX)
    with st.container(horizontal=True, gap="small", key="suspects"):
        for picture, image in zip(shown.itertuples(), images, strict=True):
            with st.container(width=SIDE_PX, gap="xsmall"):
                st.image(image, width=SIDE_PX, alt=f"Picture {picture.row}: in class {picture.label}, looks like {picture.suggested}")
                st.markdown(f"**{literal(picture.label)}**  \n:small[→ {literal(picture.suggested)}, {picture.confidence_suggested:.0%}]")
                key = f"mark_{picture.row}"
                st.session_state[key] = picture.content_id in marked  # The store knows; a copy elsewhere may have been marked.
                st.checkbox("Mark", key=key, on_change=_toggle, args=(dataset_id, picture.content_id, key))


def _toggle(dataset_id: str, content_id: str, key: str) -> None:
    change = store().marks.set if st.session_state[key] else store().marks.clear
    change(dataset_id, [content_id])


def _mark(dataset_id: str, content_ids: list[str]) -> None:
    store().marks.set(dataset_id, content_ids)

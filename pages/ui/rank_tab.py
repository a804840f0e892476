"""Rank backbones on Tune: which one suits these pictures, before any training, at /tune?rank=7."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.linked import choice, names, put_into_link, take_from_link
from pages.ui.question_tab import answers
from pages.ui.rank_view import result, so_far
from pages.ui.state import read_text, store, write_query
from pages.ui.text import literal
from tlcore.backbones import spec
from tlcore.config import BackboneConfig
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking.pictures import MOST
from tlcore.store import DatasetRecord

HOW = (
    f"Shows up to {MOST:,} training pictures to each frozen backbone and scores how well its features tell the classes apart: seconds a backbone, without any training. "
    "What was computed is stored, and a run with that backbone goes on from it."
)
SIZES = {"usual": None, "224 px": 224, "160 px": 160, "128 px": 128, "96 px": 96, "64 px": 64}


def rank_backbones() -> None:
    """The tab."""
    st.subheader("Which backbone suits these pictures?", anchor=False)
    st.markdown(HOW)
    records = {record.name: record for record in store().datasets()}
    if not records:
        st.info("No pictures yet. Add a dataset first; the built-in digits take one click.", icon=":material/info:")
        st.page_link("data.py", label="Add a dataset", icon=":material/add_photo_alternate:")
        return
    with st.container(border=True, key="rank_settings"):
        record, classes = _pictures(records)
        chosen = _backbones()
        size = choice("Input at most", list(SIZES), "rank_px", "px", help_text="Smaller: faster, and closer to what a run at that size does. Each backbone has its usual size otherwise.")
        _button(record.name, classes, chosen, SIZES[size])
    answers(rank_jobs.KIND, result, so_far)


def _pictures(records: dict[str, DatasetRecord]) -> tuple[DatasetRecord, list[str]]:
    """Dataset and classes, in the link as on Train."""
    listed = list(records)
    take_from_link("rank_dataset", "dataset", lambda: read_text("dataset") if read_text("dataset") in records else listed[0])
    if st.session_state["rank_dataset"] not in records:
        st.session_state["rank_dataset"] = listed[0]
    name = st.selectbox("Dataset", listed, key="rank_dataset", width=360, on_change=put_into_link, args=("rank_dataset", "dataset"))
    record = records[name]
    classes = names("Classes", record.classes, "rank_classes", "classes", [], placeholder=f"all {len(record.classes)} classes", help="Two or more; leave it empty for all.")
    return record, classes


def _backbones() -> dict[str, BackboneConfig]:
    """The chosen ones by title; at first those whose weights are on this machine."""
    every = rank_jobs.candidates(store())
    here = [title for title, config in every.items() if rank_jobs.is_here(config)]
    chosen = names(
        "Backbones", list(every), "rank_backbones", "backbones", here, placeholder="Choose two or more",
        help="At first those whose weights are on this machine. Keras downloads others, which needs a network; one that can't be had is listed with the reason.",
    )
    away = [f"{title} ({4 * spec(every[title].name).params / 1e6:,.0f} MB)" for title in chosen if title not in here]
    if away:
        st.caption(literal(f"To be downloaded first: {', '.join(away)}."))
    return {title: every[title] for title in chosen}


def _button(dataset: str, classes: list[str], chosen: dict[str, BackboneConfig], at_most_px: int | None) -> None:
    """One job a click; both clicks of a double click carry the same token."""
    clicked = st.button("Rank them", key="ask_rank", type="primary", icon=":material/leaderboard:", disabled=not chosen)
    if not clicked:
        st.session_state["rank_token"] = uuid.uuid4().hex
        return
    with guarded():
        write_query(rank=rank_jobs.submit(store(), dataset, chosen, classes or None, at_most_px, st.session_state["rank_token"]))
        st.rerun()

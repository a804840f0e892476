"""The marked pictures of a dataset, and the revision that leaves them out."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.ui.state import guarded, store, toast_next
from pages.ui.text import count, literal
from tlcore import revisions
from tlcore.store import ACTIVE, DatasetRecord


def marked_pictures(record: DatasetRecord) -> None:
    """How many are marked, and the form that queues a revision without them; nothing where none is."""
    marked = store().marks.of(record.id)
    if not marked:
        return
    name = revisions.next_name(store(), record.name)
    key = f"revise_{record.id}"
    st.session_state.setdefault(f"{key}_token", uuid.uuid4().hex)
    with st.container(border=True, key="marked"):
        st.markdown(
            f"**{count(len(marked), 'picture')}** of {literal(record.name)} {'is' if len(marked) == 1 else 'are'} marked as in the wrong class. "
            "A dataset never changes; its next revision can leave them out, and what the cache holds of the others serves on."
        )
        with st.form(key, border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Name of the revision", value=name, key=f"{key}_name", max_chars=200, width=260)
            st.form_submit_button("Make a revision without them", key=f"{key}_make", icon=":material/difference:", on_click=_revise, args=(record.name, key))
            st.form_submit_button("Take all marks off", key=f"{key}_clear", icon=":material/flag_2:", on_click=_clear, args=(record.id,))
        for job in store().jobs("ingest", states=ACTIVE):
            if job.payload.get("of") == record.id:
                st.page_link("data.py", label=f"{literal(job.payload['name'])} is being made", icon=":material/photo_library:")


def _revise(dataset: str, key: str) -> None:
    with guarded():
        revisions.submit(store(), dataset, st.session_state[f"{key}_name"], token=st.session_state[f"{key}_token"])
        st.session_state[f"{key}_token"] = uuid.uuid4().hex
        toast_next("The revision is being made; Data shows how far it is.", icon=":material/difference:")


def _clear(dataset_id: str) -> None:
    with guarded():
        store().marks.clear(dataset_id, store().marks.of(dataset_id))

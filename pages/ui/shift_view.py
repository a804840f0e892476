"""How far source and target are apart: measured in the background when somebody asks, then shown with what it means."""

from __future__ import annotations

import streamlit as st

from pages.ui.followed_job import followed
from pages.ui.state import store
from pages.ui.text import count, literal
from tlcore.config import RunConfig
from tlcore.shift import Shift, latest_shift, submit_shift
from tlcore.store import Job, JobState

HELP = (
    "The proxy A-distance: how well a linear classifier tells the two domains' training pictures apart by their features in the frozen network. "
    "0: not at all; 2: always. No label of the target is read."
)


def section(config: RunConfig) -> None:
    """A button, progress while it is measured, and the number with a sentence."""

    def draw(now: Job | None, working: bool) -> None:
        if now is not None and now.state is JobState.done:
            _show(Shift.of(now.result or {}))
        elif st.button("Measure the shift", key="measure_shift", icon=":material/straighten:", disabled=working, help=HELP):
            submit_shift(store(), config)
            st.rerun()

    followed(lambda: latest_shift(store(), config), "shift", draw, "It could not be measured.")


def _show(found: Shift) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="shift_result"):
        st.metric("Shift", f"{found.score:.2f} of 2", help=HELP, width="content")
        pictures = f"{count(found.source_pictures, 'picture')} of the source, {found.target_pictures:,} of the target"
        st.markdown(f"{literal(found.meaning)}  \n:small[:gray[Measured on {pictures}.]]", width="stretch")

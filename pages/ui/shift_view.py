"""How far source and target are apart: measured in the background when somebody asks, then shown with what it means."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.errors import guarded
from pages.ui.job_rows import progress
from pages.ui.state import store
from pages.ui.text import count, literal
from tlcore.config import RunConfig
from tlcore.shift import Shift, latest_shift, submit_shift
from tlcore.store import JobState

HELP = (
    "The proxy A-distance: how well a linear classifier tells the two domains' training pictures apart by their features in the frozen network. "
    "0: not at all; 2: always. No label of the target is read."
)


def section(config: RunConfig) -> None:
    """A button, progress while it is measured, and the number with a sentence."""
    job = latest_shift(store(), config)
    active = job is not None and job.active

    @st.fragment(run_every=live.poll_s(active), key="shift")
    def row() -> None:
        with guarded():
            now = latest_shift(store(), config)
            working = now is not None and now.active
            if now is not None and now.state is JobState.done:
                _show(Shift.of(now.result or {}))
            elif st.button("Measure the shift", key="measure_shift", icon=":material/straighten:", disabled=working, help=HELP):
                submit_shift(store(), config)
                st.rerun()
            if now is not None and working:
                progress(now)
            elif now is not None and now.state in (JobState.failed, JobState.interrupted):
                st.error(literal(now.error or "It could not be measured."), icon=":material/error:")
            if active and not working:
                st.rerun()

    row()


def _show(found: Shift) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="shift_result"):
        st.metric("Shift", f"{found.score:.2f} of 2", help=HELP, width="content")
        pictures = f"{count(found.source_pictures, 'picture')} of the source, {found.target_pictures:,} of the target"
        st.markdown(f"{literal(found.meaning)}  \n:small[:gray[Measured on {pictures}.]]", width="stretch")

"""Something that a finished run is asked for afterwards: the button, how far it is, a cancel, why it failed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.followed_job import followed
from pages.ui.state import store
from tlcore import jobs, run_jobs
from tlcore.store import Job


def asked_for(run: Job, kind: run_jobs.Kind, button: str, icon: str, help_text: str, again: bool = False) -> None:
    """The button that queues the job, and its progress, refreshed while it works; when it ends the page is drawn anew.

    again: it was done before, so the button asks for it once more.
    """

    def draw(now: Job | None, working: bool) -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(button, key=f"ask_{kind}", icon=icon, help=help_text, disabled=working, type="tertiary" if again else "secondary", on_click=_submit, args=(kind, run.id))
            if now is not None and working:
                st.button("Cancel", key=f"cancel_{kind}", icon=":material/cancel:", disabled=now.cancel_requested, on_click=_cancel, args=(now.id,))

    followed(lambda: run_jobs.latest(store(), kind, run.id), f"asked_{kind}", draw, "It could not be done.")


def _submit(kind: run_jobs.Kind, run_id: int) -> None:
    _then_all(lambda: run_jobs.submit(store(), kind, run_id))


def _cancel(job_id: int) -> None:
    _then_all(lambda: jobs.cancel(store(), job_id))


def _then_all(change: Callable[[], object]) -> None:
    """Draw the whole page: whether this part looks again by itself is set there."""
    with guarded():
        change()
        st.rerun()

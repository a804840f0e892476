"""A job in the background, looked at again as long as it works."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui import live
from pages.ui.errors import guarded
from pages.ui.job_rows import progress
from pages.ui.text import literal
from tlcore.store import Job, JobState


def followed(latest: Callable[[], Job | None], key: str, draw: Callable[[Job | None, bool], None], failed: str) -> None:
    """What `draw` makes of the job and of whether it works, then its progress or why it failed; when it ends the page is drawn anew.

    latest: looks the job up. failed: what is said of one that ended without a word.
    """
    job = latest()
    active = job is not None and job.active

    @st.fragment(run_every=live.poll_s(active), key=key)
    def row() -> None:
        with guarded():
            now = latest()
            working = now is not None and now.active
            draw(now, working)
            if now is not None and working:
                progress(now)
            elif now is not None and now.state in (JobState.failed, JobState.interrupted):
                st.error(literal(now.error or failed), icon=":material/error:")
            if active and not working:
                st.rerun()

    row()

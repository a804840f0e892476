"""One run: how it stands, its curves while it learns, its evaluation when it is done."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.job_rows import progress
from pages.ui.run_actions import actions
from pages.ui.run_curves import learning_curves, log
from pages.ui.run_tabs import OF_A_RUN, evaluation
from pages.ui.state import badge, guarded, store
from pages.ui.text import ago, literal
from tlcore.errors import NotFoundError
from tlcore.store import RESUMABLE, Job, JobState


def run_view(run_id: int) -> None:
    """The page of one run; an unknown id gets a sentence and the way back."""
    # No page link: one to the page itself leaves the old parameters in the address.
    st.button("All runs", key="all_runs", type="tertiary", icon=":material/arrow_back:", on_click=leave)
    try:
        run = store().job(run_id)
    except NotFoundError:
        run = None
    if run is None or run.kind != "train":
        st.title("Run not found", anchor=False)
        st.error("There is no such run: it was deleted, or the link is wrong. All runs lists those that exist.", icon=":material/error:")
        return
    st.title(literal(run.title), anchor=False)
    _status(run)
    if run.series is not None and "trial" in run.payload:
        st.page_link("tune.py", label=f"Trial {run.payload['trial']['number']} of study {run.series}", icon=":material/tune:", query_params={"study": str(run.series)})
    actions([run], "one")
    if run.state is JobState.done:
        evaluation(run)
        return
    if run.state in RESUMABLE:
        _ended_early(run)
    _while_active(run)


def leave() -> None:
    """Back to the list, in one step of the browser's history."""
    st.query_params.from_dict({name: value for name, value in st.query_params.items() if name not in OF_A_RUN})


def _status(run: Job) -> None:
    config = run.config
    source = [f"source {literal(config.source.dataset)}"] if config.source.dataset else []
    facts = [f"Run {run.id}", f"dataset {literal(config.dataset)}", *source, literal(config.backbone.name), f"created {ago(run.created_at)}"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(badge(run.state), width="content")
        st.caption(" · ".join(facts), width="content")


def _ended_early(run: Job) -> None:
    """Why it ended and what can be done; the traceback folded away."""
    kept = "Resume goes on after the last whole epoch."
    if run.state is JobState.failed:
        st.error(literal(run.error or "It failed without a message; the log may tell more."), icon=":material/error:")
    elif run.state is JobState.interrupted:
        st.warning(literal(run.error or f"Its worker was stopped. {kept}"), icon=":material/power_off:")
    else:
        st.info(f"Cancelled. {kept}", icon=":material/cancel:")
    if run.traceback:
        with st.expander("Details for a bug report", icon=":material/bug_report:"):
            st.code(run.traceback, language=None, wrap_lines=True)


def _while_active(run: Job) -> None:
    """Progress, curves and log, refreshed as long as the run is active; then one rerun for what follows."""

    every_s = live.poll_s(run.active)

    @st.fragment(run_every=every_s, key="live_run")
    def watch() -> None:
        with guarded():
            now = store().job(run.id)
            if now.active:
                progress(now)
                if now.cancel_requested:
                    st.caption("Stopping after this step.")
            learning_curves(now)
            log(now)
            if (now.state, now.cancel_requested) != (run.state, run.cancel_requested) or live.out_of_step(every_s):
                st.rerun()

    watch()

"""One job as one line: what it is, how it stands, how far it is."""

from __future__ import annotations

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.state import badge, store, toast_next
from pages.ui.text import ago, duration, literal
from tlcore import jobs
from tlcore.store import ACTIVE, RESUMABLE, Job, JobState


def run_row(run: Job) -> None:
    """A run with a link to its page; progress while it is active, the score when it is done."""
    with st.container(border=True, key=f"run_row_{run.id}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.page_link("runs.py", label=f"**{literal(run.title)}**", query_params={"run": str(run.id)})
            st.markdown(badge(run.state), width="content")
        if run.state in ACTIVE:
            progress(run)
        else:
            st.caption(" · ".join(_facts(run)))


def _facts(run: Job) -> list[str]:
    facts = [f"Run {run.id}"]
    result = run.result or {}
    if run.state is JobState.done and "test_accuracy" in result:
        facts += [f"test accuracy {result['test_accuracy']:.1%}", f"macro F1 {result['test_macro_f1']:.3f}"]
    if run.error:
        facts.append(literal(run.error))
    if run.finished_at:
        facts += [duration(run.seconds), ago(run.finished_at)]
    return facts


def progress(job: Job) -> None:
    """Bar with phase, message and the time that is left."""
    # A job that waits again still has phase and message of its last attempt.
    parts = ["waiting for its turn"] if job.state is JobState.queued else [job.phase or "starting", job.message, remaining(job)]
    st.progress(min(1.0, max(0.0, job.progress)), text=" · ".join(literal(part) for part in parts if part))


def remaining(job: Job) -> str:
    """The time left at the pace so far; empty before 5 % or 2 s, when nothing is known."""
    if job.state is not JobState.running or job.progress < 0.05:
        return ""
    elapsed = job.seconds
    return f"about {duration(elapsed * (1 - job.progress) / job.progress)} left" if elapsed >= 2 else ""


def ingest_row(job: Job) -> None:
    """An import with progress and a cancel; one that came to nothing can be tried again or taken off the list."""
    with st.container(border=True, key=f"ingest_row_{job.id}", gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{literal(job.title)}**", width="content")
            with st.container(horizontal=True, vertical_alignment="center", width="content"):
                st.markdown(badge(job.state), width="content")
                if job.state in ACTIVE:
                    st.button("Cancel", key=f"cancel_{job.id}", icon=":material/cancel:", disabled=job.cancel_requested, on_click=_cancel, args=(job.id,))
                elif job.state in RESUMABLE:
                    st.button("Try again", key=f"retry_{job.id}", icon=":material/replay:", on_click=_retry, args=(job.id,))
                    st.button("Remove", key=f"remove_{job.id}", icon=":material/delete:", on_click=_remove, args=(job.id,))
        if job.state in ACTIVE:
            progress(job)
        elif job.error:
            st.error(literal(job.error), icon=":material/error:")


def _cancel(job_id: int) -> None:
    with guarded():
        jobs.cancel(store(), job_id)
        toast_next("The import stops.", icon=":material/cancel:")


def _retry(job_id: int) -> None:
    with guarded():
        jobs.resume(store(), job_id)
        toast_next("The import begins again.", icon=":material/replay:")


def _remove(job_id: int) -> None:
    with guarded():
        jobs.dismiss(store(), job_id)
        toast_next("The import is off the list.", icon=":material/delete:")

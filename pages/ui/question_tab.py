"""A question on Tune about settings that have not run yet: choose them, ask, follow the job, see the answer; earlier ones by `?rate=7`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.followed_job import followed
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.settings_choice import change_link, choose_settings, facts
from pages.ui.state import badge, read_id, store, toast_next, write_query
from pages.ui.text import literal
from tlcore import jobs
from tlcore.before_run import Kind
from tlcore.config import RunConfig
from tlcore.store import Job, JobState, Store

LISTED = 50


class Question(NamedTuple):
    """One tab. kind: of its jobs, and their parameter in the link. how: what is done and what it takes. draw: the answer of a job that is done."""

    kind: Kind
    title: str
    how: str
    button: str
    icon: str
    submit: Callable[[Store, RunConfig, str], int]
    draw: Callable[[Job], None]


def ask(question: Question) -> None:
    """Everything on the tab."""
    st.subheader(question.title, anchor=False)
    st.markdown(question.how)
    records = store().datasets()
    if not records:
        st.info("No pictures yet. Add a dataset first; the built-in digits take one click.", icon=":material/info:")
        st.page_link("data.py", label="Add a dataset", icon=":material/add_photo_alternate:")
        return
    with st.container(border=True, key=f"{question.kind}_settings"):
        config = choose_settings(records)
        with st.container(horizontal=True, vertical_alignment="center"):
            _button(question, config)
            if config is not None:
                change_link(config)

    def about(job: Job) -> None:
        st.caption(literal(facts(job.config)))

    def draw(job: Job) -> None:
        about(job)
        question.draw(job)

    answers(question.kind, draw, about)


def answers(kind: str, draw: Callable[[Job], None], so_far: Callable[[Job], None] = lambda job: None) -> None:
    """The answer that the link asks for or else the newest, with a choice of earlier ones; nothing where none was asked for.

    draw: the answer of a job that is done. so_far: what there is of one that works, or ended before.
    """
    if listed := store().jobs(kind, limit=LISTED):
        _answer(_choose(kind, listed), draw, so_far)
    elif read_id(kind) is not None:
        st.warning("The link names an answer that isn't here, deleted perhaps.", icon=":material/search_off:")


def _button(question: Question, config: RunConfig | None) -> None:
    """One job a click; both clicks of a double click carry the same token."""
    token = f"{question.kind}_token"
    clicked = st.button(question.button, key=f"ask_{question.kind}", type="primary", icon=question.icon, disabled=config is None)
    if not clicked or config is None:
        st.session_state[token] = uuid.uuid4().hex
        return
    with guarded():
        write_query(**{question.kind: question.submit(store(), config, st.session_state[token])})
        st.rerun()


def _choose(kind: str, listed: list[Job]) -> Job:
    """The job of the link, else the newest."""
    key, known = f"{kind}_job", {job.id: job for job in listed}
    asked = read_id(kind)
    if asked is not None and asked not in known:
        older = store().jobs_by_id([asked]).get(asked)
        if older is not None and older.kind == kind:
            known[asked] = older
        else:
            st.warning("The link names an answer that isn't here, deleted perhaps. The newest one is shown instead.", icon=":material/search_off:")
            write_query(**{kind: listed[0].id})
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)
    take_from_link(key, kind, lambda: asked if asked in known else listed[0].id)
    if len(known) == 1:
        return listed[0]
    number = st.selectbox("Asked so far", list(known), key=key, width=480, format_func=lambda each: _named(known[each]), on_change=put_into_link, args=(key, kind))
    return known[number]


def _named(job: Job) -> str:
    """Number, settings and when it was asked; the same at every look."""
    return f"{job.id} · {job.title.partition(' · ')[2]} · {time.strftime('%d %b %Y, %H:%M', time.localtime(job.created_at))}"


def _answer(job: Job, draw: Callable[[Job], None], so_far: Callable[[Job], None]) -> None:
    """The answer, or how far it is."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"{job.kind}_head"):
        st.markdown(f"**{literal(job.title.partition(' · ')[2])}** {badge(job.state)}", width="content")
        if not job.active:
            st.button("Delete", key=f"delete_{job.kind}", type="tertiary", icon=":material/delete:", on_click=_delete, args=(job.kind, job.id))
    if job.state is JobState.done:
        draw(job)
        return

    def part(now: Job | None, working: bool) -> None:
        if now is not None and working:
            st.button("Cancel", key=f"cancel_{job.kind}", icon=":material/cancel:", disabled=now.cancel_requested, on_click=_cancel, args=(job.id,))
        so_far(now or job)

    followed(lambda: store().jobs_by_id([job.id]).get(job.id), f"{job.kind}_{job.id}", part, "It could not be done.")


def _cancel(job_id: int) -> None:
    with guarded():
        jobs.cancel(store(), job_id)
        st.rerun()  # The whole page: the button stands in a part that is drawn by itself.


def _delete(kind: str, job_id: int) -> None:
    with guarded():
        jobs.delete_run(store(), store().workspace, job_id)
        write_query(tab=kind, **{kind: None})
        toast_next("Deleted.", ":material/delete:")

"""What one can do to runs: cancel, resume, clone, compare, rename, tag, hide, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui.run_tags import hide, tags
from pages.ui.state import guarded, store, toast_next, workspace, write_query
from pages.ui.text import count, literal
from tlcore import jobs
from tlcore.compare import FEWEST, MOST
from tlcore.store import RESUMABLE, Job, JobState


def actions(runs: Sequence[Job], key: str) -> None:
    """Buttons for the chosen runs; only those that apply can be pressed."""
    active = [run for run in runs if run.active]
    resumable = [run for run in runs if run.state in RESUMABLE]
    with st.container(horizontal=True, vertical_alignment="center", key=f"actions_{key}"):
        if active:
            stopping = all(run.cancel_requested for run in active)
            _button("Stopping" if stopping else "Cancel", "cancel", key, cancel, active, disabled=stopping)
        if resumable:
            _button("Resume", "resume", key, resume, resumable)
        done = [run for run in runs if run.state is JobState.done]
        if FEWEST <= len(done) <= MOST and len(done) == len(runs):
            st.page_link("compare.py", label="Compare", icon=":material/compare_arrows:", query_params={"runs": ",".join(str(run.id) for run in done)})
        if len(runs) == 1:
            if done:
                st.page_link("predict.py", label="Try it", icon=":material/image_search:", query_params={"runs": str(runs[0].id)}, help="Let it classify pictures of yours.")
            if done:
                st.page_link("train.py", label="Use as backbone", icon=":material/conversion_path:", query_params=as_backbone(runs[0]), help="Train another run that goes on from what the blocks of this one have learnt.")
            st.page_link("train.py", label="Clone", icon=":material/content_copy:", query_params={"clone": str(runs[0].id)}, help="Open its settings on the Train page, to change and start anew.")
            _rename(runs[0], key)
        tags(runs, key)
        hide(runs, key)
        if not active:
            _delete(runs, key)


def as_backbone(run: Job) -> dict[str, str]:
    """Train's address for a run that goes on from this one."""
    backbone = run.payload["config"].get("backbone", {})
    chosen = {"new": "1", "backbone.name": backbone.get("name", "ResNet20"), "backbone.weights": "run", "backbone.run": str(run.id)}
    return chosen | ({"backbone.input_size": str(backbone["input_size"])} if backbone.get("input_size") else {})


def _button(label: str, action: str, key: str, change: Callable[[Sequence[Job]], None], runs: Sequence[Job], disabled: bool = False) -> None:
    icon = {"cancel": ":material/cancel:", "resume": ":material/play_arrow:"}[action]
    st.button(label, key=f"{action}_{key}", icon=icon, disabled=disabled, on_click=change, args=(runs,))


def _rename(run: Job, key: str) -> None:
    with st.popover("Rename", icon=":material/edit:", key=f"rename_open_{key}"), st.form(f"rename_form_{key}", border=False):
        st.text_input("New name", value=run.title, key=f"rename_title_{key}_{run.id}", max_chars=120)
        st.form_submit_button("Save", key=f"rename_save_{key}", type="primary", on_click=rename, args=(run, f"rename_title_{key}_{run.id}"))


def _delete(runs: Sequence[Job], key: str) -> None:
    with st.popover("Delete", icon=":material/delete:", key=f"delete_open_{key}"):
        names = ", ".join(f"{run.id} ({literal(run.title)})" for run in runs[:5]) + (f" and {len(runs) - 5} more" if len(runs) > 5 else "")
        st.markdown(f"Delete {'run' if len(runs) == 1 else 'runs'} {names}, with model, figures and log? This can't be undone.")
        st.button(f"Delete {count(len(runs), 'run')}", key=f"delete_{key}", type="primary", icon=":material/delete:", on_click=delete, args=(runs,))


def cancel(runs: Sequence[Job]) -> None:
    with guarded():
        for run in runs:
            jobs.cancel(store(), run.id)
        _done("Stopping. What was learned up to the last whole epoch is kept.", ":material/cancel:")


def resume(runs: Sequence[Job]) -> None:
    with guarded():
        for run in runs:
            jobs.resume(store(), run.id)
        _done(f"{count(len(runs), 'run')} back in the queue.", ":material/play_arrow:")


def rename(run: Job, field: str) -> None:
    with guarded():
        store().rename(run.id, st.session_state[field])
        _done("Renamed.", ":material/edit:")


def delete(runs: Sequence[Job]) -> None:
    with guarded():
        for run in runs:
            jobs.delete_run(store(), workspace(), run.id)
        write_query(run=None)
        _done(f"{count(len(runs), 'run')} deleted.", ":material/delete:")


def _done(message: str, icon: str) -> None:
    """Say it on a run of the whole page: the buttons may stand in a part that is drawn by itself."""
    toast_next(message, icon)
    st.rerun()

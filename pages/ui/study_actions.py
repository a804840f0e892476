"""What one can do to studies: start, stop, continue, delete, promote a trial; the buttons' callbacks."""

from __future__ import annotations

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.state import store, toast_next, write_query
from pages.ui.study_draft import as_draft, keep
from pages.ui.text import count
from tlcore.tuning import jobs as studies
from tlcore.tuning.study import Study


def start(study: Study, token: str) -> None:
    """Queue the study and go to it; two calls with the same token start one."""
    number = studies.submit(store(), study, token)
    toast_next(f"Study {number} is queued.", icon=":material/schedule:")
    keep("")
    write_query(study=number)
    st.rerun()


def stop(number: int) -> None:
    with guarded():
        studies.stop(store(), number)
        _done("Stopping. Finished trials are kept.", ":material/stop_circle:")


def go_on(number: int, more_in: str | None = None) -> None:
    """Continue a study; with as many trials more as the widget `more_in` says."""
    with guarded():
        trials = int(st.session_state[more_in]) if more_in else None
        studies.go_on(store(), number, trials)
        _done("The study goes on." if trials is None else f"The study goes on with {count(trials, 'more trial')}.", ":material/play_arrow:")


def delete(number: int) -> None:
    with guarded():
        studies.delete(store(), number)
        write_query(study=None, tab="search")
        _done("The study is deleted.", ":material/delete:")


def promote(number: int, trial: int) -> None:
    """Queue a run of its own with a trial's settings, and go to it; a second click goes to the same one."""
    made = st.session_state.setdefault("promoted", {})
    run = made.get((number, trial))
    if run is None or not store().jobs_by_id([run]):
        run = made[number, trial] = studies.promote(store(), number, trial)
        toast_next(f"Trial {trial} is queued as run {run}.", ":material/upgrade:")
    st.switch_page("runs.py", query_params={"run": str(run)})


def again(study: Study) -> None:
    """Put a study's settings into the form of a new one."""
    keep(as_draft(study))
    write_query(study="new")
    st.rerun()


def _done(message: str, icon: str) -> None:
    """Say it on a run of the whole page: the buttons stand in a part that is drawn by itself."""
    toast_next(message, icon)
    st.rerun()

"""A study on Tune: how far it is, its best settings and the winner's test result, charts, trials, and what can be done to it."""

from __future__ import annotations

import statistics

import streamlit as st

from pages.ui import live, study_actions
from pages.ui.errors import guarded
from pages.ui.run_domain import evaluated
from pages.ui.state import store
from pages.ui.study_charts import scored, study_charts
from pages.ui.text import count, duration, literal
from pages.ui.trial_table import best_settings, promote_button, trial_table
from tlcore.store import JobState, Series
from tlcore.tuning.trials import ENDED, StudyView, Trial, TrialState, gather

MOST_MORE = 1000


def study_view(series: Series) -> None:
    """Everything on one study, drawn anew while it goes on."""
    active = gather(store(), series.id).active
    every_s = live.poll_s(active)

    @st.fragment(run_every=every_s, key="study_view")
    def part() -> None:
        with guarded():
            view = gather(store(), series.id)
            _progress(view)
            _actions(view)
            _best(view)
            study_charts(view)
            st.subheader("Trials", anchor=False)
            trial_table(view)
            _yaml(view)
            if active != view.active or live.out_of_step(every_s):
                st.rerun()

    part()


def progress_words(view: StudyView) -> str:
    """`12 of 30 trials ended: 9 done, 2 pruned, 1 failed; 1 interrupted`."""
    states = [trial.state for trial in view.settings]
    told = [f"{states.count(state)} {state}" for state in TrialState if state in states and state in ENDED]
    waits = f"; {states.count(TrialState.interrupted)} interrupted" if TrialState.interrupted in states else ""
    ended = f"{view.finished:,} of {count(view.asked, 'trial')} ended" if view.asked else f"{count(view.finished, 'trial')} ended"
    return ended + (f": {', '.join(told)}" if told else "") + waits


def _progress(view: StudyView) -> None:
    said = progress_words(view)
    if view.active:
        waits = "waiting for its turn · " if view.job.state is JobState.queued else ""
        left = f" · about {duration(view.eta_s)} left" if view.eta_s is not None else ""
        st.progress(min(1.0, max(0.0, view.progress)), text=f"{waits}{said}{left}")
        return
    st.caption(f"{said}.")
    if view.job.state is JobState.failed:
        st.error(literal(view.job.error or "The study failed without a message; the log of its last run may tell more."), icon=":material/error:")
    elif view.job.state is not JobState.done:
        st.info("Stopped. Finished trials are kept, and Continue takes up where it ended.", icon=":material/pause_circle:")


def _actions(view: StudyView) -> None:
    """Stop, continue, more trials, another study like it, delete."""
    number = view.series.id
    with st.container(horizontal=True, vertical_alignment="center", key="study_actions"):
        if view.active:
            stopping = view.job.cancel_requested
            st.button("Stopping" if stopping else "Stop", key="stop_study", icon=":material/stop_circle:", disabled=stopping, on_click=study_actions.stop, args=(number,))
        elif view.job.state is not JobState.done:
            st.button("Continue", key="continue_study", type="primary", icon=":material/play_arrow:", on_click=study_actions.go_on, args=(number,))
        if not view.active:
            with st.popover("More trials", icon=":material/add:", key="more_trials_open"), st.form("more_trials_form", border=False):
                st.number_input("Trials to add", 1, MOST_MORE, 10, key="more_trials", width=160)
                st.form_submit_button("Continue with these", type="primary", icon=":material/play_arrow:", on_click=study_actions.go_on, args=(number, "more_trials"))
        st.button("Another like it", key="study_again", icon=":material/content_copy:", on_click=study_actions.again, args=(view.study,), help="Opens its settings in the form, to change and start anew.")
        if not view.active:
            with st.popover("Delete", icon=":material/delete:", key="delete_study_open"):
                st.markdown(f"Delete this study and its {count(len(view.trials), 'run')}, with models, figures and logs? This can't be undone.")
                st.button("Delete the study", key="delete_study", type="primary", icon=":material/delete:", on_click=study_actions.delete, args=(number,))


def _best(view: StudyView) -> None:
    """The best settings so far, and how the winner did on the test pictures."""
    if view.best is None:
        return
    with st.container(border=True, key="study_best"):
        goal = scored(view.study)
        seeds = [trial.score for trial in view.trials if trial.number == view.best.number and trial.role != "final" and trial.score is not None]
        mean = f", over {len(seeds)} seeds {goal.written(statistics.fmean(seeds))}" if len(seeds) > 1 else ""
        st.markdown(f"**Best{' so far' if view.active else ''}: trial {view.best.number}, {goal.title.lower()} {goal.written(view.best.score or 0.0)}{mean}**")
        st.markdown(" · ".join(f"{literal(title)} **{literal(value)}**" for title, value in best_settings(view, view.best).items()))
        if view.final is not None:
            _winner(view, view.final)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("runs.py", label=f"Open run {view.best.run}", icon=":material/open_in_new:", query_params={"run": str(view.best.run)})
            promote_button(view, view.best, "best", "Promote to a run")
        st.caption("Scores are of validation pictures, and the best of many is somewhat flattered by chance. The test pictures are used once, by the winner; where more trials find another one, once more by that.")


def _winner(view: StudyView, final: Trial) -> None:
    """The tested run of the winner, in one sentence with its interval."""
    run = store().job(final.run)
    if run.state is JobState.done:
        st.markdown(f"On the test pictures: {literal(evaluated(run).in_words)}")
        st.page_link("runs.py", label=f"The winner's test: run {final.run}", icon=":material/workspace_premium:", query_params={"run": str(final.run)})
    elif final.state is TrialState.running:
        st.markdown("The winner is being trained once more and tested on the test pictures.")
    else:
        st.warning(f"The winner's test came to nothing. {literal(final.note)}", icon=":material/warning:")


def _yaml(view: StudyView) -> None:
    with st.expander("The study as YAML", icon=":material/code:"):
        text = view.study.to_yaml()
        st.code(text, language="yaml", height=260)
        st.download_button("Download", text, f"study-{view.series.id}.yaml", "application/yaml", icon=":material/download:", on_click="ignore", key="study_yaml_download")
        st.caption("The same file works with `python -m tlcore tune study.yaml`.")

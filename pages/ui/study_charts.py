"""The charts of a study, one at a time, the chosen one in the link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
import streamlit as st

from pages.ui import (
    depth_chart,
    history_chart,
    importance_chart,
    linked,
    parallel_chart,
    seconds_chart,
    slice_chart,
)
from pages.ui.state import read_text, workspace
from pages.ui.text import literal
from pages.ui.trial_axis import Scored, TrialAxis, of_names, of_numbers
from tlcore.curves import figure
from tlcore.pareto import spans_decades
from tlcore.tuning import findings
from tlcore.tuning.axes import SEARCHABLE, Listed, Ranged, as_taken
from tlcore.tuning.study import METRICS, Metric, Study
from tlcore.tuning.trials import StudyView

ANEW_AFTER = 10  # Finished trials, while the study goes on: what mattered takes a second to work out.


class Shown(NamedTuple):
    """What the charts show: the scored trials of the search itself, its settings, and what is bettered."""

    view: StudyView
    trials: pd.DataFrame
    axes: tuple[TrialAxis, ...]
    goal: Scored
    dark: bool

    @property
    def finished(self) -> pd.DataFrame:
        """Those that went to their end: a pruned one's score is not to be held against theirs."""
        return self.trials[(self.trials["state"] == "done") & self.trials["score"].notna()]

    @property
    def leader(self) -> int | None:
        """The number of the settings that lead."""
        return None if self.view.best is None else self.view.best.number


def scored(study: Study) -> Scored:
    """How the study's score is called and written."""
    return Scored(title_of(study.goal.metric), figure(study.goal.metric.removeprefix("val_")).share, study.goal.lower)


def title_of(metric: Metric) -> str:
    """`Validation accuracy`."""
    return METRICS[metric][0].upper() + METRICS[metric][1:]


def axes_of(study: Study) -> tuple[TrialAxis, ...]:
    """The settings that are searched, as axes."""
    found = []
    for setting, axis in study.space.items():
        title = SEARCHABLE[setting].label
        if isinstance(axis, Listed) and len(axis.values) > 1:
            found.append(of_names(setting, title, axis.values))
        elif isinstance(axis, Ranged):
            found.append(of_numbers(setting, title, as_taken(setting, axis.low), as_taken(setting, axis.high), axis.log))
    return tuple(found)


def study_charts(view: StudyView) -> None:
    """The choice of a chart, and that one; what is missing for it in a sentence."""
    table = view.table()
    shown = Shown(view, table[table["role"] == "trial"], axes_of(view.study), scored(view.study), st.context.theme.type == "dark")
    if not shown.trials["score"].notna().any():
        st.info("The charts come with the first score." if view.active else "No trial has a score, so there is nothing to draw. The table below says why.", icon=":material/hourglass_empty:")
        return
    fits = BY_VALUE if len(shown.axes) == 1 and view.study.sampler == "grid" else SECONDS if view.study.goal.seconds else HISTORY
    counted = any(axis.kind in COUNTED for axis in shown.axes)
    names = [name for name, chart in CHARTS.items() if len(shown.axes) >= chart.settings and (counted or name != BY_VALUE)]
    name = linked.choice("Chart", names, "study_chart", "chart", fits if fits in names else HISTORY)
    st.caption(CHARTS[name].says)
    CHARTS[name].draw(shown)


def _history(shown: Shown) -> None:
    rows = history_chart.rows(shown.trials, shown.goal)
    states = tuple(state for state in history_chart.STATES if (rows["state"] == state).any())
    st.vega_lite_chart(rows, history_chart.spec(shown.goal, states, shown.dark), key="study_history", alt=history_chart.alt_text(rows, shown.goal))


def _parallel(shown: Shown) -> None:
    if _waits(shown, 2):
        return
    rows = parallel_chart.rows(shown.finished, shown.axes, shown.goal, shown.leader)
    titles = (*(axis.title for axis in shown.axes), shown.goal.title)
    st.vega_lite_chart(rows, parallel_chart.spec(titles, shown.goal, shown.dark), key="study_parallel", alt=parallel_chart.alt_text(rows, shown.axes))


def _importance(shown: Shown) -> None:
    if _waits(shown, findings.FEWEST):
        return
    finished = len(shown.finished) - len(shown.finished) % ANEW_AFTER if shown.view.active else len(shown.finished)
    found = _importances(str(workspace().root), shown.view.series.id, finished, shown.view)
    if found.empty:
        st.info("All trials scored alike, so no setting can be told to matter.", icon=":material/info:")
        return
    rows = importance_chart.rows(found, {axis.setting: axis.title for axis in shown.axes})
    st.vega_lite_chart(rows, importance_chart.spec(tuple(rows["setting"]), shown.dark), key="study_importance", alt=importance_chart.alt_text(rows))


@st.cache_data(max_entries=16, show_spinner="Working out what mattered")
def _importances(root: str, series: int, finished: int, _view: StudyView) -> pd.DataFrame:
    return findings.importance(_view)


def _slices(shown: Shown) -> None:
    if _waits(shown, 1):
        return
    with st.grid(2, min_column_width=300):
        for axis in shown.axes:
            rows = slice_chart.rows(shown.finished, axis, shown.goal, shown.leader)
            st.vega_lite_chart(rows, slice_chart.spec(axis, shown.goal, shown.dark), key=f"study_slice_{axis.setting}", alt=slice_chart.alt_text(rows, axis, shown.goal))


def _two_settings(shown: Shown) -> None:
    if _waits(shown, 2):
        return
    with st.container(horizontal=True):
        across = _setting("Across", shown.axes, "across")
        up = _setting("Up", [axis for axis in shown.axes if axis is not across], "up")
    rows = slice_chart.map_rows(shown.finished, across, up, shown.goal, shown.leader)
    st.vega_lite_chart(rows, slice_chart.map_spec(across, up, shown.goal, shown.dark), key=f"study_map_{across.setting}_{up.setting}", alt=slice_chart.map_alt_text(rows, across, up, shown.goal))


def _seconds(shown: Shown) -> None:
    if _waits(shown, 1):
        return
    rows = seconds_chart.rows(shown.finished, shown.goal)
    st.vega_lite_chart(rows, seconds_chart.spec(shown.goal, spans_decades(rows["seconds"])), key="study_seconds", alt=seconds_chart.alt_text(rows, shown.goal))


def _by_value(shown: Shown) -> None:
    if _waits(shown, 1):
        return
    axes = [axis for axis in shown.axes if axis.kind in COUNTED]
    axis = axes[0] if len(axes) == 1 else _setting("Setting", axes, "by")
    table = shown.view.table()
    rows = depth_chart.rows(findings.by_value(shown.view, axis.setting), table[table["role"] != "final"], axis, shown.goal)
    said = depth_chart.alt_text(rows, axis, shown.goal)
    st.vega_lite_chart(rows, depth_chart.spec(axis, shown.goal, shown.dark), key=f"study_by_{axis.setting}", alt=said)
    st.vega_lite_chart(rows, depth_chart.seconds_spec(axis, shown.dark), key=f"study_seconds_by_{axis.setting}", alt=said)


def _waits(shown: Shown, needed: int) -> bool:
    """Say so where too few trials have finished for a chart."""
    missing = needed - len(shown.finished)
    if missing > 0:
        st.info(f"This chart needs {needed} finished trials; there {'is' if len(shown.finished) == 1 else 'are'} {len(shown.finished)}.", icon=":material/hourglass_empty:")
    return missing > 0


def _setting(label: str, axes: Sequence[TrialAxis], name: str) -> TrialAxis:
    """One of the settings, by its dotted name in the link."""
    known = {axis.setting: axis for axis in axes}
    key = f"study_{name}"
    linked.take_from_link(key, name, lambda: read_text(name) if read_text(name) in known else next(iter(known)))
    if st.session_state[key] not in known:
        st.session_state[key] = next(iter(known))
    chosen = st.selectbox(label, list(known), key=key, format_func=lambda each: literal(known[each].title), on_change=linked.put_into_link, args=(key, name), width=240)
    return known[chosen]


class Chart(NamedTuple):
    """What a chart needs, says and is drawn by."""

    settings: int  # Searched ones, at least.
    says: str
    draw: Callable[[Shown], None]


HISTORY, SECONDS, BY_VALUE = "History", "Score and time", "By value"
COUNTED = ("names", "whole")  # Settings with so few values that several runs share one.
CHARTS: dict[str, Chart] = {
    HISTORY: Chart(0, "Each mark is a trial. The line is the best so far, a ring marks each trial that bettered it.", _history),
    "Parallel": Chart(1, "Each line is a finished trial, from setting to setting to its score. The best tenth is drawn strongly, the best one thick.", _parallel),
    "Importance": Chart(2, "How much of the differences in score each setting explains. It holds for the ranges searched here, and roughly.", _importance),
    "Slices": Chart(1, "Score against one setting at a time, a ring around the best. The other settings vary with it.", _slices),
    "Two settings": Chart(2, "Mean score of the trials in each cell, and the trials themselves; empty cells were not tried.", _two_settings),
    SECONDS: Chart(0, "Large marks, joined by the line: no other trial is as good and quicker.", _seconds),
    BY_VALUE: Chart(1, "Means over all runs with a value, with 95% intervals where several seeds tell; faint marks are single runs, bars the mean seconds of one.", _by_value),
}

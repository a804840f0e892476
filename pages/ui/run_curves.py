"""How did it learn? A run's learning curves and its log, live while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import charts, linked
from pages.ui.gap_view import generalisation_gap
from pages.ui.state import store
from tlcore.choosing import Choice
from tlcore.curves import (
    METRICS,
    PARTS,
    SOURCE_VALIDATION,
    VALIDATION,
    curves,
    figure,
    metrics_of,
    series,
)
from tlcore.store import Job, JobState

LOG_LINES = 200
FIRST = ("accuracy", "loss")  # Always drawn.


def curves_and_log(run: Job) -> None:
    learning_curves(run)
    log(run)


def learning_curves(run: Job) -> None:
    """Accuracy, loss and what else is chosen, of every part, over epochs or time, smoothed as wished; the best epoch marked."""
    epochs = store().epochs(run.id)
    if epochs.empty:
        if run.active:
            st.caption("The first point of the curves comes with the first whole epoch.")
        return
    choice, on_source = Choice.of(run.payload["config"]), not run.config.strategy.reads_target_labels
    monitored = choice.monitor.removeprefix("val_")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = linked.choice("Axis", ["epoch", "time"], "axis", "axis")
        smoothing = linked.smoothing_slider("smoothing", "; the raw ones stay visible")
        more = shown_figures(metrics_of(epochs.columns), monitored, f"show_{run.config.strategy.name}_{monitored}")
    best = choice.best(zip(epochs["epoch"], epochs[choice.monitor], strict=True)) if choice.monitor in epochs else None
    _figures(run, epochs, best, on_source)
    _how_chosen(run, best, choice, on_source)
    drawn, x = [*FIRST, *more], "seconds" if axis == "time" else "epoch"
    points = curves({run.title: epochs}, smoothing, [run.title] if on_source else (), {run.title: best} if best else None, drawn)
    with st.grid(2, min_column_width=300):
        for metric in drawn:
            _curve(run, points[points["metric"] == metric], metric, x, smoothing > 0)
    if run.state is JobState.done:  # While it learns, the two lines of each chart tell it.
        generalisation_gap(run, epochs, best, on_source, x, smoothing)


def shown_figures(metrics: Sequence[str], monitored: str | None, key: str) -> list[str]:
    """The control that chooses what is drawn beside accuracy and loss: at first the monitored figure."""
    others = [metric for metric in metrics if metric not in FIRST]
    if not others:
        return []
    return linked.some_of(
        "Show as well", others, key, "also", [monitored] if monitored in others else [], format_func=lambda metric: figure(metric).title,
        help_text="Curves beside accuracy and loss." + (" The figure by which the run chooses its best epoch is shown at first." if monitored else ""),
    )


def _curve(run: Job, points: pd.DataFrame, metric: str, axis: str, smoothed: bool) -> None:
    """One chart with its title, and what it means where that isn't plain."""
    shown, parts = figure(metric), tuple(part for part in PARTS if (points["part"] == part).any())
    with st.container(key=f"curve_of_{metric}"):
        st.markdown(f"**{shown.title}**")
        if metric not in FIRST:
            st.caption(shown.meaning)
        ends = points.groupby("part", sort=False).tail(1)
        latest = ", ".join(f"{row.part} now {row.value:.3f}" for row in ends.itertuples()) or "not measured"
        alt = f"{shown.title} of {' and '.join(parts) or 'no pictures'} over {points['epoch'].max() if len(points) else 0} epochs; {latest}"
        st.vega_lite_chart(points, charts.curves(metric, axis, (run.title,), smoothed, parts), key=f"curve_{metric}", alt=alt)


def _figures(run: Job, epochs: pd.DataFrame, best: int | None, on_source: bool) -> None:
    """All five figures on the validation pictures, of the best epoch, and of the latest one as long as more are to come."""
    latest = int(epochs["epoch"].iloc[-1])
    wanted = {number: word for number, word in ((latest, "latest" if run.active else None), (best, "best")) if number and word}
    if best == latest and run.active:
        wanted = {latest: "latest and best"}
    names = {found: str(column) for column in epochs if (found := series(str(column), on_source))}
    lines = []
    for part in (VALIDATION, SOURCE_VALIDATION):
        if any((metric, part) in names for metric in METRICS):
            for number, word in wanted.items():
                row = epochs[epochs["epoch"] == number].iloc[0]
                told = (f"{_in_words(metric)} **{_written(metric, row.get(names.get((metric, part), '')))}**" for metric in METRICS)
                lines.append(f"{part.capitalize()}, epoch {number} ({word}): {', '.join(told)}")
    if lines:
        st.markdown("  \n".join(lines))


def _in_words(metric: str) -> str:
    """Its title as it stands in a sentence."""
    title = figure(metric).title
    return title if title.isupper() else title[0].lower() + title[1:]


def _written(metric: str, value: float | None) -> str:
    if value is None or pd.isna(value):
        return "–"
    return f"{value:.1%}" if figure(metric).share else f"{value:.4f}" if metric == "auc" else f"{value:.3f}"


def _how_chosen(run: Job, best: int | None, choice: Choice, on_source: bool) -> None:
    """Which epoch is marked and why, and whose pictures the curves are of where one might think them the target's."""
    said = []
    by = f"by {_in_words(choice.monitor.removeprefix('val_'))} on {'the validation pictures of the source' if on_source else 'the validation pictures'}"
    if best and best < choice.selects_from:
        said.append(f"The upright line marks the latest epoch; the best one, {by}, is chosen from epoch {choice.selects_from} on.")
    elif best:
        said.append(f"The upright line marks epoch {best}, the best {'so far ' if run.active else ''}{by}.")
    if on_source:
        said.append("No label of the target may be read while it learns, so loss, accuracy and the like are of source pictures.")
    if said:
        st.caption(" ".join(said))


def log(run: Job) -> None:
    """The log's latest lines, newest last."""
    events = store().events(run.id)
    lines = [f"{time.strftime('%H:%M:%S', time.localtime(event.at))}  {'' if event.level == 'info' else event.level.upper() + '  '}{event.message}" for event in events[-LOG_LINES:]]
    with st.expander(f"Log ({len(events)} lines)" if len(events) != 1 else "Log (1 line)", icon=":material/notes:", key="log"):
        st.code("\n".join(lines) or "Nothing yet.", language=None, wrap_lines=True, height=min(400, 60 + 22 * len(lines)))

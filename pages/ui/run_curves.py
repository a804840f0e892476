"""A run's learning curves and its log."""

from __future__ import annotations

import time

import streamlit as st

from pages.ui import charts
from pages.ui.state import store
from tlcore.curves import curves
from tlcore.store import Job

LOG_LINES = 200


def learning_curves(run: Job) -> None:
    """Loss and accuracy, training and validation, over epochs or time, smoothed as wished."""
    epochs = store().epochs(run.id)
    if epochs.empty:
        if run.active:
            st.caption("The first point of the curves comes with the first whole epoch.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control("Axis", ["epoch", "time"], key="axis", default="epoch", required=True, persist_state="session")
        smoothing = st.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing", persist_state="session", width=220, help="Mean over earlier epochs. Higher: calmer lines that lag behind; the raw ones stay visible.")
    points = curves({run.title: epochs}, smoothing)
    last = epochs.iloc[-1]
    for column, metric in zip(st.columns(2), ("accuracy", "loss"), strict=True):
        spec = charts.curves(metric, "seconds" if axis == "time" else "epoch", (run.title,), smoothing > 0)
        latest = f"{last[f'val_{metric}']:.3f}" if f"val_{metric}" in last else "not measured"
        with column:
            st.markdown(f"**{metric.capitalize()}**")
            st.vega_lite_chart(points[points["metric"] == metric], spec, key=f"curve_{metric}", alt=f"{metric.capitalize()} of training and validation over {len(epochs)} epochs; validation now {latest}")


def log(run: Job) -> None:
    """The log's latest lines, newest last."""
    events = store().events(run.id)
    lines = [f"{time.strftime('%H:%M:%S', time.localtime(event.at))}  {'' if event.level == 'info' else event.level.upper() + '  '}{event.message}" for event in events[-LOG_LINES:]]
    with st.expander(f"Log ({len(events)} lines)" if len(events) != 1 else "Log (1 line)", icon=":material/notes:", key="log"):
        st.code("\n".join(lines) or "Nothing yet.", language=None, wrap_lines=True, height=min(400, 60 + 22 * len(lines)))

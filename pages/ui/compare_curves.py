"""How did they learn? The curves of all runs over each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.ui import charts
from pages.ui.linked import choice, smoothing_slider
from pages.ui.run_curves import FIRST, shown_figures
from pages.ui.state import store
from pages.ui.text import literal
from tlcore.compare import Comparison
from tlcore.curves import (
    METRICS,
    SOURCE_VALIDATION,
    TRAINING,
    VALIDATION,
    curves,
    figure,
    metrics_of,
    series,
)
from tlcore.store import Job


def overlaid_curves(runs: Sequence[Job], comparison: Comparison) -> None:
    """Accuracy, loss and what else is chosen, of all runs in one chart each."""
    epochs = {comparison.names[run.id]: store().epochs(run.id) for run in runs}
    without = [comparison.names[run.id] for run in runs if not run.config.strategy.reads_target_labels]
    parts = _parts(epochs, without)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = choice("Axis", ["epoch", "time"], "compare_axis", "axis")
        part = choice("Pictures", [*parts, "all"], "compare_part", "part")
        smoothing = smoothing_slider("compare_smoothing")
        more = shown_figures(metrics_of(column for table in epochs.values() for column in table), None, "compare_show")
    if part == "all":
        st.caption("Dashed lines: training; continuous: validation; dotted: validation on the source.")
    elif part == VALIDATION and without:
        st.caption(f"No label of the target may be read while these learn, so they have no such curve; look at {SOURCE_VALIDATION}: {', '.join(map(literal, without))}.")
    drawn = [*FIRST, *more]
    points = curves(epochs, smoothing, without, metrics=drawn)
    # A strategy's own figures are of training, whatever the others are looked at on.
    points = points if part == "all" else points[(points["part"] == part) | ~points["metric"].isin(list(METRICS))]
    with st.grid(2, min_column_width=300):
        for metric in drawn:
            with st.container(key=f"compared_{metric}"):
                title = figure(metric).title
                st.markdown(f"**{title}**")
                spec = charts.curves(metric, "seconds" if axis == "time" else "epoch", tuple(epochs), smoothing > 0)
                st.vega_lite_chart(points[points["metric"] == metric], spec, key=f"compare_{metric}", alt=f"{title} of {len(runs)} runs over {axis}, {part}")


def _parts(epochs: Mapping[str, pd.DataFrame], without: Collection[str]) -> list[str]:
    """On which pictures any of these runs has figures, validation first."""
    held = {found[1] for run, table in epochs.items() for column in table if (found := series(str(column), run in without))}
    return [part for part in (VALIDATION, SOURCE_VALIDATION, TRAINING) if part in held] or [VALIDATION]

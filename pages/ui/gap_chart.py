"""The generalisation gap over epochs or time, as a Vega-Lite specification; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import Spec
from tlcore.curves import PARTS
from tlcore.gap import COLUMNS

MARK = "#808080"  # Seen on light and dark, and no category's colour.
TITLES = {"accuracy": "gap", "loss": "gap (nats)"}
SHAPES = ["circle", "square", "triangle-up"]
DASHES = [[5, 3], [1, 0], [1, 3]]  # As on the curves themselves.


@lru_cache(maxsize=64)
def spec(metric: str, axis: str, smoothed: bool, parts: tuple[str, ...]) -> Spec:
    """Lines of one gap, one for each part of the validation pictures, about a line at 0; an upright line marks the best epoch."""
    x = alt.X(
        f"{axis}:Q", title="epoch" if axis == "epoch" else "time (s)",
        axis=alt.Axis(tickMinStep=1, format="d" if axis == "epoch" else "~s", grid=False), scale=alt.Scale(nice=False, zero=axis != "epoch"),
    )
    form, written = (".0%", ".2%") if metric == "accuracy" else ("~r", ".4f")
    domain = list(PARTS)
    legend = alt.Legend(title=None, orient="bottom", values=list(parts), columns=len(parts), symbolOpacity=1, symbolStrokeWidth=0) if len(parts) > 1 else None
    color = alt.Color("part:N", scale=alt.Scale(domain=domain), legend=legend)
    shape = alt.Shape("part:N", scale=alt.Scale(domain=domain, range=SHAPES), legend=legend)
    dash = alt.StrokeDash("part:N", scale=alt.Scale(domain=domain, range=DASHES), legend=None)
    tooltip = [alt.Tooltip("part:N", title="against"), alt.Tooltip("epoch:Q", format="d"), alt.Tooltip("value:Q", title="gap", format=written)]

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=TITLES[metric], axis=alt.Axis(format=form, labelFlush=False))

    base = alt.Chart(pd.DataFrame(columns=COLUMNS)).encode(x=x)
    drawn = "smooth" if smoothed else "value"
    lines = base.encode(color=color)
    layers: list[alt.Chart] = [
        alt.Chart(pd.DataFrame(columns=COLUMNS)).mark_rule(color=MARK, strokeDash=[2, 2]).encode(y=alt.datum(0)),
        base.transform_filter("datum.best").mark_rule(strokeWidth=1.5, color=MARK),
        *([lines.mark_line(strokeWidth=1, opacity=0.35).encode(y=y("value"), strokeDash=dash)] if smoothed else []),
        lines.mark_line(strokeWidth=2).encode(y=y(drawn), strokeDash=dash),
        lines.mark_point(filled=True, size=36).encode(y=y(drawn), shape=shape, tooltip=tooltip),
    ]
    made = alt.layer(*layers).properties(height=230 if legend is None else 280).to_dict()
    for key in ("data", "datasets", "config", "$schema"):
        made.pop(key, None)
    for layer in made["layer"]:
        layer.pop("data", None)
    return made

"""Accuracy against cost as a Vega-Lite specification; no Streamlit."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import altair as alt
import pandas as pd

from pages.ui.charts import Spec

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
COLUMNS = ["run", "title", "kind", "cost", "gain", "on", "chosen"]
RING = {False: "#18242b", True: "#e6edf0"}  # The page's own text colours, by `dark`.
LETTERS_IN_A_ROW = 28  # Of the legend, on a narrow screen.
LINE = "#808080"  # Seen on light and dark, and no category's colour.


class Axis(NamedTuple):
    """What an axis shows."""

    title: str
    form: str


@lru_cache(maxsize=32)
def spec(cost: Axis, gain: Axis, kinds: tuple[str, ...], logarithmic: bool, dark: bool) -> Spec:
    """One mark a run, in colour and shape by kind, the front as steps, rings around the chosen ones. Columns: as COLUMNS.

    A click picks a run as `picked`, a drag all in a rectangle as `area`.
    """
    scale = alt.Scale(type="log", nice=False, padding=12) if logarithmic else alt.Scale(zero=False, nice=True, padding=12)
    x = alt.X("cost:Q", title=cost.title + (", logarithmic" if logarithmic else ""), scale=scale, axis=alt.Axis(format=cost.form, grid=False, labelOverlap=True, labelFlush=False, tickCount=6))
    y = alt.Y("gain:Q", title=gain.title, scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(format=gain.form, labelFlush=False, tickCount=6))
    columns = 4 if sum(map(len, kinds[:4])) <= LETTERS_IN_A_ROW else 2
    legend = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=160, symbolOpacity=1, symbolStrokeWidth=0)
    color = alt.Color("kind:N", scale=alt.Scale(domain=list(kinds)), legend=legend)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(kinds), range=SHAPES[: len(kinds)]), legend=legend)
    tooltip = [
        alt.Tooltip("run:Q", format="d"), alt.Tooltip("title:N", title="name"), alt.Tooltip("kind:N", title="of"),
        alt.Tooltip("cost:Q", title=cost.title.lower(), format=",.4~r"), alt.Tooltip("gain:Q", title=gain.title.lower(), format=".4f"),
    ]
    picked = alt.selection_point(name="picked", fields=["run"], toggle="true", empty=False)
    area = alt.selection_interval(name="area", encodings=["x", "y"], empty=False)
    base = alt.Chart(pd.DataFrame(columns=COLUMNS)).encode(x=x, y=y)
    seen = alt.when("datum.on").then(alt.value(1)).when(picked).then(alt.value(1)).when(area).then(alt.value(1)).otherwise(alt.value(0.5))
    layers = [
        base.transform_filter("datum.on").mark_line(interpolate="step-after", strokeWidth=1.5, color=LINE),
        base.mark_point(filled=True, cursor="pointer").encode(
            color=color, shape=shape, tooltip=tooltip, opacity=seen, size=alt.condition("datum.on", alt.value(110), alt.value(40)),
        ).add_params(picked, area),
        base.transform_filter("datum.chosen").mark_point(filled=False, size=230, strokeWidth=2.5, color=RING[dark]),
    ]
    made = alt.layer(*layers).properties(height=440 + 20 * (len(kinds) // columns)).to_dict()
    for key in ("data", "datasets", "config", "$schema"):
        made.pop(key, None)
    for layer in made["layer"]:
        layer.pop("data", None)
    return made

"""Charts as Vega-Lite specifications: built once with Altair, without data, and without Streamlit.

Altair's validation costs twenty times what drawing does, so every specification is cached by what it
depends on; the page hands the data over beside it. Categories take the theme's Okabe-Ito colours from
.streamlit/config.toml; dashes, shapes and words say the same a second time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd

from tlcore.curves import PARTS, figure

Spec = dict[str, Any]

_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
# The page's own colours by `dark`: Vega draws text in black unless told otherwise.
TEXT = {False: "#18242b", True: "#e6edf0"}
BACKGROUND = {False: "#ffffff", True: "#10171b"}
MARK = "#808080"  # Seen on light and dark, and no category's colour.
_DASHES = [[5, 3], [1, 0], [1, 3]]  # Training dashed, validation drawn through, the source's dotted.
NO_DATA = pd.DataFrame()


@lru_cache(maxsize=128)
def curves(metric: str, axis: str, names: tuple[str, ...], smoothed: bool, parts: tuple[str, ...] = PARTS[:2]) -> Spec:
    """Lines of one metric. Columns: run, part, epoch, seconds, value, smooth, best.

    With one name, the parts are told apart by colour, dash and shape, and an upright line marks the best
    epoch; with several, each run has a colour and a shape, and the dash says the part. parts: those that
    the legend names, in the colours that they have everywhere.
    """
    one = len(names) == 1
    field, domain = ("part", list(PARTS)) if one else ("run", list(names))
    shown = figure(metric)
    x = alt.X(
        f"{axis}:Q",
        title="epoch" if axis == "epoch" else "time (s)",
        axis=alt.Axis(tickMinStep=1, format="d" if axis == "epoch" else "~s", grid=False),
        scale=alt.Scale(nice=False, zero=axis != "epoch"),
    )
    columns = len(parts) if one else 2 if max(map(len, domain)) <= 12 else 1
    legend = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=300, symbolOpacity=1, symbolStrokeWidth=0, **({"values": list(parts)} if one else {}))
    color = alt.Color(f"{field}:N", scale=alt.Scale(domain=domain), legend=legend)
    dash = alt.StrokeDash("part:N", scale=alt.Scale(domain=list(PARTS), range=_DASHES), legend=None)
    shape = alt.Shape(f"{field}:N", scale=alt.Scale(domain=domain, range=_SHAPES[: len(domain)]), legend=legend)
    tooltip = [
        alt.Tooltip("run:N"),
        alt.Tooltip("part:N", title="pictures"),
        alt.Tooltip("epoch:Q", format="d"),
        alt.Tooltip("seconds:Q", title="time (s)", format=".1f"),
        alt.Tooltip("value:Q", title=shown.title, format=".2%" if shown.share else ".4f"),
    ]

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=shown.title, scale=alt.Scale(zero=False), axis=alt.Axis(format=".0%" if shown.share else "~r", labelFlush=False))

    base = alt.Chart(NO_DATA).encode(x=x, color=color)
    drawn = "smooth" if smoothed else "value"
    layers = [
        base.mark_line(strokeWidth=2).encode(y=y(drawn), strokeDash=dash),
        base.mark_point(filled=True, size=36).encode(y=y(drawn), shape=shape, tooltip=tooltip),
    ]
    if smoothed:
        layers.insert(0, base.mark_line(strokeWidth=1, opacity=0.35).encode(y=y("value"), strokeDash=dash))
    if one:
        layers.insert(0, alt.Chart(NO_DATA).transform_filter("datum.best").mark_rule(strokeWidth=1.5, color=MARK).encode(x=x))
    return without_data(alt.layer(*layers).properties(height=280 if one else 260 + 20 * (len(domain) // columns)))


@lru_cache(maxsize=16)
def phases(count: int, longest_s: float, dark: bool, predicted: bool = False) -> Spec:
    """Seconds by phase as bars. Columns: phase, seconds, label; with `predicted` also low, likely, high and end.

    A tick marks the likely time and a line through it the band; `end` is where the label may begin.
    """
    y = alt.Y("phase:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelFlush=False, labelLimit=160))
    scale = alt.Scale(domain=[0, (1.25 if predicted else 1.15) * longest_s], nice=False)
    tooltip = [alt.Tooltip("phase:N"), alt.Tooltip("seconds:Q", title="time (s)", format=".2f")]
    if predicted:
        tooltip += [alt.Tooltip(f"{column}:Q", title=f"predicted, {column} (s)", format=".2f") for column in ("likely", "low", "high")]
    base = alt.Chart(NO_DATA).encode(y=y, tooltip=tooltip)
    x = alt.X("seconds:Q", title="time (s)", axis=alt.Axis(grid=False, tickCount=5), scale=scale)
    layers = [base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}).encode(x=x)]
    if predicted:
        layers += [
            base.mark_rule(strokeWidth=2, color=TEXT[dark]).encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
            base.mark_tick(thickness=3, size=16, color=TEXT[dark]).encode(x=alt.X("likely:Q", scale=scale)),
        ]
    label_at = alt.X("end:Q" if predicted else "seconds:Q", scale=scale)
    layers.append(base.mark_text(align="left", dx=6, color=TEXT[dark]).encode(x=label_at, text="label:N"))
    return without_data(alt.layer(*layers).properties(height=60 + 30 * count))


def without_data(chart: alt.LayerChart) -> Spec:
    """The specification as a dictionary without data: Streamlit sends those beside it, as Arrow."""
    spec = chart.to_dict()
    for key in ("data", "datasets", "config", "$schema"):
        spec.pop(key, None)
    for layer in spec.get("layer", ()):
        layer.pop("data", None)
    return spec

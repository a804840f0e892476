"""Accuracy against confidence, and how many pictures that is of, as Vega-Lite specifications; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import MARK, NO_DATA, Spec, without_data

BEFORE, AFTER = "as it answers", "after the temperature"
_SCALE = alt.Scale(domain=[0, 1], nice=False)
_AXIS = {"format": ".0%", "tickCount": 5, "labelFlush": False, "grid": True}


@lru_cache(maxsize=4)
def reliability(names: tuple[str, ...]) -> Spec:
    """Dots with 95% intervals, joined. Columns: name, confidence, accuracy, accuracy_low, accuracy_high, count. On the diagonal confidence is right."""
    x = alt.X("confidence:Q", title="mean confidence in the bin", scale=_SCALE, axis=alt.Axis(**_AXIS))
    y = alt.Y("accuracy:Q", title="share recognised", scale=_SCALE, axis=alt.Axis(**_AXIS))
    legend = alt.Legend(title=None, orient="bottom", labelLimit=260, symbolOpacity=1, symbolStrokeWidth=0)
    color = alt.Color("name:N", scale=alt.Scale(domain=list(names)), legend=legend)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=list(names), range=["circle", "square"][: len(names)]), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="probabilities"), alt.Tooltip("confidence:Q", title="mean confidence", format=".1%"), alt.Tooltip("accuracy:Q", title="recognised", format=".1%"),
        alt.Tooltip("accuracy_low:Q", title="95% from", format=".1%"), alt.Tooltip("accuracy_high:Q", title="to", format=".1%"), alt.Tooltip("count:Q", title="pictures", format=",d"),
    ]
    ends = {channel: alt.datum(value) for channel, value in (("x", 0), ("y", 0), ("x2", 1), ("y2", 1))}
    base = alt.Chart(NO_DATA).encode(x=x, color=color)
    layers = [
        alt.Chart(NO_DATA).transform_aggregate(n="count()").mark_rule(strokeDash=[4, 4], color=MARK).encode(**ends),
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("accuracy_low:Q", scale=_SCALE, title="share recognised"), y2="accuracy_high:Q"),
        base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=y, strokeDash=alt.StrokeDash("name:N", scale=alt.Scale(domain=list(names), range=[[1, 0], [5, 3]][: len(names)]), legend=None)),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=y, shape=shape, tooltip=tooltip),
    ]
    return without_data(alt.layer(*layers).properties(height=360))


@lru_cache(maxsize=4)
def counts(names: tuple[str, ...]) -> Spec:
    """Pictures by bin: filled bars, and those after the temperature as outlines. Columns: name, low, high, count; the same legend as beside it."""
    x = alt.X("low:Q", title="confidence", scale=_SCALE, axis=alt.Axis(**_AXIS))
    y = alt.Y("count:Q", title="pictures (square-root scale)", stack=None, scale=alt.Scale(type="sqrt", zero=True), axis=alt.Axis(format="~s", tickCount=5))
    tooltip = [
        alt.Tooltip("name:N", title="probabilities"), alt.Tooltip("low:Q", title="confidence from", format=".1%"), alt.Tooltip("high:Q", title="to", format=".1%"), alt.Tooltip("count:Q", title="pictures", format=",d"),
    ]
    layers = []
    for place, name in enumerate(names):
        base = alt.Chart(NO_DATA).transform_filter(f"datum.name == '{name}'").encode(x=x, x2="high:Q", y=y, y2=alt.datum(0), tooltip=tooltip)
        domain = alt.Scale(domain=list(names))
        if place == 0:
            layers.append(base.mark_bar(opacity=0.55, binSpacing=1).encode(color=alt.Color("name:N", scale=domain, legend=alt.Legend(title=None, orient="bottom", labelLimit=260))))
        else:
            layers.append(base.mark_bar(filled=False, strokeWidth=2, binSpacing=1).encode(stroke=alt.Stroke("name:N", scale=domain, legend=None)))
    return without_data(alt.layer(*layers).properties(height=360))

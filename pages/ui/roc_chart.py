"""ROC and precision-recall curves as Vega-Lite specifications; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import MARK, NO_DATA, Spec, without_data

MOST_CURVES = 8  # As many as there are colours that anybody can tell apart.
_DASHES = [[1, 0], [7, 3], [2, 2], [7, 3, 2, 3], [12, 3], [4, 4], [1, 4], [10, 2, 2, 2]]
AREAS = {"roc": "AUC", "precision_recall": "average precision"}
_AXIS = {"format": ".0%", "tickCount": 5, "labelFlush": False, "grid": True}
_AXES = {"roc": ("share of false alarms", "share found (recall)"), "precision_recall": ("share found (recall)", "precision")}


@lru_cache(maxsize=128)
def spec(kind: str, names: tuple[str, ...]) -> Spec:
    """Curves by name, told apart by colour and dash. Columns: name, x, y, area. kind: roc, with the diagonal of chance, or precision_recall."""
    (across, up), area = _AXES[kind], AREAS[kind]
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("x:Q", title=across, scale=scale, axis=alt.Axis(**_AXIS))
    y = alt.Y("y:Q", title=up, scale=scale, axis=alt.Axis(**_AXIS))
    legend = alt.Legend(title=None, orient="bottom", columns=2 if max(map(len, names), default=0) <= 22 else 1, labelLimit=260, symbolType="stroke", symbolSize=300)
    color = alt.Color("name:N", scale=alt.Scale(domain=list(names)), legend=legend)
    dash = alt.StrokeDash("name:N", scale=alt.Scale(domain=list(names), range=_DASHES[: len(names)]), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="curve"), alt.Tooltip("x:Q", title=across, format=".1%"), alt.Tooltip("y:Q", title=up, format=".1%"), alt.Tooltip("area:Q", title=area, format=".4f"),
    ]
    base = alt.Chart(NO_DATA).encode(x=x, y=y, color=color, order=alt.Order("place:Q"))
    layers = [
        base.mark_line(strokeWidth=2, interpolate="linear" if kind == "roc" else "step-before").encode(strokeDash=dash),
        base.mark_point(size=60, opacity=0).encode(tooltip=tooltip),  # A line's own tooltip tells of its first point only.
    ]
    if kind == "roc":
        ends = {channel: alt.datum(value) for channel, value in (("x", 0), ("y", 0), ("x2", 1), ("y2", 1))}
        layers.insert(0, alt.Chart(NO_DATA).transform_aggregate(n="count()").mark_rule(strokeDash=[4, 4], color=MARK).encode(**ends))
    return without_data(alt.layer(*layers).properties(height=320 + 20 * -(-len(names) // 2)))

"""One figure of each class by run, as bars side by side with their 95% intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data
from tlcore.compare import Comparison

BAR_PX, GAP_PX = 13, 14
TITLES = {"recall": "recall", "precision": "precision", "f1": "F1"}

def rows(comparison: Comparison, classes: Sequence[str], figure: str) -> pd.DataFrame:
    """One row a bar: class, run (short name), number, value, low, high, support."""
    table = comparison.class_table[comparison.class_table["class"].isin(list(classes))]
    bars = table[["class", "support"]].copy()
    bars["run"], bars["number"] = table["run"].map(comparison.names), table["run"].astype(str)
    for name, column in (("value", figure), ("low", f"{figure}_low"), ("high", f"{figure}_high")):
        bars[name] = table[column]
    return bars


@lru_cache(maxsize=64)
def spec(classes: tuple[str, ...], names: tuple[str, ...], figure: str, dark: bool) -> Spec:
    """Classes from top to bottom in this order, in each the runs in theirs; the run's number stands at the bar. Columns as of `rows`."""
    title = TITLES[figure]
    y = alt.Y("class:N", sort=list(classes), title=None, scale=alt.Scale(paddingInner=GAP_PX / (GAP_PX + BAR_PX * len(names)), paddingOuter=0.1), axis=alt.Axis(labelLimit=140, ticks=False, domain=False, labelFlush=False))
    bar, middle = (alt.YOffset("run:N", sort=list(names), scale=alt.Scale(domain=list(names), paddingInner=0.12), **at) for at in ({}, {"bandPosition": 0.5}))
    scale, axis = alt.Scale(domain=[0, 1.06], nice=False), alt.Axis(format=".0%" if figure != "f1" else ".1f", values=[0, 0.2, 0.4, 0.6, 0.8, 1], labelFlush=False, orient="top")
    x = alt.X("value:Q", title=title, scale=scale, axis=axis)
    legend = alt.Legend(title=None, orient="top", direction="vertical", columns=2 if max(map(len, names)) <= 20 else 1, labelLimit=300, symbolOpacity=1)
    written = ".1%" if figure != "f1" else ".3f"
    tooltip = [
        alt.Tooltip("class:N"), alt.Tooltip("run:N"), alt.Tooltip("value:Q", title=title, format=written),
        alt.Tooltip("low:Q", title="95% from", format=written), alt.Tooltip("high:Q", title="to", format=written), alt.Tooltip("support:Q", title="pictures", format=",d"),
    ]
    base = alt.Chart(NO_DATA).encode(y=y, tooltip=tooltip)
    layers = [
        base.mark_bar(cornerRadiusEnd=2, opacity=0.85).encode(x=x, yOffset=bar, color=alt.Color("run:N", scale=alt.Scale(domain=list(names)), legend=legend)),
        base.mark_rule(strokeWidth=1.5, color=TEXT[dark]).encode(yOffset=middle, x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q"),
        base.mark_text(align="left", dx=4, fontSize=10, baseline="middle", color=TEXT[dark]).encode(yOffset=middle, x=alt.X("high:Q", title=title, scale=scale, axis=axis), text="number:N"),
    ]
    return without_data(alt.layer(*layers).properties(height=60 + 18 * len(names) + (GAP_PX + BAR_PX * len(names)) * len(classes)))

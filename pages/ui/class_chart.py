"""A figure of every class with its interval, as a Vega-Lite specification; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import MARK, NO_DATA, Spec, without_data

ROW_PX, NARROW_ROW_PX = 22, 15
MOST_WIDE_ROWS = 30
AROUND_PX = 50  # The axis and its title.


@lru_cache(maxsize=64)
def spec(figure: str, title: str, classes: int) -> Spec:
    """Dots on lines, one row a class in the order of the data. Columns: class, support, the figure, its _low and _high, mean.

    The upright dashed line is the mean over classes.
    """
    y = alt.Y("class:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelFlush=False, labelOverlap=False, labelLimit=130, grid=True, gridOpacity=0.4))
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X(f"{figure}:Q", title=title, scale=scale, axis=alt.Axis(orient="top", format=".0%", tickCount=5, labelFlush=False))
    tooltip = [
        alt.Tooltip("class:N"), alt.Tooltip(f"{figure}:Q", title=title, format=".1%"), alt.Tooltip(f"{figure}_low:Q", title="95% from", format=".1%"),
        alt.Tooltip(f"{figure}_high:Q", title="to", format=".1%"), alt.Tooltip("support:Q", title="pictures", format=",d"),
    ]
    base = alt.Chart(NO_DATA).encode(y=y, tooltip=tooltip)
    narrow = classes > MOST_WIDE_ROWS
    layers = [
        alt.Chart(NO_DATA).transform_aggregate(mean="max(mean)").mark_rule(strokeDash=[4, 3], color=MARK).encode(x=alt.X("mean:Q", scale=scale)),
        base.mark_rule(strokeWidth=2, color=MARK).encode(x=alt.X(f"{figure}_low:Q", scale=scale), x2=f"{figure}_high:Q"),
        base.mark_point(filled=True, opacity=1, size=40 if narrow else 70).encode(x=x),
    ]
    return without_data(alt.layer(*layers).properties(height=AROUND_PX + (NARROW_ROW_PX if narrow else ROW_PX) * classes))

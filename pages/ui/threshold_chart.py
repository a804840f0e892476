"""What the errors cost at each threshold, as a Vega-Lite specification; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data

PLACES = ("yours", "cheapest")


@lru_cache(maxsize=4)
def spec(dark: bool, pictures: int) -> Spec:
    """A line of costs with two marked places on it. Columns: kind (cost | yours | cheapest), threshold, cost, missed, false_alarms."""
    x = alt.X("threshold:Q", title="threshold", scale=alt.Scale(domain=[0, 1], nice=False), axis=alt.Axis(tickCount=5, format="~g", labelFlush=False))
    y = alt.Y("cost:Q", title=f"cost on {pictures:,} test pictures", axis=alt.Axis(tickCount=5, format="~s", labelFlush=False))
    tooltip = [
        alt.Tooltip("kind:N", title="place"), alt.Tooltip("threshold:Q", format=".3f"), alt.Tooltip("cost:Q", format=",.5~g"),
        alt.Tooltip("missed:Q", format=",d"), alt.Tooltip("false_alarms:Q", title="false alarms", format=",d"),
    ]
    scale, legend = alt.Scale(domain=list(PLACES)), alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(PLACES), range=["circle", "diamond"]), legend=legend)
    line, places = (alt.Chart(NO_DATA).transform_filter(f"datum.kind {sign} 'cost'").encode(x=x) for sign in ("==", "!="))
    layers = [
        line.mark_line(strokeWidth=2, color=TEXT[dark], opacity=0.55).encode(y=y),
        line.mark_point(size=60, opacity=0).encode(y=y, tooltip=tooltip),  # A line's own tooltip tells of its first point only.
        places.mark_rule(strokeDash=[4, 3]).encode(color=alt.Color("kind:N", scale=scale, legend=legend)),
        places.mark_point(filled=True, size=140, opacity=1).encode(y=y, color=alt.Color("kind:N", scale=scale, legend=legend), shape=shape, tooltip=tooltip),
    ]
    return without_data(alt.layer(*layers).properties(height=300))

"""Score against seconds of the trials of a study, with the Pareto front, as a Vega-Lite specification and its rows; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import MARK, NO_DATA, Spec, without_data
from pages.ui.trial_axis import Scored
from tlcore.pareto import front

KINDS = ["on the front", "beaten"]


def rows(table: pd.DataFrame, goal: Scored) -> pd.DataFrame:
    """One row a finished trial: trial, seconds, score, on (the front), kind."""
    known = table[table["score"].notna() & (table["state"] == "done")]
    on = front(known["seconds"].to_numpy(float), (-1 if goal.lower else 1) * known["score"].to_numpy(float))
    return pd.DataFrame({"trial": known["number"], "seconds": known["seconds"], "score": known["score"], "on": on, "kind": [KINDS[not each] for each in on]}).reset_index(drop=True)


@lru_cache(maxsize=16)
def spec(goal: Scored, logarithmic: bool) -> Spec:
    """A mark a trial, those of the front larger, of another shape and colour, and joined by steps. Columns as of `rows`."""
    scale = alt.Scale(type="log", nice=False, padding=12) if logarithmic else alt.Scale(zero=False, padding=12)
    x = alt.X("seconds:Q", title="seconds of the trial" + (", logarithmic" if logarithmic else ""), scale=scale, axis=alt.Axis(format="~r", grid=False, labelOverlap=True, labelFlush=False, tickCount=6))
    y = alt.Y("score:Q", title=goal.title, scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(format=goal.form, tickCount=6, labelFlush=False))
    legend = alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    base = alt.Chart(NO_DATA).encode(x=x, y=y)
    layers = [
        base.transform_filter("datum.on").mark_line(interpolate="step-after", strokeWidth=1.5, color=MARK),
        base.mark_point(filled=True, opacity=0.85).encode(
            color=alt.Color("kind:N", scale=alt.Scale(domain=KINDS), legend=legend), shape=alt.Shape("kind:N", scale=alt.Scale(domain=KINDS, range=["diamond", "circle"]), legend=legend),
            size=alt.condition("datum.on", alt.value(120), alt.value(32)),
            tooltip=[alt.Tooltip("trial:Q", format="d"), alt.Tooltip("score:Q", title=goal.title.lower(), format=goal.form), alt.Tooltip("seconds:Q", format=".1f"), alt.Tooltip("kind:N", title="is")],
        ),
    ]
    return without_data(alt.layer(*layers).properties(height=380))


def alt_text(shown: pd.DataFrame, goal: Scored) -> str:
    """The chart for those who don't see it. shown: as of `rows`."""
    best = shown[shown["on"]].sort_values("seconds")
    return f"{goal.title} against seconds of {len(shown)} trials. On the front: " + "; ".join(f"trial {row.trial}, {goal.written(row.score)} in {row.seconds:.1f} s" for row in best.head(8).itertuples())

"""The score of each trial and the best so far, as a Vega-Lite specification and the rows that it draws; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import MARK, NO_DATA, TEXT, Spec, without_data
from pages.ui.trial_axis import Scored

STATES = {"done": "done", "running": "running", "pruned": "pruned, as far as it came", "failed": "failed", "cancelled": "cancelled", "interrupted": "interrupted"}
SHAPES = {"done": "circle", "running": "diamond", "pruned": "triangle-down"}
OTHER_SHAPE = "cross"


def rows(table: pd.DataFrame, goal: Scored) -> pd.DataFrame:
    """One row a trial that has a score: trial, score, best (of the finished ones so far), state, record (whether it bettered the best).

    table: as of `StudyView.table`, without repeats.
    """
    known = table[table["score"].notna()].sort_values("number")
    done = known["score"].where(known["state"] == "done")
    best = done.cummin() if goal.lower else done.cummax()
    best = best.ffill()
    return pd.DataFrame({
        "trial": known["number"], "score": known["score"], "best": best, "state": known["state"],
        "record": done.notna() & ((best != best.shift()) | best.shift().isna()),
    }).reset_index(drop=True)


@lru_cache(maxsize=32)
def spec(goal: Scored, states: tuple[str, ...], dark: bool) -> Spec:
    """A mark a trial, in shape and colour by how it ended, and the best so far as steps. Columns as of `rows`."""
    names = [STATES[state] for state in states]
    legend = alt.Legend(title=None, orient="bottom", columns=3, labelLimit=220, symbolOpacity=1) if len(states) > 1 else None
    word = f"{STATES}[datum.state]".replace("'", '"')
    shown = alt.Chart(NO_DATA).transform_calculate(word=word)
    x = alt.X("trial:Q", title="trial", axis=alt.Axis(format="d", tickMinStep=1, grid=False, labelFlush=False), scale=alt.Scale(nice=False, padding=8))
    scale, axis = alt.Scale(zero=False, padding=10), alt.Axis(format=goal.form, tickCount=6, labelFlush=False)
    y = alt.Y("score:Q", title=goal.title, scale=scale, axis=axis)
    tooltip = [alt.Tooltip("trial:Q", format="d"), alt.Tooltip("score:Q", title=goal.title.lower(), format=goal.form), alt.Tooltip("best:Q", title="best so far", format=goal.form), alt.Tooltip("word:N", title="ended")]
    layers = [
        alt.Chart(NO_DATA).transform_filter("isValid(datum.best)").mark_line(interpolate="step-after", strokeWidth=2, color=MARK).encode(x=x, y=alt.Y("best:Q", title=goal.title, scale=scale, axis=axis)),
        shown.mark_point(filled=True, size=45, opacity=0.85).encode(
            x=x, y=y, tooltip=tooltip,
            color=alt.Color("word:N", scale=alt.Scale(domain=list(STATES.values())), legend=None if legend is None else alt.Legend(**{**legend.to_dict(), "values": names})),
            shape=alt.Shape("word:N", scale=alt.Scale(domain=list(STATES.values()), range=[SHAPES.get(state, OTHER_SHAPE) for state in STATES]), legend=None if legend is None else alt.Legend(**{**legend.to_dict(), "values": names})),
        ),
        alt.Chart(NO_DATA).transform_filter("datum.record").mark_point(filled=False, size=130, strokeWidth=1.5, color=TEXT[dark]).encode(x=x, y=y),
    ]
    return without_data(alt.layer(*layers).properties(height=340))


def alt_text(shown: pd.DataFrame, goal: Scored) -> str:
    """The chart for those who don't see it. shown: as of `rows`."""
    records = shown[shown["record"]]
    if records.empty:
        return f"{goal.title} by trial; none has finished yet."
    steps = "; ".join(f"trial {row.trial}: {goal.written(row.score)}" for row in records.tail(8).itertuples())
    return f"{goal.title} of {len(shown)} trials. The best so far rose at {steps}." if not goal.lower else f"{goal.title} of {len(shown)} trials. The best so far fell at {steps}."

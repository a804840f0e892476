"""Score and seconds by the value of one setting, such as the number of blocks that learn, as Vega-Lite specifications; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import MARK, NO_DATA, TEXT, Spec, without_data
from pages.ui.trial_axis import Scored, TrialAxis, along

COLUMNS = ["kind", "at", "value", "score", "low", "high", "seconds", "label", "said"]


def rows(means: pd.DataFrame, table: pd.DataFrame, axis: TrialAxis, goal: Scored) -> pd.DataFrame:
    """Means (kind: mean) with their intervals, and the single runs (kind: run).

    means: value, mean, low, high (missing where one run tells nothing), runs, seconds. table: as of `StudyView.table`.
    """
    found: list[tuple[object, ...]] = []
    for row in means.itertuples():
        known = pd.notna(row.low)
        said = goal.written(row.mean) + (f" ({goal.written(row.low)} to {goal.written(row.high)})" if known else "") + f", {row.runs} run{'s' if row.runs > 1 else ''}"
        found.append(("mean", axis.place(row.value), str(row.value), row.mean, row.low, row.high, row.seconds, f"{row.seconds:.3g} s", said))
    single = table[table["score"].notna() & (table["state"] == "done")]
    found += [("run", axis.place(row[axis.setting]), str(row[axis.setting]), row["score"], None, None, row["seconds"], None, f"{goal.written(row['score'])}, run {row['run']}") for row in single.to_dict("records")]
    return pd.DataFrame(found, columns=COLUMNS).astype(dict.fromkeys(["at", "score", "low", "high", "seconds"], float))


@lru_cache(maxsize=32)
def spec(axis: TrialAxis, goal: Scored, dark: bool) -> Spec:
    """Means joined by a line, their 95% intervals, and the single runs faintly. Columns as of `rows`."""
    x, scale = along(axis, "at"), alt.Scale(zero=False, padding=10)
    shown = alt.Axis(format=goal.form, tickCount=6, labelFlush=False)
    y = alt.Y("score:Q", title=goal.title, scale=scale, axis=shown)
    base = alt.Chart(NO_DATA).encode(x=x, tooltip=[alt.Tooltip("value:N", title=axis.title.lower()), alt.Tooltip("said:N", title=goal.title.lower())])
    means, known = base.transform_filter("datum.kind == 'mean'"), base.transform_filter("datum.kind == 'mean' && isValid(datum.low)")
    layers = [
        base.transform_filter("datum.kind == 'run'").mark_point(filled=False, size=30, opacity=0.5, color=MARK).encode(y=y),
        known.mark_rule(strokeWidth=2, color=TEXT[dark]).encode(y=alt.Y("low:Q", title=goal.title, scale=scale, axis=shown), y2="high:Q"),
        *(known.mark_tick(orient="horizontal", thickness=2, size=11).encode(y=alt.Y(f"{end}:Q", title=goal.title, scale=scale, axis=shown)) for end in ("low", "high")),
        means.mark_line(strokeWidth=2).encode(y=y),
        means.mark_point(filled=True, size=80, opacity=1).encode(y=y),
    ]
    return without_data(alt.layer(*layers).properties(height=300))


@lru_cache(maxsize=32)
def seconds_spec(axis: TrialAxis, dark: bool) -> Spec:
    """The mean seconds of a run for each value, as bars on the same axis. Columns as of `rows`."""
    x = along(axis, "at")
    y = alt.Y("seconds:Q", title="seconds a run", axis=alt.Axis(format="~r", tickCount=4, labelFlush=False))
    base = alt.Chart(NO_DATA).transform_filter("datum.kind == 'mean'").encode(x=x, y=y, tooltip=[alt.Tooltip("value:N", title=axis.title.lower()), alt.Tooltip("label:N", title="mean of a run")])
    layers = [base.mark_bar(size=26, cornerRadiusEnd=3), base.mark_text(dy=-9, color=TEXT[dark]).encode(text="label:N")]
    return without_data(alt.layer(*layers).properties(height=170))


def alt_text(shown: pd.DataFrame, axis: TrialAxis, goal: Scored) -> str:
    """Both charts for those who don't see them. shown: as of `rows`."""
    means = shown[shown["kind"] == "mean"]
    return f"{goal.title} and seconds by {axis.title.lower()}. " + "; ".join(f"{row.value}: {row.said}, {row.label}" for row in means.itertuples())

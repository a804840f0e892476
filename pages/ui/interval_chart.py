"""Figures as dots with their 95% intervals: of several runs, and of the differences between them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data
from tlcore.compare import Comparison
from tlcore.figure_words import TEST_WORDS, with_interval, written
from tlcore.significance import IN_POINTS, Pair

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
VERDICTS = ["holds", "may be chance"]

def rows(comparison: Comparison, figure: str) -> pd.DataFrame:
    """One row a run: run (short name), value, low, high, label."""
    found = []
    for run, value in zip(comparison.runs, comparison.metrics[figure], strict=True):
        around = comparison.intervals[run][figure]
        star = "★ best" if comparison.best[figure] == run else ""
        low, high = around or (None, None)
        found.append((comparison.names[run], value, low, high, star, with_interval(figure, value, around)))
    return pd.DataFrame(found, columns=["run", "value", "low", "high", "label", "said"]).astype(dict.fromkeys(["value", "low", "high"], float))


@lru_cache(maxsize=64)
def spec(names: tuple[str, ...], figure: str, dark: bool) -> Spec:
    """A line a run: its figure as a point in the run's colour and shape, its interval, and a star where it is the best. Columns as of `rows`."""
    title = TEST_WORDS[figure].title
    measured = f"{title} with its 95% interval"
    y = alt.Y("run:N", sort=list(names), title=None, axis=alt.Axis(labelLimit=240, ticks=False, domain=False, labelFlush=False, grid=True))
    scale = alt.Scale(zero=False, nice=True, padding=12)
    axis = alt.Axis(format="~%" if figure in IN_POINTS else "~g", tickCount=5, labelFlush=False)
    color = alt.Color("run:N", scale=alt.Scale(domain=list(names)), legend=None)
    tooltip = [alt.Tooltip("run:N"), alt.Tooltip("said:N", title=f"{title}, 95% interval")]
    base = alt.Chart(NO_DATA).encode(y=y, color=color, tooltip=tooltip)
    x = alt.X("value:Q", title=measured, scale=scale, axis=axis)
    known = base.transform_filter("isValid(datum.low)")
    layers = [
        known.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=measured, scale=scale, axis=axis), x2="high:Q"),
        *(known.mark_tick(thickness=2, size=10).encode(x=alt.X(f"{end}:Q", title=measured, scale=scale, axis=axis)) for end in ("low", "high")),
        base.mark_point(filled=True, size=90, opacity=1).encode(x=x, shape=alt.Shape("run:N", scale=alt.Scale(domain=list(names), range=SHAPES[: len(names)]), legend=None)),
        alt.Chart(NO_DATA).mark_text(dy=-13, fontSize=12, fontWeight=600, color=TEXT[dark]).encode(y=y, x=x, text="label:N"),
    ]
    return without_data(alt.layer(*layers).properties(height=70 + 34 * len(names)))


def gain_rows(pairs: list[Pair], figure: str, names: Mapping[int, str]) -> pd.DataFrame:
    """One row a pair that has the figure: pair (`4 over 3`), value, low, high (in points where it is a share of pictures), verdict, said."""
    scale, found = 100 if figure in IN_POINTS else 1, []
    for pair in pairs:
        if told := pair.differences.get(figure):
            gain = told.gain
            found.append((label(pair, figure), scale * gain.value, scale * gain.low, scale * gain.high, VERDICTS[not told.real], pair.outcome(figure, names)))
    return pd.DataFrame(found, columns=["pair", "value", "low", "high", "verdict", "said"])


def label(pair: Pair, figure: str) -> str:
    """Which run is ahead of which, by number."""
    gain = pair.differences[figure].gain
    return f"{gain.ahead} over {gain.behind}"


@lru_cache(maxsize=64)
def gain_spec(pairs: tuple[str, ...], figure: str, dark: bool) -> Spec:
    """A line a pair: by how much the first is better, the interval, and an upright line at 0. Columns as of `gain_rows`."""
    title = f"{TEST_WORDS[figure].title}: the first is better by" + (" (points)" if figure in IN_POINTS else "")
    y = alt.Y("pair:N", sort=list(pairs), title=None, axis=alt.Axis(labelLimit=120, ticks=False, domain=False, labelFlush=False, grid=True))
    scale, axis = alt.Scale(zero=True, nice=True, padding=8), alt.Axis(format="~g", tickCount=6, labelFlush=False)
    legend = alt.Legend(title=None, orient="bottom", symbolOpacity=1)
    color = alt.Color("verdict:N", scale=alt.Scale(domain=VERDICTS), legend=legend)
    base = alt.Chart(NO_DATA).encode(y=y, color=color, tooltip=[alt.Tooltip("pair:N", title="runs"), alt.Tooltip("said:N", title="in words")])
    x = alt.X("value:Q", title=title, scale=scale, axis=axis)
    layers = [
        alt.Chart(NO_DATA).mark_rule(color=TEXT[dark], strokeDash=[3, 3]).encode(x=alt.datum(0, type="quantitative")),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q"),
        base.mark_point(size=80, opacity=1, filled=True).encode(x=x, shape=alt.Shape("verdict:N", scale=alt.Scale(domain=VERDICTS, range=["circle", "diamond"]), legend=legend)),
    ]
    return without_data(alt.layer(*layers).properties(height=116 + 24 * len(pairs)))


def alt_text(comparison: Comparison, figure: str) -> str:
    """The first chart for those who don't see it."""
    values = (f"{comparison.names[run]}: {written(figure, value)}" for run, value in zip(comparison.runs, comparison.metrics[figure], strict=True))
    return f"{TEST_WORDS[figure].title} of each run with its 95% interval. {'; '.join(values)}"

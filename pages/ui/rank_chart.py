"""Backbones by one measure, and that measure against what frozen runs reached, as Vega-Lite specifications and their rows; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data
from tlcore.ranking.agreement import Reached
from tlcore.ranking.table import MEASURES, Ranking

KINDS = ["before training", "its frozen run"]
COLUMNS = ["backbone", "value", "kind", "label"]


def written(measure: str, value: float) -> str:
    """A figure with a sensible number of digits."""
    if measure == "params":
        return f"{value / 1e6:.1f} M"
    return f"{value:.1%}" if MEASURES[measure].share else f"{value:.3f}"


def rows(ranking: Ranking, measure: str, reached: Mapping[str, Reached]) -> pd.DataFrame:
    """One row a backbone that has the figure, the highest first; where it is an accuracy, another one for its frozen run."""
    found: list[tuple[str, float, str, str]] = []
    for row in ranking.ordered(measure):
        value = row.figure(measure)
        if row.scores and value is not None:
            found.append((row.title, value, KINDS[0], written(measure, value)))
            if MEASURES[measure].share and measure != "top1" and row.title in reached:
                found.append((row.title, reached[row.title].accuracy, KINDS[1], ""))
    return pd.DataFrame(found, columns=COLUMNS)


@lru_cache(maxsize=64)
def spec(names: tuple[str, ...], measure: str, trained: bool, dark: bool) -> Spec:
    """A line a backbone with its figure as a dot and in words; a diamond for its frozen run, where there are any (`trained`)."""
    kinds = KINDS if trained else KINDS[:1]
    y = alt.Y("backbone:N", sort=list(names), title=None, axis=alt.Axis(labelLimit=180, ticks=False, domain=False, labelFlush=False, grid=True))
    x = alt.X(
        "value:Q", title=MEASURES[measure].title + (", higher is better" if measure != "params" else ""), scale=alt.Scale(zero=False, nice=True, padding=40),
        axis=alt.Axis(format="~%" if MEASURES[measure].share else "~s" if measure == "params" else "~g", tickCount=5, grid=False, labelFlush=False),
    )
    legend = alt.Legend(title=None, orient="bottom", symbolOpacity=1, labelLimit=260) if trained else None
    color, shape = (encoding("kind:N", scale=alt.Scale(domain=kinds, **more), legend=legend) for encoding, more in ((alt.Color, {}), (alt.Shape, {"range": ["circle", "diamond"][: len(kinds)]})))
    base = alt.Chart(NO_DATA).encode(y=y, x=x)
    layers = [
        base.mark_point(filled=True, size=110, opacity=1).encode(color=color, shape=shape, tooltip=[alt.Tooltip("backbone:N"), alt.Tooltip("kind:N", title="told"), alt.Tooltip("value:Q", format=".1%" if MEASURES[measure].share else ".4~g")]),
        base.transform_filter("datum.label != ''").mark_text(dy=-13, color=TEXT[dark]).encode(text="label:N"),
    ]
    return without_data(alt.layer(*layers).properties(height=(100 if trained else 70) + 42 * len(names)))


def alt_text(shown: pd.DataFrame, measure: str) -> str:
    """The first chart for those who don't see it. shown: as of `rows`."""
    return f"{MEASURES[measure].title} of each backbone before training, the highest first. " + "; ".join(f"{row.backbone}: {row.label}" for row in shown[shown["kind"] == KINDS[0]].itertuples())


def pairs(ranking: Ranking, measure: str, reached: Mapping[str, Reached]) -> pd.DataFrame:
    """One row a backbone that has the figure and a run: backbone, value, accuracy, left (whether its name stands there, so that neighbours' names keep apart)."""
    found = [(row.title, value, reached[row.title].accuracy) for row in ranking.ordered(measure) if row.scores and row.title in reached and (value := row.figure(measure)) is not None]
    table = pd.DataFrame(found, columns=["backbone", "value", "accuracy"])
    return table.assign(left=[place % 2 == 0 and place + 1 < len(table) for place in range(len(table))])


@lru_cache(maxsize=32)
def pairs_spec(measure: str, dark: bool) -> Spec:
    """A point a backbone, with its name: the measure across, what its frozen run reached upwards."""
    form = "~%" if MEASURES[measure].share else "~s" if measure == "params" else "~g"
    x = alt.X("value:Q", title=MEASURES[measure].title, scale=alt.Scale(zero=False, nice=False, padding=40), axis=alt.Axis(format=form, tickCount=4, grid=False, labelFlush=False))
    y = alt.Y("accuracy:Q", title="test accuracy of the frozen run", scale=alt.Scale(zero=False, nice=False, padding=20), axis=alt.Axis(format=".1~%", tickCount=5, labelFlush=False, labelBound=True))
    tooltip = [alt.Tooltip("backbone:N"), alt.Tooltip("value:Q", title=MEASURES[measure].title, format=".4~g"), alt.Tooltip("accuracy:Q", format=".1%")]
    base = alt.Chart(NO_DATA).encode(x=x, y=y)
    layers = [base.mark_point(filled=True, size=90, opacity=1).encode(tooltip=tooltip)]
    for side, align, dx in (("datum.left", "right", -9), ("!datum.left", "left", 9)):
        layers.append(base.transform_filter(side).mark_text(align=align, dx=dx, color=TEXT[dark]).encode(text="backbone:N"))
    return without_data(alt.layer(*layers).properties(height=300))


def pairs_alt_text(shown: pd.DataFrame, measure: str) -> str:
    """The second chart for those who don't see it."""
    return f"{MEASURES[measure].title} against the test accuracy of the frozen run. " + "; ".join(f"{row.backbone}: {written(measure, row.value)}, {row.accuracy:.1%}" for row in shown.itertuples())

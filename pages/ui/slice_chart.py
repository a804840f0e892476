"""Scores against one setting, and against two, as Vega-Lite specifications and the rows that they draw; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data
from pages.ui.trial_axis import (
    Scored,
    TrialAxis,
    along,
    best_of,
    color_of_score,
    edges,
    written,
)

SPREAD = 0.18  # How far trials of one name stand from its middle, to either side.
GOLDEN, ROOT = 0.618034, 0.414214  # Multiples of these, less their whole part, are spread evenly, and the same at every look.
CELLS = 8  # Along one axis of the map.


def rows(table: pd.DataFrame, axis: TrialAxis, goal: Scored, leader: int | None = None) -> pd.DataFrame:
    """One row a scored trial (kind: trial, best) and one for the mean of each name (kind: mean): kind, trial, at, score, value.

    leader: which trial is the best, where further seeds have told; by default the one that scored best.
    """
    known = table[table["score"].notna()]
    at = known[axis.setting].map(axis.place).astype(float)
    aside = (known["number"] * GOLDEN % 1 * 2 - 1) * SPREAD if axis.kind == "names" else 0.0
    shown = pd.DataFrame({"kind": "trial", "trial": known["number"], "at": at + aside, "score": known["score"], "value": known[axis.setting].map(written)})
    shown.loc[shown["trial"] == best_of(known, goal, leader), "kind"] = "best"
    if axis.kind == "names":
        means = known.groupby(at)["score"].mean()
        shown = pd.concat([shown, pd.DataFrame({"kind": "mean", "at": means.index, "score": means.to_numpy(), "value": [axis.names[int(place)] for place in means.index]})])
    return shown.reset_index(drop=True)


@lru_cache(maxsize=64)
def spec(axis: TrialAxis, goal: Scored, dark: bool) -> Spec:
    """A point a trial, a ring around the best, and a stroke at the mean of each name. Columns as of `rows`."""
    x = along(axis, "at")
    y = alt.Y("score:Q", title=goal.title, scale=alt.Scale(zero=False, padding=8), axis=alt.Axis(format=goal.form, tickCount=5, labelFlush=False))
    base = alt.Chart(NO_DATA).encode(x=x, y=y, tooltip=[alt.Tooltip("trial:Q", format="d"), alt.Tooltip("value:N", title=axis.title.lower()), alt.Tooltip("score:Q", title=goal.title.lower(), format=goal.form)])
    layers = [
        base.transform_filter("datum.kind != 'mean'").mark_point(filled=True, size=36, opacity=0.55),
        base.transform_filter("datum.kind == 'best'").mark_point(filled=False, size=150, strokeWidth=2, color=TEXT[dark]),
    ]
    if axis.kind == "names":
        mean = [alt.Tooltip("value:N", title=axis.title.lower()), alt.Tooltip("score:Q", title="mean", format=goal.form)]
        layers.append(base.transform_filter("datum.kind == 'mean'").mark_tick(orient="horizontal", size=34, thickness=3, color=TEXT[dark]).encode(tooltip=mean))
    return without_data(alt.layer(*layers).properties(height=230))


def map_rows(table: pd.DataFrame, across: TrialAxis, up: TrialAxis, goal: Scored, leader: int | None = None) -> pd.DataFrame:
    """Cells with the mean score of their trials (kind: cell, from x, y to x2, y2, trials in it) and the trials (kind: trial, best)."""
    known = table[table["score"].notna()]
    x, y = (known[axis.setting].map(axis.place).to_numpy(float) for axis in (across, up))
    borders = [np.asarray(edges(axis, CELLS)) for axis in (across, up)]
    column, row = (np.clip(np.searchsorted(ends, each, side="right") - 1, 0, len(ends) - 2) for ends, each in zip(borders, (x, y), strict=True))
    cells = pd.DataFrame({"column": column, "row": row, "score": known["score"].to_numpy()}).groupby(["column", "row"], as_index=False).agg(score=("score", "mean"), trials=("score", "size"))
    ends = {name: borders[place][cells[of] + more] for name, place, of, more in (("x", 0, "column", 0), ("x2", 0, "column", 1), ("y", 1, "row", 0), ("y2", 1, "row", 1))}
    drawn = pd.DataFrame({"kind": "cell", **ends, "score": cells["score"], "trials": cells["trials"]})
    aside = [(known["number"] * part % 1 * 2 - 1) * SPREAD if axis.kind == "names" else 0.0 for axis, part in ((across, GOLDEN), (up, ROOT))]
    points = pd.DataFrame({"kind": "trial", "x": x + aside[0], "y": y + aside[1], "score": known["score"], "trial": known["number"]})
    points["said"] = known[across.setting].map(written) + " · " + known[up.setting].map(written)
    points.loc[points["trial"] == best_of(known, goal, leader), "kind"] = "best"
    return pd.concat([drawn, points], ignore_index=True)


@lru_cache(maxsize=64)
def map_spec(across: TrialAxis, up: TrialAxis, goal: Scored, dark: bool) -> Spec:
    """Cells in the colour of their mean score, the trials on them, a ring around the best. Columns as of `map_rows`."""
    x, y = along(across, "x"), along(up, "y", alt.Y)
    cell = [alt.Tooltip("score:Q", title=f"mean {goal.title.lower()}", format=goal.form), alt.Tooltip("trials:Q", format="d")]
    trial = [alt.Tooltip("trial:Q", format="d"), alt.Tooltip("said:N", title="settings"), alt.Tooltip("score:Q", title=goal.title.lower(), format=goal.form)]
    base = alt.Chart(NO_DATA).encode(x=x, y=y)
    layers = [
        base.transform_filter("datum.kind == 'cell'").mark_rect(opacity=0.85).encode(x2="x2:Q", y2="y2:Q", color=color_of_score(goal, dark), tooltip=cell),
        base.transform_filter("datum.kind != 'cell'").mark_point(filled=True, size=26, opacity=0.9, stroke="#ffffff", strokeWidth=1, color="#18242b").encode(tooltip=trial),
        base.transform_filter("datum.kind == 'best'").mark_point(filled=False, size=190, strokeWidth=5, color="#ffffff"),
        base.transform_filter("datum.kind == 'best'").mark_point(filled=False, size=190, strokeWidth=2, color="#18242b"),
    ]
    return without_data(alt.layer(*layers).properties(height=400))


def alt_text(shown: pd.DataFrame, axis: TrialAxis, goal: Scored) -> str:
    """The chart of one setting for those who don't see it. shown: as of `rows`."""
    best = shown[shown["kind"] == "best"]
    said = f"; the best, {goal.written(best['score'].iloc[0])}, at {best['value'].iloc[0]}" if len(best) else ""
    return f"{goal.title} of {len(shown[shown['kind'] != 'mean'])} trials against {axis.title.lower()}{said}"


def map_alt_text(shown: pd.DataFrame, across: TrialAxis, up: TrialAxis, goal: Scored) -> str:
    """The chart of two settings for those who don't see it. shown: as of `map_rows`."""
    best = shown[shown["kind"] == "best"]
    said = f"; the best, {goal.written(best['score'].iloc[0])}, at {best['said'].iloc[0]}" if len(best) else ""
    return f"Mean {goal.title.lower()} by {across.title.lower()} and {up.title.lower()}{said}"

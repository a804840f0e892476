"""Parallel coordinates: each trial a line through its settings to its score, as a Vega-Lite specification and its rows; no Streamlit."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import BACKGROUND, NO_DATA, TEXT, Spec, without_data
from pages.ui.trial_axis import (
    Scored,
    TrialAxis,
    best_of,
    color_of_score,
    of_numbers,
    said_of,
)

COLUMNS = ["kind", "trial", "axis", "at", "score", "rank", "said", "label"]
STRONG = 0.1  # Share of the trials whose lines are drawn strongly; among hundreds the others are the ground.
LINE_PX, LINE_LETTERS = 13, 10  # Of a title.
FEW = 20  # So many are all drawn strongly.


def score_axis(table: pd.DataFrame, goal: Scored) -> TrialAxis:
    """The last axis: the score, from the lowest to the highest, with words as the goal writes them."""
    scores = table["score"].dropna()
    return of_numbers("score", goal.title, scores.min(), scores.max())


def rows(table: pd.DataFrame, axes: Sequence[TrialAxis], goal: Scored, leader: int | None = None) -> pd.DataFrame:
    """Lines (kind: line), one row for a trial and an axis, the best trial's last; and the words beside the axes (kind: tick).

    leader: which trial is the best, where further seeds have told; by default the one that scored best.
    at: from 0, the axis's lower end, to 1. rank: share of the trials that are better.
    """
    known = table[table["score"].notna()].sort_values("score", ascending=not goal.lower)  # The best are drawn last, on top.
    last, first = score_axis(known, goal), best_of(known, goal, leader)
    found: list[tuple[object, ...]] = []
    for place, trial in enumerate(known.to_dict("records")):
        rank = (len(known) - 1 - place) / len(known) if len(known) > FEW else 0.0
        said = f"{goal.written(trial['score'])} with {said_of(trial, axes)}"
        kind = "best" if trial["number"] == first else "line"
        found += [(kind, trial["number"], number, axis.share(trial[axis.setting]), trial["score"], rank, said, None) for number, axis in enumerate((*axes, last))]
    for number, axis in enumerate((*axes, last)):
        found += [("tick", None, number, at, None, None, None, goal.written(float(word)) if axis is last else word) for at, word in axis.ticks()]
    return pd.DataFrame(found, columns=COLUMNS).astype({"at": float, "score": float, "rank": float})


@lru_cache(maxsize=32)
def spec(titles: tuple[str, ...], goal: Scored, dark: bool) -> Spec:
    """Lines in the colour of their score, the best one thick, over as many upright axes as there are titles. Columns as of `rows`."""
    lines = [textwrap.wrap(title, LINE_LETTERS, break_long_words=False) for title in titles]
    below = LINE_PX * (max(map(len, lines)) - 1)  # The first line stands where a single one would; the others hang from it.
    x = alt.X(
        "axis:Q", title=None, scale=alt.Scale(domain=[-0.1, len(titles) - 0.65], nice=False, zero=False),
        axis=alt.Axis(values=list(range(len(titles))), labelExpr=f"{json.dumps(lines)}[datum.value]", orient="top", grid=True, gridWidth=1.5, domain=False, ticks=False, labelFlush=False, labelOverlap=False, labelPadding=14 + below),
    )
    y = alt.Y("at:Q", title=None, axis=None, scale=alt.Scale(domain=[-0.02, 1.02], nice=False))
    tooltip = [alt.Tooltip("trial:Q", format="d"), alt.Tooltip("said:N", title="score")]
    pointed = alt.selection_point(name="pointed", fields=["trial"], on="pointerover", clear="pointerout", empty=False)
    base = alt.Chart(NO_DATA).encode(x=x, y=y, detail="trial:N", order="axis:Q")
    word = alt.Chart(NO_DATA).transform_filter("datum.kind == 'tick'").encode(x=x, y=y, text="label:N")
    width = alt.ExprRef(f"width / {len(titles) + 0.5} - 4")
    strong = f"datum.rank < {STRONG}"
    layers = [
        base.transform_filter("datum.kind == 'line'").mark_line(cursor="pointer").encode(
            color=color_of_score(goal, dark), tooltip=tooltip,
            opacity=alt.when(pointed).then(alt.value(1)).when(strong).then(alt.value(0.85)).otherwise(alt.value(0.22)),
            strokeWidth=alt.when(pointed).then(alt.value(4)).when(strong).then(alt.value(1.8)).otherwise(alt.value(1.1)),
        ).add_params(pointed),
        base.transform_filter("datum.kind == 'best'").mark_line(strokeWidth=3.5, color=TEXT[dark], point=alt.OverlayMarkDef(size=40, color=TEXT[dark])).encode(tooltip=tooltip),
        word.mark_text(align="left", dx=5, fontSize=11, limit=width, stroke=BACKGROUND[dark], strokeWidth=4, strokeJoin="round"),
        word.mark_text(align="left", dx=5, fontSize=11, limit=width, color=TEXT[dark]),
    ]
    return without_data(alt.layer(*layers).properties(height=400))


def alt_text(shown: pd.DataFrame, axes: Sequence[TrialAxis]) -> str:
    """The chart for those who don't see it. shown: as of `rows`."""
    best = shown[shown["kind"] == "best"]
    trials = shown["trial"].nunique()
    names = ", ".join(axis.title.lower() for axis in axes)
    return f"{trials} trials as lines over {names} and the score" + (f"; the best: {best['said'].iloc[0]}" if len(best) else "")

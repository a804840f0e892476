"""Accuracy against the number of labels, as a Vega-Lite specification and the rows that it draws; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import Spec
from tlcore.label_curve import WAYS
from tlcore.label_points import LabelCurve

ORDER = ("scratch", "frozen", "fine_tune")
NAMES = [WAYS[way] for way in ORDER]
SHAPES = ["triangle-up", "circle", "square"]
DASHES = [[2, 3], [1, 0], [7, 3]]
ASIDE = {"scratch": 1.04, "frozen": 1 / 1.04, "fine_tune": 1.0}  # Points of one number of labels stand side by side, so that no interval hides another.
COLUMNS = ["kind", "way", "labels", "at", "accuracy", "low", "high", "said"]
AROUND = 1.25  # Room beyond the first and last number of labels, as a factor.


def rows(curve: LabelCurve) -> pd.DataFrame:
    """One row a mean (kind: mean) and one a finished run (kind: run); `at` is where on the axis, `said` what a pointer is told."""
    found: list[tuple[object, ...]] = []
    for point in curve.points:
        mean, at, way = point.accuracy, point.labels * ASIDE[point.strategy], WAYS[point.strategy]
        said = f"mean of {len(point.by_seed)} seeds" if len(point.by_seed) > 1 else "one seed"
        found.append(("mean", way, point.labels, at, mean.value, mean.low, mean.high, said))
        found += [("run", way, point.labels, at, accuracy, None, None, f"seed {seed}") for seed, accuracy in point.by_seed.items()]
    return pd.DataFrame(found, columns=COLUMNS).astype({"low": float, "high": float})


@lru_cache(maxsize=32)
def spec(labels: tuple[int, ...]) -> Spec:
    """Means joined by way of learning, their intervals, and the single runs faintly; for these numbers of labels."""
    x = alt.X(
        "at:Q", title="labelled training pictures, logarithmic",
        scale=alt.Scale(type="log", domain=[labels[0] / AROUND, labels[-1] * AROUND], nice=False),
        axis=alt.Axis(values=list(labels), format=",d", grid=False, labelFlush=False),
    )
    y = alt.Y("accuracy:Q", title="test accuracy", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=6, labelFlush=False))
    legend = alt.Legend(title=None, orient="bottom", columns=3, symbolOpacity=1, symbolStrokeWidth=0, labelLimit=300)
    color = alt.Color("way:N", scale=alt.Scale(domain=NAMES), legend=legend)
    shape = alt.Shape("way:N", scale=alt.Scale(domain=NAMES, range=SHAPES), legend=legend)
    dash = alt.StrokeDash("way:N", scale=alt.Scale(domain=NAMES, range=DASHES), legend=None)
    tooltip = [
        alt.Tooltip("way:N", title="way"), alt.Tooltip("labels:Q", title="labelled pictures", format=",d"),
        alt.Tooltip("accuracy:Q", title="test accuracy", format=".1%"), alt.Tooltip("said:N", title="of"),
    ]
    bounds = [alt.Tooltip("low:Q", title="95% from", format=".1%"), alt.Tooltip("high:Q", title="to", format=".1%")]
    base = alt.Chart(pd.DataFrame(columns=COLUMNS)).encode(x=x, color=color)
    means, known = base.transform_filter("datum.kind == 'mean'"), base.transform_filter("datum.kind == 'mean' && isValid(datum.low)")
    ends = [known.mark_tick(orient="horizontal", thickness=2, size=9).encode(y=alt.Y(f"{end}:Q", title="test accuracy")) for end in ("low", "high")]
    layers = [
        base.transform_filter("datum.kind == 'run'").mark_point(filled=False, size=28, opacity=0.45).encode(y=y, shape=shape, tooltip=tooltip),
        known.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title="test accuracy"), y2="high:Q"),
        *ends,
        means.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash),
        means.mark_point(filled=True, size=80, opacity=1).encode(y=y, shape=shape, tooltip=[*tooltip, *bounds]),
    ]
    made = alt.layer(*layers).properties(height=380).to_dict()
    for key in ("data", "datasets", "config", "$schema"):
        made.pop(key, None)
    for layer in made["layer"]:
        layer.pop("data", None)
    return made


def alt_text(curve: LabelCurve) -> str:
    """The chart for those who don't see it."""
    said = [f"{point.labels:,} labels: {WAYS[point.strategy]} {point.accuracy.value:.1%}" for point in curve.points]
    return "Test accuracy by number of labelled training pictures. " + "; ".join(said)

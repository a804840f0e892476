"""How probable each class is, and how strange a picture, as Vega-Lite specifications; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from pages.ui.charts import MARK, NO_DATA, TEXT, Spec, without_data
from tlcore.unknown import Familiarity

BINS = 24
KNOWN, HERE = "validation pictures", "this picture"


def bar_rows(ranked: Sequence[tuple[str, float]]) -> pd.DataFrame:
    """One row a class: class, share, label."""
    return pd.DataFrame([(name, share, percent(share)) for name, share in ranked], columns=["class", "share", "label"])


def percent(share: float) -> str:
    """One digit after the point, and nothing called certain or impossible that is merely rounded so."""
    return "> 99.9%" if 0.9995 <= share < 1 else "< 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


@lru_cache(maxsize=64)
def bars(classes: tuple[str, ...], dark: bool) -> Spec:
    """The classes from top to bottom in this order, each with a bar and its percentage. Columns as of `bar_rows`."""
    y = alt.Y("class:N", sort=list(classes), title=None, axis=alt.Axis(labelLimit=110, ticks=False, domain=False, labelFlush=False))
    x = alt.X("share:Q", title=None, scale=alt.Scale(domain=[0, 1.25], nice=False), axis=None)
    base = alt.Chart(NO_DATA).encode(y=y, x=x, tooltip=[alt.Tooltip("class:N"), alt.Tooltip("share:Q", title="probability", format=".4%")])
    layers = [
        base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}),
        base.mark_text(align="left", dx=5, color=TEXT[dark]).encode(text="label:N"),
    ]
    return without_data(alt.layer(*layers).properties(height=16 + 25 * len(classes)))


def strangeness_rows(familiarity: Familiarity, distance: float) -> pd.DataFrame:
    """The distances of validation pictures in bins, and that of a picture: kind, low, high, count."""
    counts, edges = np.histogram(familiarity.known, BINS)
    rows = [(KNOWN, low, high, int(count)) for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)]
    return pd.DataFrame([*rows, (HERE, distance, distance, 0)], columns=["kind", "low", "high", "count"])


@lru_cache(maxsize=64)
def strangeness(limit: float, dark: bool) -> Spec:
    """Validation pictures by distance as bars, an upright line at the limit, and a mark where this picture lies. Columns as of `strangeness_rows`."""
    scale = alt.Scale(zero=True, nice=False, padding=6)
    x = alt.X("low:Q", title="distance from training pictures", scale=scale, axis=alt.Axis(format="~g", tickCount=4, grid=False, labelFlush=False))
    y = alt.Y("count:Q", title=None, axis=None)
    known, here = (alt.Chart(NO_DATA).transform_filter(f"datum.kind == '{kind}'").encode(x=x) for kind in (KNOWN, HERE))
    tooltip = [alt.Tooltip("low:Q", title="distance from", format=".2f"), alt.Tooltip("high:Q", title="to", format=".2f"), alt.Tooltip("count:Q", title=KNOWN)]
    where = [alt.Tooltip("low:Q", title="this picture's distance", format=".2f")]
    layers = [
        known.mark_bar(opacity=0.6, binSpacing=1, color=MARK).encode(x2="high:Q", y=y, y2=alt.datum(0), tooltip=tooltip),
        alt.Chart(NO_DATA).transform_aggregate(n="count()").mark_rule(strokeDash=[4, 3], color=TEXT[dark]).encode(x=alt.X(datum=limit, type="quantitative")),
        here.mark_rule(strokeWidth=2.5, color=TEXT[dark]).encode(tooltip=where),
        here.mark_point(filled=True, size=90, shape="diamond", opacity=1).encode(y=alt.value(8), tooltip=where),
    ]
    return without_data(alt.layer(*layers).properties(height=130))

"""Pictures by class and part, and class shares of two domains, as Vega-Lite specifications; no Streamlit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd

from pages.ui.charts import Spec

ROLE_NAMES = {"train": "training", "unlabelled": "without labels", "val": "validation", "test": "test"}
# Okabe-Ito: told apart with any colour vision, on light and dark; as on Train.
ROLE_COLORS = {"train": "#0072b2", "unlabelled": "#56b4e9", "val": "#e69f00", "test": "#009e73"}
DOMAINS = ("target", "source")
LINE = "#808080"
ROOMY = 30  # Up to so many classes a row has room for any font.


def _row_px(classes: int) -> int:
    return 24 if classes <= ROOMY else 15


def _class_axis() -> alt.Axis:
    return alt.Axis(labelLimit=140, labelOverlap=False, labelFlush=False, ticks=False)


@lru_cache(maxsize=64)
def roles(classes: int, shown: tuple[str, ...]) -> Spec:
    """Stacked bars, one a class, in the dataset's order. Columns: class, role, pictures, order."""
    names, colors = [ROLE_NAMES[role] for role in shown], [ROLE_COLORS[role] for role in shown]
    return _bare(
        alt.Chart(pd.DataFrame({"class": [], "role": [], "pictures": [], "order": []}))
        .mark_bar()
        .encode(
            y=alt.Y("class:N", sort=None, title=None, axis=_class_axis()),
            x=alt.X("pictures:Q", title="pictures", axis=alt.Axis(tickCount=5, format="~s")),
            color=alt.Color("role:N", title=None, scale=alt.Scale(domain=names, range=colors), legend=alt.Legend(orient="top", columns=3 if len(shown) <= 3 else 2)),
            order=alt.Order("order:Q"),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("role:N", title="part"), alt.Tooltip("pictures:Q", format=",")],
        )
        .properties(height=120 + 22 * (len(shown) // 4) + _row_px(classes) * classes)  # Streamlit fits axis and legend into the height.
    )


@lru_cache(maxsize=64)
def shares(classes: int) -> Spec:
    """Each class's share of the source and of the target, joined by a line. Columns: class, domain, share, pictures."""
    base = alt.Chart(pd.DataFrame({"class": [], "domain": [], "share": [], "pictures": []})).encode(
        y=alt.Y("class:N", sort=None, title=None, axis=_class_axis()),
    )
    x = alt.X("share:Q", title="share of the domain's pictures", scale=alt.Scale(zero=True), axis=alt.Axis(format=".0%", tickCount=5))
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        color=alt.Color("domain:N", scale=alt.Scale(domain=list(DOMAINS)), legend=legend),
        shape=alt.Shape("domain:N", scale=alt.Scale(domain=list(DOMAINS), range=["circle", "diamond"]), legend=legend),
        tooltip=[alt.Tooltip("class:N"), alt.Tooltip("domain:N"), alt.Tooltip("share:Q", format=".1%"), alt.Tooltip("pictures:Q", format=",")],
    )
    joined = base.mark_rule(strokeWidth=2, color=LINE).encode(x=alt.X("min(share):Q", title="share of the domain's pictures"), x2="max(share):Q")
    return _bare(alt.layer(joined, points).properties(height=110 + _row_px(classes) * classes))


def _bare(chart: Any) -> Spec:
    made: Spec = chart.to_dict()
    for key in ("data", "datasets", "config", "$schema"):
        made.pop(key, None)
    for layer in made.get("layer", ()):
        layer.pop("data", None)
    return made

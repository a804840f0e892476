"""Accuracy against the number of labels with the fitted law, as a Vega-Lite specification and the rows that it draws; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import TEXT, Spec, without_data
from tlcore.growth import Growth, in_words

SEED, MEAN, CURVE, DOUBLED = "seed", "mean", "curve", "doubled"
COLUMNS = ["kind", "labels", "accuracy", "low", "high", "said"]
MARGIN = 0.15  # Of what is drawn, above and below.


def rows(found: Growth) -> pd.DataFrame:
    """One row a refit, one a mean, those of the law with its band, and what is expected of twice as many labels."""
    table: list[tuple[object, ...]] = []
    for labels, by_seed in zip(found.labels, found.accuracies, strict=True):
        table += [(SEED, labels, accuracy, None, None, f"seed {seed}") for seed, accuracy in enumerate(by_seed, 1)]
        table.append((MEAN, labels, sum(by_seed) / len(by_seed), None, None, f"mean of {len(by_seed)} seeds"))
    table += [(CURVE, each.labels, *each.accuracy, "") for each in found.curve]
    last = found.curve[-1]
    table.append((DOUBLED, last.labels, *last.accuracy, "expected"))
    return pd.DataFrame(table, columns=COLUMNS).astype({"low": float, "high": float})


def extent(found: Growth) -> tuple[float, float]:
    """From where to where accuracies are drawn."""
    drawn = [each for row in found.accuracies for each in row] + [end for each in found.curve for end in (each.accuracy.low, each.accuracy.high)]
    margin = max(0.005, MARGIN * (max(drawn) - min(drawn)))
    return max(0.0, min(drawn) - margin), min(1.0, max(drawn) + margin)


@lru_cache(maxsize=32)
def spec(labels: tuple[int, ...], low: float, high: float, dark: bool) -> Spec:
    """The law, dashed beyond what was measured, with its band; means, single refits faintly, and a hollow point at twice as many labels."""
    now = labels[-1]
    x = alt.X(
        "labels:Q", title="labelled training pictures, logarithmic", scale=alt.Scale(type="log", domain=[labels[0] / 1.1, 2 * now * 1.1], nice=False),
        axis=alt.Axis(values=[*labels, 2 * now], format=",d", grid=False, labelFlush=False),
    )
    scale, title = alt.Scale(domain=[low, high], nice=False, clamp=True), "accuracy on validation pictures"
    y = alt.Y("accuracy:Q", title=title, scale=scale, axis=alt.Axis(format=".1%" if high - low < 0.08 else ".0%", tickCount=6, labelFlush=False))
    bounds = {"y": alt.Y("low:Q", title=title, scale=scale), "y2": "high:Q"}
    blue, ink = "#56B4E9" if dark else "#0072B2", TEXT[dark]
    tooltip = [alt.Tooltip("labels:Q", title="labelled pictures", format=",.0f"), alt.Tooltip("accuracy:Q", format=".1%"), alt.Tooltip("said:N", title="of")]
    ends = [alt.Tooltip("low:Q", title="95% from", format=".1%"), alt.Tooltip("high:Q", title="to", format=".1%")]
    base = alt.Chart(pd.DataFrame(columns=COLUMNS)).encode(x=x)
    curve, doubled = base.transform_filter(f"datum.kind == '{CURVE}'"), base.transform_filter(f"datum.kind == '{DOUBLED}'")
    layers = [
        curve.mark_area(opacity=0.18, color=blue).encode(**bounds),
        curve.transform_filter(f"datum.labels <= {1.02 * now}").mark_line(strokeWidth=2.5, color=blue).encode(y=y),
        curve.transform_filter(f"datum.labels >= {0.98 * now}").mark_line(strokeWidth=2.5, strokeDash=[6, 4], color=blue).encode(y=y),
        base.transform_filter(f"datum.kind == '{SEED}'").mark_point(size=28, opacity=0.5, color=ink).encode(y=y, tooltip=tooltip),
        base.transform_filter(f"datum.kind == '{MEAN}'").mark_point(filled=True, size=90, opacity=1, color=ink).encode(y=y, tooltip=tooltip),
        doubled.mark_rule(strokeWidth=2, color=blue).encode(**bounds),
        doubled.mark_point(filled=False, size=110, strokeWidth=2.5, opacity=1, color=blue).encode(y=y, tooltip=[*tooltip[:2], *ends]),
        doubled.mark_text(align="right", baseline="bottom", dx=4, dy=-6, color=ink).encode(y=alt.datum(low), text=alt.value("twice as many")),
    ]
    return without_data(alt.layer(*layers).properties(height=360))


def alt_text(found: Growth) -> str:
    """The chart for those who don't see it."""
    means = "; ".join(f"{labels:,} labels {sum(each) / len(each):.1%}" for labels, each in zip(found.labels, found.accuracies, strict=True))
    return f"Accuracy on validation pictures by number of labelled training pictures, with a fitted curve and its band. {means}. {in_words(found)[0]}"

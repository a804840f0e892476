"""How much each setting matters, as a Vega-Lite specification and its rows; no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data


def rows(importance: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """One row a setting, the weightiest first: setting (its title), importance, label. importance: setting and importance, which sum to 1."""
    found = importance.sort_values("importance", ascending=False)
    return pd.DataFrame({"setting": [titles.get(each, each) for each in found["setting"]], "importance": found["importance"], "label": [f"{each:.0%}" for each in found["importance"]]})


@lru_cache(maxsize=32)
def spec(names: tuple[str, ...], dark: bool) -> Spec:
    """A bar a setting, with its share written behind it."""
    y = alt.Y("setting:N", sort=list(names), title=None, axis=alt.Axis(ticks=False, domain=False, labelFlush=False, labelLimit=170))
    x = alt.X("importance:Q", title="share of the differences in score", scale=alt.Scale(domain=[0, 1.12], nice=False), axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1], grid=False, labelFlush=False))
    base = alt.Chart(NO_DATA).encode(y=y, x=x, tooltip=[alt.Tooltip("setting:N"), alt.Tooltip("importance:Q", format=".1%")])
    layers = [base.mark_bar(cornerRadiusEnd=3, height={"band": 0.7}), base.mark_text(align="left", dx=6, color=TEXT[dark]).encode(text="label:N")]
    return without_data(alt.layer(*layers).properties(height=60 + 34 * len(names)))


def alt_text(shown: pd.DataFrame) -> str:
    """The chart for those who don't see it."""
    return "How much each setting matters. " + "; ".join(f"{row.setting}: {row.label}" for row in shown.itertuples())

"""A chart as the dictionary that Streamlit draws with data beside it."""

from __future__ import annotations

import altair as alt

from pages.ui.charts import Spec

INK = {False: "#18242b", True: "#e6edf0"}  # The page's text by `dark`: Vega draws its own in black unless told otherwise.


def bare(chart: alt.LayerChart) -> Spec:
    """Without data, configuration and version: Streamlit sends the data as Arrow and adds its theme."""
    spec = chart.to_dict()
    for part in (spec, *spec.get("layer", ())):
        for key in ("data", "datasets", "config", "$schema"):
            part.pop(key, None)
    return spec

"""What changes in the confusion matrix from one run to another."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import NO_DATA, TEXT, Spec, without_data
from pages.ui.confusion_chart import MOST_LABELLED_CLASSES


@lru_cache(maxsize=64)
def spec(classes: tuple[str, ...], largest: int, dark: bool) -> Spec:
    """True class by row, predicted class by column. Columns: true, predicted, before, after, difference, kind (better | worse), sign, chosen.

    Colour and sign say whether there are more or fewer, and whether that is for the better; `largest`: the largest
    change, which is drawn strongest. A click selects a cell as `cell`; the chosen one has a frame.
    """
    many, order = len(classes) > MOST_LABELLED_CLASSES, list(classes)
    axis = {"labelLimit": 110, "labelOverlap": "greedy" if many else False, "labelFlush": False, "ticks": False, "domain": False, "grid": False}
    scale = alt.Scale(domain=order, paddingInner=0 if many else 0.04)
    x = alt.X("predicted:N", title="predicted class", scale=scale, axis=alt.Axis(labelAngle=0 if max(map(len, order)) <= 2 else -45, orient="top", **axis))
    y = alt.Y("true:N", title="true class", scale=scale, axis=alt.Axis(**axis))
    tooltip = [
        alt.Tooltip("true:N", title="true class"), alt.Tooltip("predicted:N", title="predicted class"), alt.Tooltip("before:Q", title="pictures before", format=",d"),
        alt.Tooltip("after:Q", title="after", format=",d"), alt.Tooltip("difference:Q", title="change", format="+,d"), alt.Tooltip("kind:N", title="for the"),
    ]
    click = alt.selection_point(name="cell", fields=["true", "predicted"], empty=False)
    base = alt.Chart(NO_DATA).encode(x=x, y=y)
    layers = [
        base.mark_rect().encode(
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=["better", "worse"]), legend=alt.Legend(orient="bottom", symbolOpacity=1)),
            opacity=alt.Opacity("size:Q", scale=alt.Scale(type="sqrt", domain=[0, largest], range=[0.12, 0.75]), legend=None),
        )
    ]
    if not many:
        layers.append(base.mark_text(fontSize=12, fontWeight=500, color=TEXT[dark]).encode(text=alt.Text("sign:N")))
    glass = base.mark_rect(cursor="pointer", fill="transparent").encode(
        tooltip=tooltip, stroke=alt.condition("datum.chosen", alt.value(TEXT[dark]), alt.value("transparent")), strokeWidth=alt.condition("datum.chosen", alt.value(3), alt.value(0)),
    )
    layers.append(glass.add_params(click))
    side = max(6, 600 // len(order)) if many else max(30, 150 // len(order))
    return without_data(alt.layer(*layers).properties(height=90 + min(80, 6 * max(map(len, order))) + side * len(order)))

"""What was taken for what, as a Vega-Lite specification; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt

from pages.ui.charts import BACKGROUND, NO_DATA, TEXT, Spec, without_data

MOST_LABELLED_CLASSES = 20  # Beyond this many classes no number fits into a cell.


@lru_cache(maxsize=64)
def confusion(classes: tuple[str, ...], dark: bool, share: bool) -> Spec:
    """True class by row, predicted class by column. Columns: true, predicted, count, share, kind.

    Right answers lie on the diagonal in one colour, mistakes beside it in another; the square root in
    the opacity lets a 1 % mistake show beside a 99 % hit. A click selects a cell as `cell`.
    """
    many = len(classes) > MOST_LABELLED_CLASSES
    order = list(classes)
    x, y = _axes(order, many)
    value, form = ("share:Q", ".0%") if share else ("count:Q", ",d")
    tooltip = [
        alt.Tooltip("true:N", title="true class"),
        alt.Tooltip("predicted:N", title="predicted class"),
        alt.Tooltip("count:Q", title="pictures", format=",d"),
        alt.Tooltip("share:Q", title="share", format=".1%"),
    ]
    click = alt.selection_point(name="cell", fields=["true", "predicted"], empty=False)
    base = alt.Chart(NO_DATA).encode(x=x, y=y)
    layers = [
        base.mark_rect().encode(
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=["right", "mistaken"]), legend=alt.Legend(orient="bottom")),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(type="sqrt", domain=[0, 1], range=[0.12, 1]), legend=None),
        )
    ]
    if not many:
        # On a filled cell the page's own background is the colour with the most contrast.
        color = alt.condition("datum.share > 0.3", alt.value(BACKGROUND[dark]), alt.value(TEXT[dark]))
        layers.append(base.mark_text(fontSize=11, fontWeight=500).encode(text=alt.Text(value, format=form), color=color))
    # On top of the numbers, which would catch the click otherwise.
    glass = base.mark_rect(cursor="pointer", fill="transparent").encode(
        tooltip=tooltip,
        stroke=alt.condition(click, alt.value(TEXT[dark]), alt.value("transparent")),
        strokeWidth=alt.condition(click, alt.value(3), alt.value(0)),
    )
    layers.append(glass.add_params(click))
    side = max(6, 600 // len(order)) if many else max(26, 150 // len(order))
    around = 90 + min(80, 6 * max(map(len, order)))  # Titles, column labels and legend: the height is that of all.
    return without_data(alt.layer(*layers).properties(height=around + side * len(order)))


def _axes(order: list[str], many: bool) -> tuple[alt.X, alt.Y]:
    """Predicted classes above, true ones beside; of many classes only as many names as fit."""
    axis = {"labelLimit": 110, "labelOverlap": "greedy" if many else False, "labelFlush": False, "grid": False, "ticks": False, "domain": False}
    scale, angle = alt.Scale(domain=order, paddingInner=0 if many else 0.04), 0 if max(map(len, order)) <= 2 else -45
    x = alt.X("predicted:N", title="predicted class", scale=scale, axis=alt.Axis(labelAngle=angle, orient="top", **axis))
    return x, alt.Y("true:N", title="true class", scale=scale, axis=alt.Axis(**axis))

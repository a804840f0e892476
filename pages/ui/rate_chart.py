"""The loss while the learning rate rises, as a Vega-Lite specification and the rows that it draws; no Streamlit."""

from __future__ import annotations

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd

from pages.ui.charts import MARK, TEXT, Spec, without_data
from tlcore.rate_range import CEILING, RateRange, in_words, two_digits

EACH, SMOOTHED, SUGGESTED, UNSTABLE = "each mini-batch", "smoothed", "suggestion", "unstable"
COLUMNS = ["kind", "rate", "loss", "said"]
POWERS = "datum.value >= 0.001 ? format(datum.value, '~r') : format(datum.value, '.0e')"  # 0.0001 as 1e−4: no room for more noughts.


def rows(found: RateRange) -> pd.DataFrame:
    """One row a mini-batch (loss as it was, at most `CEILING` times that of the start) and one of the smoothed curve; then what is marked."""
    top = CEILING * found.start
    raw = np.minimum(np.nan_to_num(np.array(found.losses), nan=top, posinf=top), top)
    table = [(EACH, rate, loss, "") for rate, loss in zip(found.rates, raw.tolist(), strict=True)]
    table += [(SMOOTHED, rate, loss, "") for rate, loss in zip(found.rates, found.smooth.tolist(), strict=True)]
    if found.suggested is not None:
        at = found.rates[found.suggested]
        table.append((SUGGESTED, at, float(found.smooth[found.suggested]), f"try {found.suggestion:g}"))
    if found.diverges is not None:
        table.append((UNSTABLE, found.diverges, top, f"unstable from {two_digits(found.diverges):g}"))
    return pd.DataFrame(table, columns=COLUMNS)


@lru_cache(maxsize=32)
def spec(low: float, high: float, top: float, dark: bool) -> Spec:
    """Both curves between two rates, up to a loss of `top`; upright lines at the suggestion and where training becomes unstable."""
    powers = [10.0**power for power in range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)]
    x = alt.X("rate:Q", title="learning rate, logarithmic", scale=alt.Scale(type="log", domain=[low, high], nice=False), axis=alt.Axis(values=powers, labelExpr=POWERS, grid=False, labelFlush=False, labelOverlap=True))
    y = alt.Y("loss:Q", title="loss (nats)", scale=alt.Scale(domain=[0, top], clamp=True, nice=False), axis=alt.Axis(tickCount=6, labelFlush=False))
    legend = alt.Legend(title=None, orient="bottom", symbolOpacity=1, symbolStrokeWidth=2, symbolType="stroke")
    color = alt.Color("kind:N", scale=alt.Scale(domain=[EACH, SMOOTHED], range=[MARK, "#0072B2" if not dark else "#56B4E9"]), legend=legend)
    tooltip = [alt.Tooltip("kind:N", title="loss of"), alt.Tooltip("rate:Q", title="learning rate", format=".2g"), alt.Tooltip("loss:Q", title="loss (nats)", format=".3f")]
    base = alt.Chart(pd.DataFrame(columns=COLUMNS)).encode(x=x)
    marks = base.transform_filter(f"datum.kind == '{SUGGESTED}' || datum.kind == '{UNSTABLE}'")
    suggested, unstable = (base.transform_filter(f"datum.kind == '{kind}'") for kind in (SUGGESTED, UNSTABLE))
    text = {"baseline": "top", "dy": 4, "color": TEXT[dark], "fontSize": 12}
    layers = [
        base.transform_filter(f"datum.kind == '{EACH}'").mark_line(strokeWidth=1, opacity=0.55).encode(y=y, color=color, tooltip=tooltip),
        base.transform_filter(f"datum.kind == '{SMOOTHED}'").mark_line(strokeWidth=2.5).encode(y=y, color=color, tooltip=tooltip),
        marks.mark_rule(strokeWidth=1.5, strokeDash=[4, 3], color=TEXT[dark]),
        suggested.mark_point(filled=True, size=110, color=TEXT[dark]).encode(y=y, tooltip=[alt.Tooltip("said:N", title="learning rate")]),
        suggested.mark_text(align="right", dx=-6, fontWeight="bold", **text).encode(y=alt.value(0), text="said:N"),
        unstable.mark_text(align="right", dx=-6, **text).encode(y=alt.value(0), text=alt.value("unstable")),
    ]
    return without_data(alt.layer(*layers).properties(height=360))


def alt_text(found: RateRange) -> str:
    """The chart for those who don't see it."""
    return f"Loss against the learning rate over {len(found.rates)} mini-batches. {' '.join(in_words(found))}"

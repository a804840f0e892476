"""The backbone as a stack of blocks: what is frozen, what learns; a click moves the cut."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui import forms
from pages.ui.text import millions
from tlcore.backbones import BackboneSpec
from tlcore.config import HeadConfig
from tlcore.forecast import head_params

KEY = "freeze.trainable_blocks"
LEARNS, FROZEN = "learns", "frozen"


def stack(spec: BackboneSpec, depth: int, head: int | None) -> pd.DataFrame:
    """One row a block, the head on top, the input side at the bottom."""
    cut = len(spec.blocks) - depth
    rows = [
        {
            "block": name,
            "params": params,
            "state": LEARNS if place >= cut else FROZEN,
            "label": f"{millions(params)} · {LEARNS if place >= cut else FROZEN}",
            "number": len(spec.blocks) - place,
            "depth": depth,
        }
        for place, (name, params) in enumerate(zip(spec.blocks, spec.block_params, strict=True))
    ]
    rows.append({"block": "new head", "params": head or 0, "state": LEARNS, "label": f"{millions(head) if head else 'size depends on the input'} · {LEARNS}", "number": 0, "depth": depth})
    return pd.DataFrame(rows[::-1])


@cache
def _spec(count: int) -> dict[str, Any]:
    """Solid bars learn, outlined ones are frozen: shape and word say it, not colour alone."""
    empty = pd.DataFrame({"block": [], "params": [], "state": [], "label": [], "number": [], "depth": []})
    learns = alt.datum.state == LEARNS
    y = alt.Y("block:N", sort=None, title=None, axis=alt.Axis(labelLimit=130, ticks=False, domain=False))
    # Square roots, so that small blocks stay visible beside large ones.
    x = alt.X("params:Q", scale=alt.Scale(type="sqrt", padding=0), axis=None)
    base = alt.Chart(empty).encode(y=y)
    track = base.mark_bar(opacity=0.001, height=22).encode(x=alt.value(0), x2=alt.value("width"))
    bars = base.mark_bar(cornerRadius=3, height=18, strokeWidth=1.5).encode(
        x=x,
        fill=alt.condition(learns, alt.value("#e69f00"), alt.value("transparent")),
        stroke=alt.condition(learns, alt.value("#e69f00"), alt.value("#7d929c")),
        strokeDash=alt.condition(learns, alt.value([1, 0]), alt.value([4, 3])),
    )
    labels = base.mark_text(align="left", dx=7, fontSize=12).encode(x=x, text="label:N")
    click = alt.selection_point(name="block", fields=["number", "depth"], empty=False)
    tips = [alt.Tooltip("block:N", title="Block"), alt.Tooltip("params:Q", title="Parameters", format=","), alt.Tooltip("state:N", title="State")]
    layers = [part.encode(tooltip=tips) for part in (track, bars, labels)]
    layers[0] = layers[0].add_params(click)
    chart = alt.layer(*layers).properties(height=27 * count).configure_view(stroke=None)
    return {key: value for key, value in chart.to_dict().items() if key not in ("data", "datasets")}


def _move_cut() -> None:
    """A click on a block lets it and all above it learn; on the lowest that learns, freezes it again."""
    picked = (st.session_state["blocks"]["selection"].get("block") or [None])[0]
    if picked:
        number, depth = int(picked["number"]), int(picked["depth"])
        st.session_state[KEY] = number - 1 if number == depth else number


def drawing(spec: BackboneSpec, depth: int, classes: int) -> None:
    """The stack; clicking a block sets how many learn."""
    head = HeadConfig(pooling=st.session_state.get("head.pooling") or "avg", hidden=tuple(forms.numbers(st.session_state.get("head.hidden") or ""))[:4])
    frame = stack(spec, depth, head_params(head, spec, classes))
    top = f"the top {depth} of {len(spec.blocks)} blocks learn" if depth else f"all {len(spec.blocks)} blocks are frozen"
    st.vega_lite_chart(frame, _spec(len(frame)), key="blocks", on_select=_move_cut, selection_mode="block", alt=f"{spec.name}: {top}; the new head learns")


def depth_slider(spec: BackboneSpec) -> int:
    """How many blocks learn, counted from the top."""
    most = len(spec.blocks)
    if st.session_state.get(KEY, 0) > most:
        st.session_state[KEY] = most
    info = forms.setting(KEY)
    return st.slider(forms.LABELS[KEY], 0, most, value=0, key=KEY, help=info.description, bind="query-params")

"""The backbone as a stack of blocks: what is frozen, what learns; a click moves the cut."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from pages.ui import forms
from pages.ui.text import millions
from tlcore.backbones import BackboneSpec
from tlcore.forecast.figures import head_params

KEY = "freeze.trainable_blocks"
LEARNS, FROZEN = "learns", "frozen"
LEARNS_COLOR = "#e69f00"
FROZEN_COLOR = "#708089"  # Readable on white and on the dark background.


def stack(spec: BackboneSpec, depth: int, head: int) -> pd.DataFrame:
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
    rows.append({"block": "new head", "params": head, "state": LEARNS, "label": f"{millions(head)} · {LEARNS}", "number": 0, "depth": depth})
    return pd.DataFrame(rows[::-1])


@lru_cache(maxsize=64)
def _spec(count: int) -> dict[str, Any]:
    """Filled bars learn, dashed outlines are frozen: shape and word say it, not colour alone."""
    empty = pd.DataFrame({"block": [], "params": [], "state": [], "label": [], "number": [], "depth": []})
    tips = [alt.Tooltip("block:N", title="Block"), alt.Tooltip("params:Q", title="Parameters", format=","), alt.Tooltip("state:N", title="State")]
    y = alt.Y("block:N", sort=None, title=None, axis=alt.Axis(labelLimit=130, ticks=False, domain=False))
    # Square roots, so that small blocks stay visible beside large ones; room for the label on the right.
    x = alt.X("params:Q", scale=alt.Scale(type="sqrt", range=[0, {"expr": "width - 105"}]), axis=None)
    base = alt.Chart(empty).encode(y=y, tooltip=tips)
    click = alt.selection_point(name="block", fields=["number", "depth"], empty=False)
    whole_row = base.mark_bar(opacity=0.001, height=25, cursor="pointer").encode(x=alt.value(0), x2=alt.value("width")).add_params(click)
    learns = base.transform_filter(alt.datum.state == LEARNS).mark_bar(cornerRadius=3, height=18, color=LEARNS_COLOR, cursor="pointer").encode(x=x)
    frozen = (
        base.transform_filter(alt.datum.state == FROZEN)
        .mark_bar(cornerRadius=3, height=17, fillOpacity=0, stroke=FROZEN_COLOR, strokeWidth=1.5, strokeDash=[4, 3], cursor="pointer")
        .encode(x=x)
    )
    labels = base.mark_text(align="left", dx=7, fontSize=12.5, fontWeight=600, color=FROZEN_COLOR).encode(x=x, text="label:N")
    chart = alt.layer(whole_row, learns, frozen, labels).properties(height=27 * count).configure_view(stroke=None)
    return {key: value for key, value in chart.to_dict().items() if key not in ("data", "datasets")}


def _move_cut() -> None:
    """A click on a block lets it and all above it learn; on the lowest that learns, freezes it again."""
    picked = (st.session_state["blocks"]["selection"].get("block") or [None])[0]
    if picked:
        number, depth = int(picked["number"]), int(picked["depth"])
        st.session_state[KEY] = number - 1 if number == depth else number


def drawing(spec: BackboneSpec, depth: int, classes: int) -> None:
    """The stack; clicking a block sets how many learn."""
    pooling, hidden = st.session_state.get("head.pooling") or "avg", forms.numbers(st.session_state.get("head.hidden") or "")
    side_px = st.session_state.get("backbone.input_size") or spec.usual_size
    frame = stack(spec, depth, head_params(pooling, hidden, spec, side_px, classes))
    top = f"the top {depth} of {len(spec.blocks)} blocks learn" if depth else f"all {len(spec.blocks)} blocks are frozen"
    st.vega_lite_chart(frame, _spec(len(frame)), key="blocks", on_select=_move_cut, selection_mode="block", alt=f"{spec.name}: {top}; the new head learns")


def depth_slider(spec: BackboneSpec) -> int:
    """How many blocks learn, counted from the top."""
    most = len(spec.blocks)
    if st.session_state.get(KEY, 0) > most:
        st.session_state[KEY] = most
    info = forms.setting(KEY)
    return st.slider(forms.LABELS[KEY], 0, most, value=0, key=KEY, help=info.description, bind="query-params")

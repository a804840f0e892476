"""Answers to many pictures as a table with thumbnails; a ticked row is looked at closely."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from PIL import Image

from pages.ui.linked import some_of
from pages.ui.predict_models import Asked
from pages.ui.text import count
from tlcore.answer_overview import WANTED, chosen
from tlcore.batch import Batch

PAGE = 50
ROW_PX = 48
HEADINGS = {"unlike": "unlike its training pictures", "mistaken": "not of its folder's class", "models differ": "models differ"}


def choose(table: pd.DataFrame, models: Sequence[Asked]) -> pd.DataFrame:
    """The controls, and the rows that they leave."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        low, high = st.slider(
            "How sure", 0, 100, (0, 100), format="%d%%", key="answers_sure", width=300,
            help="The probability of the answer" + ("; of several models that of the least sure one." if len(models) > 1 else ". Lower the right end to see the doubtful ones."),
        )  # fmt: skip
        there = [flag for flag in WANTED if table[flag].any()]
        flags = some_of("Only", there, "answers_only", "only", (), format_func=lambda flag: f"{HEADINGS[flag]} ({table[flag].sum():,})") if there else []
    return chosen(table, low / 100, high / 100, flags)


def answer_table(shown: pd.DataFrame, batch: Batch, models: Sequence[Asked]) -> int | None:
    """A page of the table; the place of the ticked picture, the first one unless another is ticked. Columns as of `overview`."""
    if shown.empty:
        st.info("No picture is left. Widen the range, or take away what only some have.", icon=":material/filter_alt_off:")
        return None
    pages = -(-len(shown) // PAGE)
    page = st.pagination(pages, key=f"answers_page_{pages}") if pages > 1 else 1
    part = shown.iloc[(page - 1) * PAGE : page * PAGE]
    st.caption(f"{count(len(shown), 'picture')}. Tick one to see why.")
    event = st.dataframe(
        _columns(part, batch, models), hide_index=True, key=f"answers_{len(models)}", on_select="rerun", selection_mode="single-row-required", selection_default={"selection": {"rows": [0]}},
        row_height=ROW_PX, height=min(10, len(part)) * ROW_PX + 40, column_config=_config(part, models), alt=f"Answers to {count(len(shown), 'picture')}",
    )  # fmt: skip
    rows = [row for row in event.selection.rows if row < len(part)]
    return int(part.index[rows[0] if rows else 0])


def _columns(part: pd.DataFrame, batch: Batch, models: Sequence[Asked]) -> pd.DataFrame:
    table = pd.DataFrame({"picture": [_data_uri(batch.answers[place].image) for place in part.index]}, index=part.index)
    for column in ("file", "true class"):
        table[column] = part[column]
    for m in range(len(models)):
        table[f"class {m}"], table[f"sure {m}"] = part[f"class {m}"], part[f"sure {m}"]
        table[f"unlike {m}"] = part[f"unlike {m}"].map({True: "unlike", False: ""})
    hidden = [] if part["true class"].any() else ["true class"]
    return table.drop(columns=[*hidden, *(f"unlike {m}" for m in range(len(models)) if not part[f"unlike {m}"].any())])


def _config(part: pd.DataFrame, models: Sequence[Asked]) -> dict[str, Any]:
    column, of = st.column_config, [f" · run {each.run.id}" if len(models) > 1 else "" for each in models]
    config: dict[str, Any] = {"picture": column.ImageColumn("", width=ROW_PX + 12), "file": column.TextColumn("File"), "true class": column.TextColumn("Folder")}
    for m, name in enumerate(of):
        config |= {
            f"class {m}": column.TextColumn(f"Answer{name}"),
            f"sure {m}": column.ProgressColumn(f"Sure{name}", format="percent", min_value=0, max_value=1),
            f"unlike {m}": column.TextColumn(f"Unlike?{name}", help="Unlike anything that the run was trained on."),
        }
    return config


def _data_uri(image: Image.Image | None) -> str:
    assert image is not None
    small = image.copy()
    small.thumbnail((ROW_PX, ROW_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

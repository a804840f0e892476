"""What the models say about uploaded pictures."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.ui.text import literal
from pages.ui.thumbnails import thumbnail
from tlcore.predict import Answer

PICTURE_PX = 220
TOP = 5


def _top(one: Answer) -> pd.DataFrame:
    """The most probable classes of all models, best first: class, then one column a model."""
    table = pd.DataFrame({model: pd.Series(dict(verdict.ranked())) for model, verdict in one.verdicts.items()})
    order = table.max(axis=1).sort_values(ascending=False, kind="stable").index[:TOP]
    return table.loc[order].rename_axis("class").reset_index()


def answer(one: Answer, at: int, models: Mapping[str, str]) -> None:
    """The picture beside each model's most probable classes, or the sentence that says why there are none.

    `models`: names, as in the answer, with what to call them in a narrow column.
    """
    if one.error:
        st.error(literal(one.error), icon=":material/broken_image:")
        return
    with st.container(border=True, key=f"answer_{at}"):
        left, right = st.columns([1, 3])
        with left:
            assert one.image is not None and one.size_px is not None
            st.image(thumbnail(one.image, PICTURE_PX), width=PICTURE_PX, alt=f"Uploaded picture {one.file}")
            st.caption(" · ".join(literal(part) for part in (one.file, f"{one.size_px[0]}×{one.size_px[1]} px", *one.notes)))
        with right:
            for model in models:
                verdict = one.verdicts[model]
                best, probability = verdict.answer, verdict.confidence
                st.markdown(f"{literal(model)}: **{literal(best)}**, {probability:.1%}" if len(models) > 1 else f"**{literal(best)}**, {probability:.1%}")
            bar = {"format": "percent", "min_value": 0, "max_value": 1}
            st.dataframe(
                _top(one),
                hide_index=True,
                key=f"top_{at}",
                alt=f"Most probable classes of {one.file} with their probabilities",
                column_config={"class": st.column_config.TextColumn("Class", pinned=True)}
                | {model: st.column_config.ProgressColumn(short if len(models) > 1 else "Probability", **bar) for model, short in models.items()},
            )

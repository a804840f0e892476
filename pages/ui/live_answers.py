"""What models say about what the camera sees, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import answer_charts
from pages.ui.answers import TOP, UNLIKE_HELP
from pages.ui.camera import camera
from pages.ui.errors import guarded
from pages.ui.predict_models import Asked
from pages.ui.text import literal
from tlcore.collecting.collection import Shot
from tlcore.predict import Verdict, predict

_SHOT = "live_shot"


def live_answers(models: Sequence[Asked]) -> None:
    """The camera beside each model's probabilities; nothing is stored of what it sees."""
    _forget()
    _live(models)


@st.fragment
def _live(models: Sequence[Asked]) -> None:
    left, right = st.columns([2, 3], gap="large")
    with right, guarded():
        _told(models)
    with left:  # Drawn last: the next frame comes when the last is answered.
        camera("live_camera", _keep, live=True)


def _forget() -> None:
    """What was seen before the page came: of another model, perhaps, or long ago."""
    st.session_state.pop(_SHOT, None)


def _keep(_subject: int, shots: list[Shot]) -> None:
    st.session_state[_SHOT] = shots[-1]


def _told(models: Sequence[Asked]) -> None:
    shot = st.session_state.get(_SHOT)
    if shot is None:
        st.info("Turn on the camera: what each frame is taken for appears here.", icon=":material/photo_camera:")
        return
    (answer,) = predict({each.name: each.model for each in models}, [("The camera's picture", shot.data)])
    if answer.error:
        st.error(literal(answer.error), icon=":material/broken_image:")
        return
    for column, each in zip(st.columns(len(models)), models, strict=True):
        with column:
            _verdict(each, answer.verdicts[each.name], alone=len(models) == 1)


def _verdict(asked: Asked, verdict: Verdict, alone: bool) -> None:
    if not alone:
        st.caption(literal(asked.name))
    st.markdown(f"### {literal(verdict.answer)}, {answer_charts.percent(verdict.confidence)}")
    ranked = sorted(verdict.ranked(TOP), key=lambda one: verdict.classes.index(one[0]))  # Bars that change places can't be read.
    st.vega_lite_chart(
        answer_charts.bar_rows(ranked), answer_charts.bars(tuple(name for name, _ in ranked), st.context.theme.type == "dark"), key=f"live_bars_{asked.run.id}",
        alt=f"Probabilities by {asked.name}: " + ", ".join(f"{name} {answer_charts.percent(share)}" for name, share in ranked),
    )  # fmt: skip
    with st.container(height=32, border=False):
        if verdict.unlike:
            st.markdown(":orange-badge[:material/help: Unlike anything it was trained on]", help=UNLIKE_HELP)

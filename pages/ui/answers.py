"""What the models say about one picture, and why."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image

from pages.ui import answer_charts
from pages.ui.answer_charts import percent
from pages.ui.predict_models import Asked
from pages.ui.text import literal
from pages.ui.thumbnails import thumbnail
from pages.ui.tiles import Tile, tiles
from tlcore.answers import true_class
from tlcore.errors import NotFoundError
from tlcore.heat_picture import heat_picture
from tlcore.neighbours import nearest_trained
from tlcore.predict import Answer, Verdict

PICTURE_PX = 220
HEAT_PX = 200
TOP = 5
NEAREST, NEAREST_PX = 5, 72
UNLIKE_HELP = (
    "Probabilities can't say “none of these”; the distance from the training pictures can, to a degree. The limit is set so that 95% of the validation pictures, whose classes are known, stay within it. "
    "No promise: of pictures of other classes about one in six was marked where that was measured, and of wholly different ones all or none, depending on the network. A picture without this mark may still be of no class here."
)
HEAT_HELP = "The square that the network is given. :orange[Orange] speaks for the class, :blue[blue] against it, against the mean of all classes; the stronger the colour, the more."
POSSIBLE_HELP = "A set of classes that holds the true one as often as is asked above, over pictures like the run's own. One class: sure enough. Several: any of them may be right."


def answer(one: Answer, at: str, models: Sequence[Asked], coverage: float) -> None:
    """The picture beside what each model says, or the sentence that says why there is nothing to say."""
    if one.error:
        st.error(literal(one.error), icon=":material/broken_image:")
        return
    with st.container(border=True, key=f"answer_{at}"):
        left, right = st.columns([1, 3])
        with left:
            _picture(one)
        with right:
            for column, each in zip(st.columns(len(models)), models, strict=True):
                with column:
                    _verdict(one, at, each, coverage, alone=len(models) == 1)


def _picture(one: Answer) -> None:
    assert one.image is not None and one.size_px is not None
    st.image(thumbnail(one.image, PICTURE_PX), width=PICTURE_PX, alt=f"The picture {one.file}")
    st.caption(" · ".join(literal(part) for part in (one.file, f"{one.size_px[0]}×{one.size_px[1]} px", *one.notes)))


def _verdict(one: Answer, at: str, asked: Asked, coverage: float, alone: bool) -> None:
    """The answer, probabilities and where they come from; with one model in two columns."""
    verdict, key = one.verdicts[asked.name], f"{at}_{asked.run.id}"
    if not alone:
        st.caption(literal(asked.name))
    if alone:
        left, right = st.columns(2)
    else:
        left = right = st.container()
    with left:
        _answer(one, asked, verdict, coverage, key)
        _strangeness(asked, verdict, key)
    with right:
        _heat(one, verdict, key)
    _nearest(asked, verdict)


def _answer(one: Answer, asked: Asked, verdict: Verdict, coverage: float, key: str) -> None:
    if verdict.unlike:
        st.markdown(":orange-badge[:material/help: Unlike anything it was trained on]", help=UNLIKE_HELP)
    true = true_class(one.file, verdict.classes)
    mark = "" if true is None else " ✓" if true == verdict.answer else f" ✗ :small[is {literal(true)}]"
    said = f"**{literal(verdict.answer)}**, {percent(verdict.confidence)}{mark}"
    st.markdown(f"If it has to be one of its classes: {said}" if verdict.unlike else f"##### {said}")
    ranked = verdict.ranked(TOP)
    st.vega_lite_chart(
        answer_charts.bar_rows(ranked), answer_charts.bars(tuple(name for name, _ in ranked), st.context.theme.type == "dark"), key=f"bars_{key}",
        alt=f"Most probable classes by {asked.name}: " + ", ".join(f"{name} {percent(share)}" for name, share in ranked),
    )  # fmt: skip
    possible = verdict.possible(asked.model.grounds, coverage)
    if possible is not None:
        every = "any of its classes" if len(possible) == len(verdict.classes) and len(possible) > 1 else ", ".join(map(literal, possible))
        st.markdown(f":small[At {coverage:.0%} it may be: **{every}**]", help=POSSIBLE_HELP)


def _strangeness(asked: Asked, verdict: Verdict, key: str) -> None:
    familiarity = asked.model.grounds.familiarity
    if familiarity is None or verdict.distance is None:
        return
    nearer = 1 - familiarity.share_as_far(verdict.distance)
    where = f"beyond the limit of {familiarity.limit:.2f}" if verdict.unlike else f"within the limit of {familiarity.limit:.2f}"
    told = f"Distance {verdict.distance:.2f}, {where}; {'all' if nearer == 1 else f'{percent(nearer)} of the'} validation pictures lie nearer."
    st.vega_lite_chart(
        answer_charts.strangeness_rows(familiarity, verdict.distance), answer_charts.strangeness(familiarity.limit, st.context.theme.type == "dark"), key=f"strange_{key}",
        alt=f"{told} The chart shows the distances of the validation pictures.",
    )  # fmt: skip
    st.markdown(f":small[{told}]", help=UNLIKE_HELP)


def _heat(one: Answer, verdict: Verdict, key: str) -> None:
    if not verdict.heats or one.image is None:
        st.caption("Where the answer comes from can't be told of this network.")
        return
    names = list(verdict.heats)
    shown = st.selectbox("What speaks for", names, key=f"heat_{key}", format_func=literal, width=HEAT_PX, help=HEAT_HELP) if len(names) > 1 else names[0]
    heat = verdict.heats[shown]
    st.image(_png(heat_picture(one.image, heat, HEAT_PX)), width=HEAT_PX, alt=f"Where the picture speaks for {shown} and where against it")
    st.caption("Exact: the parts add up to what is answered." if heat.exact else "By the gradient: a good guess, since hidden layers lie between.")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _nearest(asked: Asked, verdict: Verdict) -> None:
    """The training pictures that it finds most like this one."""
    familiarity = asked.model.grounds.familiarity
    if familiarity is None or verdict.vector is None:
        return
    found = nearest_trained(familiarity.embedding, verdict.vector, NEAREST)
    own = asked.run.payload["dataset_id"]
    ids = {"target": own, "source": asked.run.payload.get("source_id", own)}
    shown = []
    for neighbour in found.itertuples():
        label = verdict.classes[neighbour.label]
        shown.append(Tile(ids[neighbour.domain], int(neighbour.row), f"Training picture {neighbour.row}: {label}, distance {neighbour.distance:.2f}", f":small[{literal(label)}]"))
    st.caption("Nearest training pictures, to this network:")
    try:
        tiles(shown, NEAREST_PX)
    except NotFoundError as error:
        st.caption(literal(str(error)))

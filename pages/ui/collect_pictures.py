"""The pictures of one class of a collection, burst by burst, and taking the bad ones out."""

from __future__ import annotations

from itertools import groupby

import streamlit as st
from PIL import Image

from pages.ui.errors import mistakes_kept
from pages.ui.text import count, literal
from pages.ui.thumbnails import CACHE_BYTES, thumbnail
from tlcore.collecting.collection import BURST_GAP_S, BURSTS_NEEDED, Collection, Taken

SIDE_PX = 84
A_PAGE = 24
BURST_HELP = (
    f"Pictures that follow each other within {BURST_GAP_S:g} s are one burst. They are much alike, so they all stay on one side of the split: "
    f"to learn from, to choose by, or to test on. {BURSTS_NEEDED} bursts are the least; more, from other sides and in other light, teach more."
)


@st.cache_data(max_entries=2_000, max_size=CACHE_BYTES, show_spinner=False)
def _thumbnail(path: str) -> bytes:
    with Image.open(path) as image:
        return thumbnail(image.convert("RGB"), SIDE_PX)


def pictures(collection: Collection, name: str, taken: list[Taken], mistake: str) -> None:
    """Newest first. taken: those of the class. mistake: session key for what goes wrong."""
    if not taken:
        st.info(f"No pictures of {literal(name)} yet. Turn on the camera and hold the button; move the thing, or the camera, and hold it again.", icon=":material/photo_camera:")
        return
    bursts = len({each.burst for each in taken})
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{literal(name)}**: {count(len(taken), 'picture')} in {count(bursts, 'burst')}", help=BURST_HELP)
        last = [each.key for each in taken if each.burst == taken[-1].burst]
        st.button(f"Remove the last burst ({len(last)})", key="drop_burst", icon=":material/undo:", on_click=_remove, args=(collection, last, mistake))
    newest = taken[::-1]
    pages = -(-len(newest) // A_PAGE)
    page = st.pagination(pages, key=f"collected_page_{taken[0].label}") if pages > 1 else 1
    shown = newest[(page - 1) * A_PAGE : page * A_PAGE]
    for burst, members in groupby(shown, key=lambda each: each.burst):
        with st.container(horizontal=True, gap="small", border=True, key=f"burst_{burst}"):
            for each in members:
                _picture(collection, each, name, mistake)


def _picture(collection: Collection, each: Taken, name: str, mistake: str) -> None:
    try:
        image = _thumbnail(str(each.path))
    except OSError:  # Another tab was faster.
        return
    with st.container(width=SIDE_PX, gap="xsmall", horizontal_alignment="center"):
        st.image(image, width=SIDE_PX, alt=f"A picture of {name}")
        st.button("Remove", key=f"drop_{each.key}", type="tertiary", icon=":material/close:", on_click=_remove, args=(collection, [each.key], mistake))


def _remove(collection: Collection, keys: list[str], mistake: str) -> None:
    with mistakes_kept(mistake):
        collection.remove(keys)

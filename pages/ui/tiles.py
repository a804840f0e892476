"""Pictures side by side, each with words below: of one dataset or of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import streamlit as st

from pages.ui.thumbnails import thumbnails

SIDE_PX = 104  # Three fit beside each other on a telephone.


class Tile(NamedTuple):
    """A picture of a dataset, what it is for those who don't see it, and the words below as Markdown."""

    dataset_id: str
    row: int
    alt: str
    below: str


def tiles(shown: Sequence[Tile], side_px: int = SIDE_PX, below: Callable[[Tile], None] | None = None) -> None:
    """A wrapping row of pictures. below: draws what else stands below one."""
    images = _images(shown, side_px)
    with st.container(horizontal=True, gap="small"):
        for tile in shown:
            _draw(tile, images[tile.dataset_id, tile.row], side_px, below)


def pairs(shown: Sequence[tuple[Tile, Tile]], side_px: int = SIDE_PX) -> None:
    """A wrapping row of two pictures each, framed together."""
    images = _images([tile for pair in shown for tile in pair], side_px)
    with st.container(horizontal=True, gap="small"):
        for pair in shown:
            with st.container(width=2 * side_px + 46, border=True), st.container(horizontal=True, gap="small", wrap=False):
                for tile in pair:
                    _draw(tile, images[tile.dataset_id, tile.row], side_px)


def _draw(tile: Tile, image: bytes, side_px: int, below: Callable[[Tile], None] | None = None) -> None:
    with st.container(width=side_px, gap="xsmall"):
        st.image(image, width=side_px, alt=tile.alt)
        st.markdown(tile.below)
        if below is not None:
            below(tile)


def _images(shown: Iterable[Tile], side_px: int) -> dict[tuple[str, int], bytes]:
    """The thumbnail of each picture, one look into each dataset."""
    wanted: dict[str, dict[int, None]] = {}
    for tile in shown:
        wanted.setdefault(tile.dataset_id, {})[tile.row] = None
    return {(dataset_id, row): image for dataset_id, rows in wanted.items() for row, image in zip(rows, thumbnails(dataset_id, list(rows), side_px), strict=True)}

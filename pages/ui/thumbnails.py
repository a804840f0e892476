"""Pictures of a dataset as small thumbnails, made from the stored bytes and kept for a while."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from PIL import Image

from pages.ui.state import workspace
from tlcore.datasets.dataset import Dataset

SIDE_PX = 88
MARGIN = 1.06  # Clear, since Streamlit sets pictures of one call edge to edge.
CACHE_BYTES = 32 << 20


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(folder: str) -> Dataset:
    return Dataset.open(Path(folder))


def open_dataset(dataset_id: str) -> Dataset:
    """The dataset, memory-mapped; one handle a process."""
    return _opened(str(workspace().dataset(dataset_id)))


@st.cache_data(max_entries=200, max_size=CACHE_BYTES, show_spinner=False)
def _thumbnails(folder: str, rows: tuple[int, ...], side_px: int) -> list[bytes]:
    dataset = _opened(folder)
    return [thumbnail(dataset.image(row), side_px) for row in rows]


def thumbnail(image: Image.Image, side_px: int) -> bytes:
    """The picture as a PNG of at most `side_px`; small ones grow in whole steps, so their pixels stay sharp.

    Shown at that width it is sent as it is: Streamlit would scale and encode a larger one anew each time.
    """
    inner = int(side_px / MARGIN)
    longest = max(image.size)
    if longest * 2 <= inner:
        factor = inner // longest
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    else:
        image = image.copy()
        image.thumbnail((inner, inner), Image.Resampling.LANCZOS, reducing_gap=2.0)
    square = Image.new("RGBA", (int(max(image.size) * MARGIN),) * 2, (0, 0, 0, 0))
    square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
    buffer = io.BytesIO()
    square.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def thumbnails(dataset_id: str, rows: Sequence[int], side_px: int) -> list[bytes]:
    """PNGs of these pictures of a dataset."""
    return _thumbnails(str(workspace().dataset(dataset_id)), tuple(int(row) for row in rows), side_px)


def pictures(dataset_id: str, rows: Sequence[int], side_px: int = SIDE_PX) -> None:
    """A wrapping row of pictures of equal size."""
    dataset = open_dataset(dataset_id)
    images = thumbnails(dataset_id, rows, side_px)
    alts = [f"{dataset.classes[dataset.labels[row]]}, picture {row}" for row in rows]
    if images:
        st.image([io.BytesIO(image) for image in images], width=side_px, alt=alts)

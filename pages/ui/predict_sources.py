"""Where the pictures come from that models are asked about: files, the camera, or a run's own test pictures."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

import streamlit as st

from pages.ui.linked import choice
from pages.ui.run_domain import evaluated
from pages.ui.state import read_id, write_query
from pages.ui.text import literal
from pages.ui.thumbnails import open_dataset
from pages.ui.tiles import Tile, tiles
from tlcore.examples import examples
from tlcore.picture_files import PictureFiles
from tlcore.results import Predictions
from tlcore.store import Job

LIVE = "live camera"
SOURCES = ("files", "camera", "examples", LIVE)
MOST_PICTURES = 2_000
MOST_MB = 500
EXAMPLES = 8


class Given(NamedTuple):
    """Pictures, opened when they are first asked for, and what tells them from others."""

    key: Hashable
    files: Callable[[], PictureFiles]


def source() -> str:
    """One of SOURCES, in the link as `from`."""
    return choice("Pictures from", SOURCES, "predict_from", "from", help_text="Examples are test pictures of the first model. Nothing is stored of what you upload, take or show.")


def given(source: str, run: Job) -> Given | None:
    """The pictures that somebody gave; None as long as there are none. run: whose test pictures are the examples."""
    return {"files": _uploaded, "camera": _taken, "examples": lambda: _example(run)}[source]()


def _uploaded() -> Given | None:
    uploads = st.file_uploader(
        "Pictures, or ZIPs of them", accept_multiple_files=True, key="pictures", max_upload_size=MOST_MB,
        help="JPEG, PNG, WebP, GIF or BMP, whatever the name says. In a ZIP, folders named like the classes say what is in the pictures: the answers are then judged by that.",
    )  # fmt: skip
    if not uploads:
        st.info("Add one picture or several, or a ZIP of them.", icon=":material/add_photo_alternate:")
        return None
    return Given(tuple(upload.file_id for upload in uploads), lambda: PictureFiles([(upload.name, upload.getvalue()) for upload in uploads], MOST_PICTURES))


def _taken() -> Given | None:
    taken = st.camera_input("Take a picture", key="camera", width=480, help="The browser asks whether it may use the camera. The picture is looked at, not stored.")
    return Given(taken.file_id, lambda: PictureFiles([("Picture taken.jpg", taken.getvalue())], 1)) if taken else None


def _example(run: Job) -> Given | None:
    """One of the first model's test pictures; which one stands in the link."""
    found = evaluated(run).predictions
    dataset_id = run.payload["dataset_id"]
    turn, asked = max(0, read_id("turn") or 0), read_id("example")
    with st.container(border=True, key="examples", gap="small"):
        tiles([_tile(found, dataset_id, int(at)) for at in examples(found, EXAMPLES, turn)], below=lambda tile: _try(tile.row, tile.row == asked))
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"Test pictures of run {run.id}: it hasn't learnt from them.")
            if len(found) > EXAMPLES:
                st.button("Other ones", key="other_examples", icon=":material/refresh:", on_click=write_query, kwargs={"turn": turn + 1})
    if asked is None:
        return None
    label = next((found.classes[label] for row, label in zip(found.rows, found.labels, strict=True) if row == asked), None)
    if label is None:
        named = f"Picture {asked}" if asked >= 0 else "The link's example"
        st.warning(f"{named} is no test picture of run {run.id}. Choose one of those above.", icon=":material/warning:")
        return None
    return Given((dataset_id, asked), lambda: PictureFiles([(f"{label}/picture {asked}", open_dataset(dataset_id).image_bytes(asked))], 1))


def _tile(found: Predictions, dataset_id: str, at: int) -> Tile:
    row, label = int(found.rows[at]), found.classes[found.labels[at]]
    return Tile(dataset_id, row, f"Test picture {row}: {label}", f":small[{literal(label)}]")


def _try(row: int, chosen: bool) -> None:
    st.button("Chosen" if chosen else "Try it", key=f"try_{row}", disabled=chosen, on_click=write_query, kwargs={"example": row}, width="stretch")

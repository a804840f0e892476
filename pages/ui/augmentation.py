"""Random changes of the training pictures: their strengths, what they make of real pictures, what they cost."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image

from pages.ui import forms
from pages.ui.blocks import KEY as DEPTH
from pages.ui.errors import guarded
from pages.ui.state import workspace
from pages.ui.text import count
from pages.ui.thumbnails import open_dataset
from tlcore.augment import PRESETS, augmented
from tlcore.backbones import BackboneSpec
from tlcore.config import AugmentConfig, parse
from tlcore.errors import InputError
from tlcore.images import to_pixels
from tlcore.store import DatasetRecord

STRENGTHS = ("horizontal_flip", "rotation_deg", "zoom", "shift", "brightness", "contrast", "saturation", "invert", "erase")
OWN = "own"
PICTURES, VIEWS = 4, 5  # Shown at most: pictures, and views of each.
CELL_PX, GAP_PX = 96, 8


def section(record: DatasetRecord, backbone: BackboneSpec) -> None:
    """Widgets of all changes, one line on their cost, and real pictures changed by them."""
    st.subheader("Augmentation", anchor=False)
    st.caption("Changed pictures in training, so that the network learns what does not matter. Validation and test pictures stay as they are.")
    above = st.container()  # What is chosen there depends on the widgets below it.
    with st.expander("Each change", icon=":material/tune:"), st.grid(4, min_column_width=130):
        values = {name: forms.field(f"augment.{name}") for name in (*STRENGTHS, "views", "seed")}
    with above:
        _presets(values)
    try:
        config = parse({"dataset": record.name, "augment": values, "backbone": {"name": backbone.name, "input_size": st.session_state["backbone.input_size"]}})
    except InputError:  # The panel beside says which setting is wrong.
        return
    frozen = st.session_state[DEPTH] < len(backbone.blocks)
    st.markdown(f":small[:material/info: {cost(config.augment, frozen)}]")
    if config.augment.enabled:
        with guarded():
            _preview(record, config.augment, config.backbone.input_size or backbone.usual_size)


def cost(settings: AugmentConfig, frozen: bool) -> str:
    """Which way the pictures take, and what that costs; `frozen`: whether any block stays as it is."""
    if not settings.enabled:
        return "No changes: every epoch sees the pictures as they are."
    views = settings.views
    if not frozen:
        return f"{count(views, 'fixed view') + ' in turn' if views else 'New changes every epoch'}. Nothing is frozen, so every epoch runs the whole network either way."
    if not views:
        return "Through pixels, with new changes every epoch: every epoch runs the frozen layers again, and nothing is kept."
    times = "once" if views == 1 else f"{views} times"
    return f"{count(views, 'fixed view')}: the frozen layers see each training picture {times}, once for all; later runs with the same changes reuse them."


def preset_of(values: dict) -> str:
    """The preset whose strengths are these, or `own`."""
    return next((name for name, preset in PRESETS.items() if all(getattr(preset, strength) == values[strength] for strength in STRENGTHS)), OWN)


def _presets(values: dict) -> None:
    current = preset_of(values)
    st.session_state["augment_preset"] = current
    options = [*PRESETS, *([OWN] if current == OWN else [])]
    help_ = "Strengths that suit photographs. Turn Mirror off where left and right matter, as in digits and letters."
    st.segmented_control("Strength", options, key="augment_preset", required=True, on_change=_take_preset, help=help_)


def _take_preset() -> None:
    """Put the strengths of the chosen preset into the widgets."""
    preset = PRESETS.get(st.session_state["augment_preset"])
    if preset is not None:
        st.session_state.update({f"augment.{strength}": getattr(preset, strength) for strength in STRENGTHS})


def _preview(record: DatasetRecord, settings: AugmentConfig, side_px: int) -> None:
    """A row for each of a few pictures of the chosen classes: itself, then its views."""
    dataset = open_dataset(record.id)
    views = min(settings.views or VIEWS, VIEWS)
    what = ("view 1" if views == 1 else f"views 1 to {views}") if settings.views else f"epochs 1 to {views}"
    st.caption(f"Left the picture itself, then {what}, at {side_px} px.")
    folder, settings_json = str(workspace().dataset(record.id)), settings.model_dump_json()
    with st.container(gap="xsmall", key="augment_preview"):
        for row in example_rows(dataset.labels, [dataset.classes.index(name) for name in st.session_state["classes"]]):
            alt = f"{dataset.classes[dataset.labels[row]]}, picture {row}: original, then {what}"
            st.image(io.BytesIO(_strip(folder, record.id, row, side_px, settings_json, views)), alt=alt)


def example_rows(labels: np.ndarray, classes: Sequence[int]) -> list[int]:
    """A few rows, of as many of the classes (none: of all) as can be, in the order of the dataset's labels."""
    wanted = list(classes) or np.unique(labels).tolist()
    most = -(-PICTURES // len(wanted))
    rows = [np.flatnonzero(labels == label)[:most].tolist() for label in wanted[:PICTURES]]
    return [row for place in range(most) for of_class in rows for row in of_class[place : place + 1]][:PICTURES]


@st.cache_data(max_entries=200, show_spinner=False)
def _strip(folder: str, dataset_id: str, row: int, side_px: int, settings_json: str, views: int) -> bytes:
    """A picture and its views side by side, as PNG on a clear ground; `folder` keeps workspaces apart."""
    dataset, settings = open_dataset(dataset_id), AugmentConfig.model_validate_json(settings_json)
    original = to_pixels(dataset.image(row), side_px)
    cells = [original, *(augmented(original[None], [dataset.content_ids[row]], settings, view)[0] for view in range(views))]
    strip = Image.new("RGBA", (len(cells) * (CELL_PX + GAP_PX) - GAP_PX, CELL_PX), (0, 0, 0, 0))
    for place, cell in enumerate(cells):
        strip.paste(_cell(Image.fromarray(cell)), (place * (CELL_PX + GAP_PX), 0))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _cell(image: Image.Image) -> Image.Image:
    """The picture at the size of a cell; one that fits in whole steps keeps its pixels sharp."""
    return image.resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS if CELL_PX % image.width else Image.Resampling.NEAREST)

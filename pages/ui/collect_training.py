"""Training on a collection at once: a preset, one button, progress, and the way to trying the model."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.ui.followed_job import followed
from pages.ui.job_rows import run_row
from pages.ui.linked import choice
from pages.ui.state import store, toast_next, workspace, write_query
from pages.ui.text import literal
from tlcore.collecting import start
from tlcore.collecting.collection import About, Collection, Taken, lacking
from tlcore.errors import NotFoundError
from tlcore.store import Job, JobState

_TOKEN = "collect_token"
NETWORK_HELP = "Its layers stay as they are and a new last layer learns your classes. MobileNetV2 knows a thousand things from ImageNet at 160 px; Keras downloads it once, 9 MB, where it isn't here. ResNet20 comes with the workbench, sees 32 px and knows ten things."


def latest_run(about: About) -> Job | None:
    """The run that learnt last; None where there was none or it was deleted."""
    try:
        return store().job(about.run) if about.run is not None else None
    except NotFoundError:
        return None


def training(collection: Collection, about: About, pictures: list[Taken]) -> None:
    """Set up, start and follow a run on the pictures as they are."""
    st.subheader("Train on them", anchor=False)
    missing = lacking(about, pictures)
    preset = choice("Network", tuple(start.PRESETS), "collect_preset", "network", default=start.usual_preset(), help_text=NETWORK_HELP)
    if missing:
        st.info(literal(" ".join(missing)), icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Train", key="train_collection", type="primary", icon=":material/model_training:", disabled=bool(missing)):
            with st.spinner("Putting the pictures together"):
                run = start.train(collection, preset, store(), workspace(), st.session_state.get(_TOKEN))
            toast_next(f"Run {run} has started.", icon=":material/play_circle:")
            st.rerun()
        st.session_state[_TOKEN] = uuid.uuid4().hex  # A second click of a double click finds the first one's.
        st.caption("Other settings: after the first training the pictures are on Data, for Train and Tune.")
    run = latest_run(about)
    if run is not None:
        follow(collection)
        if run.state is JobState.done:
            with st.container(horizontal=True):
                st.button("Try it live", key="try_live", type="primary", icon=":material/videocam:", on_click=write_query, kwargs={"do": "try it live"})
                st.page_link("predict.py", label="Try it on files", icon=":material/image_search:", query_params={"runs": str(run.id)})


def follow(collection: Collection) -> None:
    """The latest run as it goes on."""
    about = collection.about()
    followed(lambda: latest_run(about), "collected_run", _row, "The run ended without a word. Train again.")


def _row(run: Job | None, working: bool) -> None:
    if run is not None and not working:  # While it works its progress follows.
        run_row(run)

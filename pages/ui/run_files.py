"""The files of a finished run; Keras's own is made when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.ui.followed_job import followed
from pages.ui.state import guarded, store, workspace
from pages.ui.text import size
from tlcore import run_jobs
from tlcore.store import Job

KERAS_FILE = "model.keras"
FILES = {
    KERAS_FILE: "The whole model for Keras: pictures of 0 to 255 in, probabilities out.",
    "model.xml": "The same for OpenVINO: structure.",
    "model.bin": "The same for OpenVINO: weights.",
    "predictions.parquet": "Probabilities for each validation and test picture.",
    "embedding.npz": "How the network sees its pictures, for maps and similar pictures.",
    "split.npz": "Which picture was in which part.",
    "config.yaml": "The settings; `python -m tlcore train` takes this file.",
    "summary.json": "The figures of this page.",
    "environment.json": "Versions and machine.",
    "route.json": "From which stored feature maps its activations went on.",
    "log.txt": "The worker's log.",
}


def files(run: Job) -> None:
    """Every file with its size, what it is, and a download."""
    folder = workspace().run(run.id)
    if not (folder / KERAS_FILE).exists():
        _keras_on_demand(run)
    order = list(FILES)
    for path in sorted(folder.iterdir(), key=lambda path: (order.index(path.name) if path.name in FILES else len(order), path.name)):
        if path.is_file() and not path.name.startswith("."):
            with _row(path.name, size(path.stat().st_size)):
                st.download_button("Download", _reader(path), path.name, key=f"download_{path.name}", icon=":material/download:", on_click="ignore")


def _row(name: str, fact: str) -> st.delta_generator.DeltaGenerator:
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", border=True, key=f"file_{name.replace('.', '_')}")
    row.markdown(f"`{name}` · {fact}  \n:small[{FILES.get(name, 'State after an epoch.')}]", width="stretch")
    return row


def _keras_on_demand(run: Job) -> None:
    """The button that has the Keras file written, and how far that is."""

    def draw(_now: Job | None, working: bool) -> None:
        with _row(KERAS_FILE, "written when asked for; takes some seconds"):
            st.button("Make it", key="make_keras", icon=":material/build:", disabled=working, on_click=_make, args=(run.id,))

    followed(lambda: run_jobs.latest(store(), "export", run.id), "keras_file", draw, "It could not be made.")


def _make(run_id: int) -> None:
    with guarded():
        run_jobs.submit(store(), "export", run_id)
        st.rerun()


def _reader(path: Path) -> Callable[[], bytes]:
    return path.read_bytes

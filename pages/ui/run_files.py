"""The files of a finished run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from pages.ui.state import workspace
from pages.ui.text import size
from tlcore.store import Job

FILES = {
    "model.xml": "The whole model for OpenVINO, which Predict uses: structure.",
    "model.bin": "The same: weights.",
    "model.keras": "The whole model for Keras, where OpenVINO can't take it.",
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
    st.caption("The model for Keras, LiteRT, ONNX and others is made on the tab Export.")
    order = list(FILES)
    for path in sorted(folder.iterdir(), key=lambda path: (order.index(path.name) if path.name in FILES else len(order), path.name)):
        if path.is_file() and not path.name.startswith("."):
            with _row(path.name, size(path.stat().st_size)):
                st.download_button("Download", _reader(path), path.name, key=f"download_{path.name}", icon=":material/download:", on_click="ignore")


def _row(name: str, fact: str) -> st.delta_generator.DeltaGenerator:
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", border=True, key=f"file_{name.replace('.', '_')}")
    row.markdown(f"`{name}` · {fact}  \n:small[{FILES.get(name, 'State after an epoch.')}]", width="stretch")
    return row


def _reader(path: Path) -> Callable[[], bytes]:
    return path.read_bytes

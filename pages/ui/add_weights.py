"""Adding a backbone's weights from a file: uploaded, or already on the server."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import ingest
from pages.ui.errors import mistakes_kept, show_kept
from pages.ui.state import store, toast_next
from tlcore import weight_jobs
from tlcore.backbones import BackboneSpec
from tlcore.errors import NotFoundError
from tlcore.store import JobState

TYPES = ["h5", "keras", "npz", "safetensors"]
_MISTAKE, _JOB = "weights_mistake", "weights_job"


def panel(backbone: BackboneSpec) -> None:
    """The form, what went wrong with it, and the files that are being read."""
    show_kept(_MISTAKE)
    ingest.imports(weight_jobs.KIND, "Weights being added")
    with st.expander(f"Add weights for {backbone.name} from a file", icon=":material/upload_file:"), st.form("weights_form", border=False):
        st.caption("Layers are found by name and shape: `.weights.h5`, `.keras`, `.npz` with `layer/weight` keys, or `.safetensors`. Only numbers are read; nothing in a file is run.")
        st.file_uploader("File", type=TYPES, key="weights_file")
        st.text_input("or a path on the server", key="weights_path", placeholder="/data/pretrained.weights.h5")
        st.text_input("Name", key="weights_name", max_chars=120, placeholder="taken from the file")
        st.text_input("Trained on", key="weights_trained_on", max_chars=120, placeholder="such as ImageNet-1k; unknown when left empty")
        st.toggle("Load it even if it fits in part", key="weights_partial", help="Layers that the file lacks, or has in another shape, keep random weights. Off: such a file is refused.")
        st.form_submit_button("Add weights", icon=":material/add:", key="weights_add", on_click=_submit, args=(backbone.name,))


def just_added() -> str | None:
    """Id of the weight set that this session asked for, once, when it is here."""
    if _JOB not in st.session_state:
        return None
    try:
        job = store().job(st.session_state[_JOB])
    except NotFoundError:
        del st.session_state[_JOB]
        return None
    if job.active:
        return None
    del st.session_state[_JOB]
    return (job.result or {}).get("weight_set") if job.state is JobState.done else None


def _submit(backbone: str) -> None:
    state = st.session_state
    file, path = state["weights_file"], state["weights_path"].strip()
    if file is None and not path:
        state[_MISTAKE] = "Choose a file, or give the path of one, first."
        return
    with mistakes_kept(_MISTAKE):
        source, shown = (path, None) if file is None else (str(ingest.keep(file, ".weights")), Path(file.name).name)
        state[_JOB] = weight_jobs.submit_file(
            store(), source, backbone, state["weights_name"].strip() or None,
            partial=state["weights_partial"], trained_on=state["weights_trained_on"], uploaded_as=shown,
        )
        toast_next("The weights are being read.", icon=":material/hourglass_top:")

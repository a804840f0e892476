"""Adding a dataset: built in, well known, uploaded, or already on the server; and the imports under way."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.ui import live
from pages.ui.errors import mistakes_kept, show_kept
from pages.ui.job_rows import ingest_row
from pages.ui.state import store, toast_next, workspace
from pages.ui.text import literal
from tlcore import jobs
from tlcore.errors import ResourceError
from tlcore.store import ACTIVE, RESUMABLE, JobState
from tlcore.workspace import whole_file

BUILT_IN = {
    "digits": "1,797 handwritten digits in grey, ten classes.",
    "digits-textures": "The same digits over coloured textures: another domain with the same labels.",
}
KNOWN = {
    "cifar10": "60,000 photographs, 32 × 32 px, ten classes (airplane, cat, ship …). Download 170 MB.",
    "cifar100": "60,000 photographs, 32 × 32 px, a hundred classes. Download 169 MB.",
    "fashion_mnist": "70,000 pieces of clothing in grey, 28 × 28 px, ten classes. Download 31 MB.",
    "mnist": "70,000 handwritten digits in grey, 28 × 28 px, ten classes. Download 11 MB.",
}
_MISTAKE = "ingest_mistake"
_SHOWN_S = 600  # An import that came to nothing stays in sight this long.


def add_forms() -> None:
    """Five ways to add a dataset, as tabs."""
    show_kept(_MISTAKE)
    built_in, known, upload, path, camera = st.tabs(
        [":material/inventory_2: Built in", ":material/cloud_download: Well known", ":material/upload_file: Upload a ZIP", ":material/folder_open: On the server", ":material/photo_camera: Camera"]
    )
    with built_in:
        st.caption("They come with the workbench and need no network.")
        _choices(BUILT_IN)
    with known:
        st.caption("Downloaded once by Keras. Without a network, upload a ZIP instead.")
        _choices(KNOWN)
    with upload:
        _upload()
    with path:
        _path()
    with camera:
        st.caption("Name some classes, show each to the camera, train at once and try it live. The pictures become a dataset like any other.")
        st.page_link("collect.py", label="Collect pictures with the camera", icon=":material/photo_camera:")


def _choices(texts: dict[str, str]) -> None:
    present = {record.name for record in store().datasets()}
    coming = {job.payload["name"] or Path(job.payload["source"]).stem for job in store().jobs(kind="ingest", states=ACTIVE)}
    for name, text in texts.items():
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{name}**  \n{text}")
            st.button(
                "Added" if name in present else "Adding" if name in coming else "Add",
                key=f"add_{name}",
                icon=":material/check:" if name in present else ":material/hourglass_top:" if name in coming else ":material/add:",
                disabled=name in present or name in coming,
                on_click=_submit,
                args=(name, name),
            )


def _upload() -> None:
    st.caption("One folder a class, with or without train, val and test folders around them. What can't be read is listed, not guessed.")
    with st.form("upload_form", border=False):
        st.file_uploader("ZIP of pictures", type="zip", key="upload_zip")
        st.text_input("Name", key="upload_name", max_chars=200, placeholder="taken from the file")
        st.form_submit_button("Import", icon=":material/add:", key="import_upload", on_click=_submit_upload)


def _submit_upload() -> None:
    file = st.session_state["upload_zip"]
    if file is None:
        st.session_state[_MISTAKE] = "Choose a ZIP first."
        return
    with mistakes_kept(_MISTAKE):
        _submit(str(keep(file)), st.session_state["upload_name"].strip() or Path(file.name).stem, uploaded_as=Path(file.name).name)


def keep(file: UploadedFile, suffix: str = ".zip") -> Path:
    """Write an upload to a path of its own, named by its content only."""
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = workspace().uploads / f"{digest}{suffix}"
    file.seek(0)
    try:
        with whole_file(target) as temporary, temporary.open("wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
    except OSError as error:
        raise ResourceError(f"The upload can't be kept: {error.strerror or type(error).__name__}. Free some space in the workspace, then upload it again.") from error
    return target


def _path() -> None:
    st.caption("A ZIP or a folder that this server can read, for example for more than 2 GB or tens of thousands of pictures.")
    with st.form("path_form", border=False):
        st.text_input("Path", key="path_source", placeholder="/data/pets or /data/pets.zip")
        st.text_input("Name", key="path_name", max_chars=200, placeholder="taken from the path")
        st.form_submit_button("Import", icon=":material/add:", key="import_path", on_click=_submit_path)


def _submit_path() -> None:
    source = st.session_state["path_source"].strip()
    if source:
        _submit(source, st.session_state["path_name"].strip() or None)
    else:
        st.session_state[_MISTAKE] = "Give the path of a ZIP or a folder first."


def _submit(source: str, name: str | None, uploaded_as: str | None = None) -> None:
    with mistakes_kept(_MISTAKE):
        jobs.submit_ingest(store(), workspace(), source, name, uploaded_as=uploaded_as)
        toast_next(f"The import of {literal(name or source)} has begun.", icon=":material/hourglass_top:")


def imports(kind: str = "ingest", title: str = "Imports") -> None:
    """Imports, or jobs of another kind, under way or that lately came to nothing, live; the page runs again when one ends or begins anew."""
    shown = _current(kind)
    if not shown:
        return
    active = {job.id for job in shown if job.state in ACTIVE}

    every_s = live.poll_s(bool(active))

    @st.fragment(run_every=every_s, key="imports")
    def rows() -> None:
        now = _current(kind)
        for job in now:
            ingest_row(job)
        active_now = {job.id for job in now if job.state in ACTIVE}
        for job in store().jobs(kind=kind, states=[JobState.done]):
            if job.id in active:
                made = job.result or {}
                toast_next(f"{literal(made.get('dataset') or made.get('name') or job.title)} is ready.")
        if active_now != active or {job.id for job in now} != {job.id for job in shown} or live.out_of_step(every_s):
            st.rerun()

    st.subheader(title, anchor=False)
    rows()


def _current(kind: str) -> list:
    recent = time.time() - _SHOWN_S
    return [
        job
        for job in store().jobs(kind=kind, limit=20)
        if job.state in ACTIVE or (job.state in RESUMABLE and (job.finished_at or 0) > recent)
    ]

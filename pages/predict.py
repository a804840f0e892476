"""One to three finished runs asked about uploaded pictures, at /predict?runs=3."""

import hashlib

import streamlit as st

from pages.ui.answers import answer
from pages.ui.download import download_csv
from pages.ui.pick import pick_runs, short_name
from pages.ui.state import guarded, head, workspace
from pages.ui.text import count
from tlcore.answers import answers_table
from tlcore.grounds import Grounds
from tlcore.predict import Answer, Model, predict
from tlcore.store import Job

MOST_MODELS = 3
MOST_FILES = 50


@st.cache_resource(max_entries=3, show_spinner=False)
def model(root: str, run_id: int) -> Model:
    """The run's model, ready to be asked."""
    from tlcore.nn import inference  # Here, not above: OpenVINO takes a second and 100 MB.

    folder = workspace().run(run_id)
    return Model(inference.load(folder), Grounds.of(folder))


def answers(files: list[tuple[str, bytes]], runs: list[Job]) -> list[Answer]:
    """The answers to these files; kept for the session, so that a click elsewhere doesn't ask again."""
    content = [(name, hashlib.sha256(data).hexdigest()) for name, data in files]
    asked = (content, [(run.id, short_name(run)) for run in runs])
    if st.session_state.get("answers", (None,))[0] != asked:
        with st.spinner(f"Looking at {count(len(files), 'picture')}"):
            models = {short_name(run): model(str(workspace().root), run.id) for run in runs}
            st.session_state["answers"] = (asked, list(predict(models, files)))
    return st.session_state["answers"][1]


def page() -> None:
    runs = pick_runs("Models", "predict_runs", MOST_MODELS, "Up to three finished runs; each gets the same pictures.")
    if runs is None:
        return
    uploads = st.file_uploader(
        "Pictures",
        accept_multiple_files=True,
        key="pictures",
        max_upload_size=50,
        help="JPEG, PNG, WebP, GIF or BMP, whatever the name says. They are looked at, not stored.",
    )
    if not runs or not uploads:
        st.info("Choose a model, then add pictures." if not runs else "Add one picture or several.", icon=":material/add_photo_alternate:")
        return
    if len(uploads) > MOST_FILES:
        st.warning(f"The first {MOST_FILES} of {len(uploads)} pictures are shown; for more, use `python -m tlcore predict`.", icon=":material/warning:")
    given = answers([(upload.name, upload.getvalue()) for upload in uploads[:MOST_FILES]], runs)
    table = answers_table(given, {short_name(run): model(str(workspace().root), run.id).grounds for run in runs})
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        bad = sum(one.error is not None for one in given)
        st.caption(f"{count(len(given) - bad, 'picture')} looked at" + (f", {count(bad, 'file')} that can't be used" if bad else ""))
        download_csv(table, "predictions.csv", "answers")
    for at, one in enumerate(given):
        answer(one, at, {short_name(run): f"Run {run.id}" for run in runs})


head("Try a model on pictures of yours", "Choose one to three finished runs and add pictures; the answers stand side by side.")
with guarded():
    page()

"""A finished run's model as a file to take away: what was made and how it did in its check, and how to use it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import streamlit as st

from pages.ui.followed_job import followed
from pages.ui.run_domain import domains_of, evaluated
from pages.ui.state import guarded, store, workspace
from tlcore import exports, jobs, run_jobs
from tlcore.backbones import spec
from tlcore.exports import FORMATS, Check, Format, Kind
from tlcore.model_card import model_card
from tlcore.results import judged_part, load_summary
from tlcore.service.answering import About
from tlcore.service.folder import MODEL_FILES, write_folder
from tlcore.service.starting import PORT
from tlcore.store import Job

ABOUT = (
    "The whole model as one file: pictures of 0 to 255 in, probabilities out, the backbone's own preprocessing inside. Before a file is offered here, "
    "its own runtime loads it in a process of its own and is asked about test pictures; a file that says something else than the model isn't offered."
)
INT8 = "Weights and activations as whole numbers of 8 bits, fitted on training pictures: a quarter of the size, often faster, and a little less accurate."


def export(run: Job) -> None:
    """One box a format, and the model card."""
    st.caption(ABOUT)
    for each in FORMATS.values():
        _format(run, each)
    _service(run)
    with st.container(border=True, key="model_card", gap="small"):
        st.markdown("**Model card** · What the model is for, what it learnt from, how good it is and where it fails. It lies in every export too.")
        panel = st.expander("Read it", icon=":material/article:", key="read_card", on_change="rerun")
        if panel.open:
            panel.markdown(_card(run).partition("\n---\n")[2])
        st.download_button("Download", lambda: _card(run), f"run-{run.id}-{exports.CARD}", "text/markdown", key="download_card", icon=":material/download:", on_click="ignore")


def _service(run: Job) -> None:
    """How the model answers other programs, here or elsewhere."""
    with st.container(border=True, key="service", gap="small"):
        st.markdown("**Service** · Answers other programs over HTTP, with calibrated probabilities, possible classes and the distance from what it learnt from.")
        st.code(f"python -m tlcore serve {run.id}\ncurl --data-binary @picture.jpg http://127.0.0.1:{PORT}/predict", language="bash")
        st.caption(f"For a machine without this project: `python -m tlcore serve {run.id} --into FOLDER` writes all that it needs; so does the download. `/openapi.json` describes the service.")
        if all((workspace().run(run.id) / name).is_file() for name in MODEL_FILES):
            st.download_button("Download", lambda: _service_folder(run), f"run-{run.id}-service.zip", "application/zip", key="download_service", icon=":material/download:", on_click="ignore")


def _service_folder(run: Job) -> bytes:
    with tempfile.TemporaryDirectory() as between:
        return _zipped(write_folder(workspace().run(run.id), About(run.id, run.title), lambda: _card(run), Path(between) / "service"))


def _card(run: Job) -> str:
    run_dir = workspace().run(run.id)
    return model_card(run, store(), exports.made(run_dir), {judged_part(load_summary(run_dir), domain): evaluated(run, domain) for domain in domains_of(run)})


def _format(run: Job, what: Format) -> None:
    made = exports.made(workspace().run(run.id))
    with st.container(border=True, key=f"export_{what.name}", gap="small"):
        st.markdown(f"**{what.title}** · {what.use}")
        for kind in exports.kinds():
            if kind.format is what:
                _kind(run, kind, made.get(kind))
        with st.expander("How to use it", icon=":material/code:"):
            st.code(exports.Kind(what).example(run.config.backbone.input_size or spec(run.config.backbone.name).usual_size), language="python")
            st.caption(f"This script lies beside the model, as `{exports.EXAMPLE}`." + _packages(what))


def _packages(what: Format) -> str:
    return f" It needs Pillow, NumPy and {' and '.join(f'`{name}`' for name in what.runtime)}: `pip install pillow numpy {' '.join(what.runtime)}`."


def _kind(run: Job, kind: Kind, check: Check | None) -> None:
    """Float32 or int8 of one format: what is known of it, and what can be done."""

    def draw(now: Job | None, working: bool) -> None:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{'int8' if kind.int8 else 'float32'} · {' · '.join(check.facts()) if check else 'not made yet'}", width="stretch", help=INT8 if kind.int8 else None)
            if working and now is not None:
                st.button("Cancel", key=f"cancel_{kind.name}", icon=":material/cancel:", disabled=now.cancel_requested, on_click=_cancel, args=(now.id,))
            else:
                _offer(run, kind, check)

    if kind.missing:
        st.markdown(f"{'int8' if kind.int8 else 'float32'} · needs `pip install {' '.join(kind.missing)}`")
        return
    followed(lambda: run_jobs.latest_export(store(), run.id, kind), f"made_{kind.name}", draw, "It could not be made.")


def _offer(run: Job, kind: Kind, check: Check | None) -> None:
    if check is None:
        st.button("Make it", key=f"make_{kind.name}", icon=":material/build:", on_click=_make, args=(run.id, kind))
        return
    st.button("Make again", key=f"make_{kind.name}", icon=":material/replay:", type="tertiary", on_click=_make, args=(run.id, kind))
    name = f"run-{run.id}-{kind.name}.zip"
    st.download_button("Download", lambda: _packed(run.id, kind), name, "application/zip", key=f"download_{kind.name}", icon=":material/download:", on_click="ignore")


def _packed(run_id: int, kind: Kind) -> bytes:
    return _zipped(exports.require(workspace().run(run_id), kind))


def _zipped(files: Path) -> bytes:
    buffer = io.BytesIO()
    exports.pack(files, buffer)
    return buffer.getvalue()


def _make(run_id: int, kind: Kind) -> None:
    with guarded():
        run_jobs.submit_export(store(), run_id, kind)
        st.rerun()


def _cancel(job_id: int) -> None:
    with guarded():
        jobs.cancel(store(), job_id)
        st.rerun()

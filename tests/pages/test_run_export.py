"""The tab Export of a run: what was made, what can be made, what is missing."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore import exports, run_jobs
from tlcore.store import JobState, Store

ONNX, SMALL = exports.kind_of("onnx"), exports.kind_of("litert", int8=True)
CHECK = exports.Check("onnx", "test", 100, 3e-6, 1.0, 0.93, 0.93, 0.64, 1_105_622, {"onnxruntime": "1.23.2"})


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def run(store, workspace) -> int:
    return finished_run(store, workspace)


def leave(workspace, run, kind, check) -> None:
    folder = kind.folder(workspace.run(run))
    folder.mkdir(parents=True)
    (folder / exports.CHECK).write_text(json.dumps(check.to_document()))


def test_every_format_can_be_made_and_says_how_it_is_used(run, open_page):
    at = open_page("runs.py", run=str(run), tab="Export")
    assert [button.key for button in at.button if (button.key or "").startswith("make_")] == [f"make_{kind.name}" for kind in exports.kinds()]
    assert texts(at).count("not made yet") == 7
    assert "## Limits" not in texts(at), "the card is written when somebody opens it"
    *examples, service = [code.value for code in at.code]
    assert examples == [exports.Kind(each).example(32).strip() for each in exports.FORMATS.values()]
    assert service.startswith(f"python -m tlcore serve {run}\n")


def test_a_service_is_downloaded_where_there_is_a_model(run, workspace, open_page):
    keys = [button.key for button in open_page("runs.py", run=str(run), tab="Export").get("download_button")]
    assert keys == ["download_card"]
    for name in ("model.xml", "model.bin"):
        (workspace.run(run) / name).write_text("a model")
    assert "download_service" in [button.key for button in open_page("runs.py", run=str(run), tab="Export").get("download_button")]


def test_a_file_is_asked_for_followed_and_cancelled(run, store, open_page):
    at = open_page("runs.py", run=str(run), tab="Export")
    at.button(key="make_litert-int8").click().run()
    job = run_jobs.latest_export(store, run, SMALL)
    assert job.state is JobState.queued and job.title == f"LiteRT, int8 file of run {run}"
    at.button(key="cancel_litert-int8").click().run()
    assert run_jobs.latest_export(store, run, SMALL).state is JobState.cancelled and at.button(key="make_litert-int8")


def test_what_was_made_shows_its_check_and_what_failed_says_why(run, store, workspace, open_page):
    leave(workspace, run, ONNX, CHECK)
    leave(workspace, run, SMALL, dataclasses.replace(CHECK, kind=SMALL.name, agreement=0.961, accuracy=0.914, largest_difference=0.021, calibrated_on=100))
    run_jobs.submit_export(store, run, exports.kind_of("keras"))
    store.finish(store.claim("w", "export"), JobState.failed, error="Keras: on 100 test pictures a probability differs by 0.3.")
    at = open_page("runs.py", run=str(run), tab="Export")
    assert "float32 · 1.1 MB · 0.6 ms a picture · same class on all 100 test pictures · probabilities differ by less than 0.0001" in texts(at)
    assert "same class on 96.1% of 100 test pictures · accuracy 93.0% before, 91.4% after · probabilities differ by up to 0.02" in texts(at)
    assert at.error[0].value.startswith("Keras\\: on 100 test pictures")
    assert [button.proto.label for button in at.get("download_button")] == ["Download"] * 3


def test_a_missing_library_is_named(run, open_page, monkeypatch):
    found = exports.importlib.util.find_spec
    monkeypatch.setattr(exports.importlib.util, "find_spec", lambda name: None if name in ("tf2onnx", "nncf") else found(name))
    at = open_page("runs.py", run=str(run), tab="Export")
    assert "float32 · needs `pip install tf2onnx`" in texts(at) and "int8 · needs `pip install nncf`" in texts(at)
    assert "make_onnx" not in [button.key for button in at.button] and at.button(key="make_openvino")


def test_the_model_card_is_shown_without_its_head(run, open_page):
    at = open_page("runs.py", run=str(run), tab="Export")
    at.session_state["read_card"] = True
    shown = texts(at.run())
    assert "## Limits" in shown and "pipeline_tag" not in shown

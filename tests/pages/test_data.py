"""Data: the list, adding, one dataset from four sides, the split, deleting."""

from __future__ import annotations

import errno
import json
import shutil

import pytest

from tests.pages.conftest import texts
from tlcore import config, jobs
from tlcore.store import JobState


def charts(app):
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def test_an_empty_workspace_names_the_next_step(empty, open_page):
    assert "No pictures yet" in texts(open_page("data.py"))


def test_adding_a_built_in_dataset_queues_an_import_with_progress_and_cancel(empty, store, open_page):
    app = open_page("data.py")
    app.button(key="add_digits").click().run()
    job = store.jobs(kind="ingest")[0]
    assert (job.payload["source"], job.payload["name"]) == ("digits", "digits")
    assert app.progress
    app.button(key=f"cancel_{job.id}").click().run()
    assert store.job(job.id).state is JobState.cancelled


def test_an_import_that_is_under_way_is_not_begun_twice(empty, store, open_page):
    app = open_page("data.py")
    app.button(key="add_digits").click().run()
    assert app.button(key="add_digits").disabled and app.button(key="add_digits").label == "Adding"
    assert not app.button(key="add_mnist").disabled


@pytest.mark.parametrize("ending", [JobState.failed, JobState.cancelled, JobState.interrupted])
def test_an_import_that_came_to_nothing_can_be_tried_again(empty, store, open_page, ending):
    number = ended_import(empty, store, ending)
    app = open_page("data.py")
    app.button(key=f"retry_{number}").click().run()
    assert store.job(number).state is JobState.queued
    assert app.button(key=f"cancel_{number}")


def test_an_import_that_came_to_nothing_can_be_taken_off_the_list_with_its_upload(empty, store, open_page):
    number = ended_import(empty, store, JobState.failed)
    app = open_page("data.py")
    assert "Imports" in texts(app)
    app.button(key=f"remove_{number}").click().run()
    assert store.jobs() == [] and not list(empty.uploads.iterdir())
    assert not app.exception and "Imports" not in texts(app)


def ended_import(workspace, store, state) -> int:
    """An import of an upload that a worker took up and that ended like this."""
    upload = workspace.uploads / "0.zip"
    upload.write_bytes(b"content")
    jobs.submit_ingest(store, workspace, str(upload), "pets")
    job = store.claim("tests")
    if state is JobState.interrupted:
        store.give_up(job, "Its worker was killed.")
    else:
        store.finish(job, state, error="pets: no picture can be read." if state is JobState.failed else None)
    return job.id


def test_a_path_on_the_server_is_queued_under_its_name(empty, store, open_page, tmp_path):
    app = open_page("data.py")
    app.text_input(key="path_source").set_value(f"  {tmp_path / 'pets'} ")
    app.text_input(key="path_name").set_value("mine")
    app.button(key="import_path").click().run()
    assert store.jobs(kind="ingest")[0].payload == {"source": str(tmp_path / "pets"), "name": "mine"}


def test_a_form_without_a_path_says_so(empty, store, open_page):
    app = open_page("data.py")
    app.button(key="import_path").click().run()
    assert "path" in app.error[0].value
    assert store.jobs() == []


def test_an_upload_is_kept_under_its_hash_only(empty, store, open_page):
    app = open_page("data.py")
    app.file_uploader(key="upload_zip").upload("../../evil name.zip", b"content")
    app.button(key="import_upload").click().run()
    (kept,) = empty.uploads.iterdir()
    assert kept.name == "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73.zip"
    assert store.jobs(kind="ingest")[0].payload == {"source": str(kept), "name": "evil name", "uploaded_as": "evil name.zip"}


def test_an_upload_that_the_disk_cannot_take_is_told_in_one_sentence(empty, store, open_page, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    app = open_page("data.py")
    app.file_uploader(key="upload_zip").upload("pets.zip", b"content")
    monkeypatch.setattr(shutil, "copyfileobj", full)
    app.button(key="import_upload").click().run()
    assert "No space left on device" in app.error[0].value and "Free some space" in app.error[0].value
    assert store.jobs() == [] and not list(empty.uploads.iterdir())


def test_a_name_that_is_taken_is_refused_in_one_sentence(digits, store, open_page):
    app = open_page("data.py")
    app.text_input(key="path_source").set_value("/data/x")
    app.text_input(key="path_name").set_value("digits")
    app.button(key="import_path").click().run()
    assert "exists already" in app.error[0].value
    assert store.jobs() == []


def test_a_dataset_shows_samples_of_every_class(digits, open_page):
    app = open_page("data.py", dataset="digits")
    assert len(app.image) == 10
    assert "1,797 pictures" in texts(app)


def test_one_class_is_shown_page_by_page(digits, open_page):
    app = open_page("data.py", dataset="digits", **{"class": "3"})
    assert len(app.image) == 1
    first = app.image[0].value[0]
    app.session_state["page"] = 2
    app.run()
    assert app.image[0].value[0] != first


@pytest.mark.parametrize("view", ["Classes and sizes", "Split"])
def test_charts_have_a_text_for_those_who_do_not_see_them(digits, open_page, view):
    app = open_page("data.py", dataset="digits", view=view)
    drawn = app.get("vega_lite_chart")
    assert drawn and all(chart.proto.alt for chart in drawn)


def test_the_split_follows_classes_and_shares(digits, open_page):
    app = open_page("data.py", dataset="digits", view="Split", only=["3", "8"])
    training, validation, test = (int(metric.value.replace(",", "")) for metric in app.metric)
    assert training + validation + test == 183 + 174
    app.number_input(key="try.split.train_fraction").set_value(0.5).run()
    fewer = int(app.metric[0].value)
    assert abs(fewer - training / 2) <= 2
    assert int(app.metric[2].value) == test, "the test pictures must not change with the training share"


def test_the_split_can_be_taken_along(digits, open_page):
    app = open_page("data.py", dataset="digits", view="Split")
    assert [button.proto.label for button in app.get("download_button")] == ["Download CSV"]


@pytest.mark.parametrize("view", ["Classes and sizes", "Split"])
def test_every_bar_has_its_name_beside_it(digits, open_page, view):
    (chart,) = charts(open_page("data.py", dataset="digits", view=view))
    assert chart["encoding"]["y"]["axis"]["labelFlush"] is False  # Otherwise the first one is moved inwards.


def test_one_class_is_too_few_and_said_so(digits, open_page):
    app = open_page("data.py", dataset="digits", view="Split", only=["3"])
    assert "two" in app.error[0].value.lower() or "2" in app.error[0].value


def test_the_report_is_in_words(digits, open_page):
    assert "px" in texts(open_page("data.py", dataset="digits", view="Report"))


@pytest.mark.parametrize("name", ["gone", "../x", "'; DROP TABLE datasets; --", "x" * 1_000_000])
def test_a_link_to_nothing_is_answered_calmly(digits, open_page, name):
    app = open_page("data.py", dataset=name)
    assert not app.exception and not app.error
    assert app.warning or app.title[0].value == "Add pictures and look at them"


def test_a_dataset_in_use_is_not_deleted_and_the_runs_are_named(digits, store, open_page):
    run = jobs.submit_run(store, digits, config.parse(config.DEMO))
    app = open_page("data.py", dataset="digits")
    app.button(key="delete").click().run()
    assert not [button for button in app.button if button.key == "delete_confirmed"]
    assert any("1 run uses" in text.value for text in app.markdown)
    assert any(f"Run {run}" in link.label for link in app.get("page_link"))
    assert store.dataset("digits")


def test_deleting_takes_the_dataset_away(digits, store, open_page):
    app = open_page("data.py", dataset="digits")
    app.button(key="delete").click().run()
    app.button(key="delete_confirmed").click().run()
    assert store.datasets() == []

"""Train with weights from elsewhere: the choice, the report, the chain, an upload that becomes a job, and links."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import yaml

from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore import weight_jobs, weight_sets
from tlcore.backbones import spec
from tlcore.forecast.figures import has_seen
from tlcore.store import JobState
from tlcore.weight_sets import Report, Training

REPORT = Report(("stage1_conv", "stage2_conv"), missing=("stem_conv",), mismatched=("stem_bn: gamma is 3, not 16",), unused=("logits",))


@pytest.fixture
def add_set(digits):
    """Put a weight set into the workspace as a job does; its arrays are of no matter here."""

    def added(name: str = "mine", backbone: str = "ResNet20", **facts) -> weight_sets.WeightSet:
        about = {"name": name, "backbone": backbone, "origin": f"{name}.npz", "sha256": name, "content": name, "trained_on": (Training("pets"),), "report": REPORT, **facts}
        return weight_sets.write(digits, about, lambda path: path.write_bytes(b"x"))

    return added


def shown(app) -> dict:
    return yaml.safe_load(app.code[0].value)["backbone"]


def said(app) -> str:
    return texts(app).replace("\\", "").replace("\u2060", "")


def test_a_set_is_chosen_with_its_report_before_anything_starts(digits, store, open_page, add_set):
    made, _ = add_set(), add_set("other", "VGG16")
    app = open_page("train.py", dataset="digits")
    app.selectbox(key="backbone.weights").set_value("set").run()
    assert "weights 'set' need it: name a weight set" in said(app) and app.button(key="start").disabled
    assert app.selectbox(key="backbone.weight_set").options == ["mine"]
    app.selectbox(key="backbone.weight_set").set_value(made.id).run()
    assert not app.error and shown(app)["weight_set"] == made.id
    page = said(app)
    assert "From mine.npz: 2 loaded, 1 missing, 1 of another shape, 1 not needed." in page
    assert "2 layers keep random weights: stem_bn: gamma is 3, not 16; stem_conv." in page and "logits" in page
    assert "Trained on pets · weights: from elsewhere" in page
    assert app.query_params["backbone.weight_set"] == made.id
    app.button(key="start").click().run()
    (run,) = store.jobs("train")
    assert run.config.backbone.weight_set == made.id


def test_what_is_chosen_goes_when_other_weights_are(digits, open_page, add_set):
    made = add_set()
    app = open_page("train.py", dataset="digits", backbone__weights="set", backbone__weight_set=made.id)
    assert shown(app)["weight_set"] == made.id
    app.selectbox(key="backbone.weights").set_value("bundled").run()
    assert not app.error and shown(app) == {"name": "ResNet20", "weights": "bundled", "weight_set": None, "run": None, "input_size": None}
    assert "backbone.weight_set" not in app.query_params


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_link_and_pasted_settings_may_name_a_set_or_its_id(digits, open_page, add_set, by):
    made = add_set()
    value = getattr(made, by)
    assert shown(open_page("train.py", dataset="digits", backbone__weights="set", backbone__weight_set=value))["weight_set"] == made.id
    app = open_page("train.py", dataset="digits")
    app.text_area(key="yaml_text").set_value(f"dataset: digits\nbackbone: {{weights: set, weight_set: {value}}}")
    app.button(key="yaml_apply").click().run()
    assert not app.error and shown(app)["weight_set"] == made.id


@pytest.mark.parametrize(("kind", "key", "value", "says"), [("set", "weight_set", "gone", "Weight set 'gone' is not among the weights for ResNet20"), ("run", "run", "99", "'99' is not among the finished runs with ResNet20")])
def test_a_link_to_weights_that_are_not_here_is_answered(digits, open_page, kind, key, value, says):
    app = open_page("train.py", dataset="digits", backbone__weights=kind, **{f"backbone__{key}": value})
    assert says in said(app)
    assert app.button(key="start").disabled


def test_a_finished_run_is_the_backbone_of_the_next_and_its_dataset_is_warned_of(digits, store, open_page):
    run = finished_run(store, digits, freeze__trainable_blocks=1, train__epochs=1)
    app = open_page("runs.py", run=str(run))
    (link,) = [each for each in app.page_link if each.value == "Use as backbone"]
    query = dict(part.split("=") for part in json.loads(json.dumps(link.proto.query_string)).split("&"))
    assert query == {"new": "1", "backbone.name": "ResNet20", "backbone.weights": "run", "backbone.run": str(run)}
    app = open_page("train.py", **{key.replace(".", "__"): value for key, value in query.items()})
    assert (shown(app)["weights"], shown(app)["run"]) == ("run", run)
    assert f"Trained on CIFAR-10 → digits (run {run})" in said(app)
    assert f"These weights were trained on digits (run {run}) itself" in said(app)
    app.button(key="start").click().run()
    queued = store.jobs("train", states=[JobState.queued])
    assert [job.config.backbone.run for job in queued] == [run]
    app = open_page("train.py", clone=str(queued[0].id))
    assert shown(app)["run"] == run


def test_a_run_that_left_its_blocks_frozen_is_called_so_and_warns_of_nothing(digits, store, open_page):
    run = finished_run(store, digits, train__epochs=1)
    app = open_page("train.py", dataset="digits", backbone__weights="run", backbone__run=str(run))
    assert f"Run {run} left all its blocks frozen" in said(app) and "trained on digits" not in said(app)


def test_an_upload_becomes_a_job_and_what_it_makes_is_chosen(digits, store, open_page, add_set):
    app = open_page("train.py", dataset="digits", backbone__weights="set")
    app.button(key="weights_add").click().run()
    assert "Choose a file, or give the path of one, first." in said(app)
    app.file_uploader(key="weights_file").upload("../theirs.npz", b"not looked at by the server", "application/octet-stream")
    app.text_input(key="weights_trained_on").set_value("pets")
    app.toggle(key="weights_partial").set_value(True)
    app.button(key="weights_add").click().run()
    job = store.jobs(weight_jobs.KIND)[0]
    assert job.payload == {"source": job.payload["source"], "backbone": "ResNet20", "name": "theirs.npz", "partial": True, "trained_on": "pets", "shown": "theirs.npz"}
    assert (digits.uploads / job.payload["source"]).parent == digits.uploads
    assert "Weights theirs.npz" in said(app)
    store.claim("tests")
    store.finish(store.job(job.id), JobState.done, result={"weight_set": add_set("theirs.npz").id, "name": "theirs.npz"})
    app.run()
    assert shown(app)["weight_set"] == weight_sets.find(digits, "theirs.npz").id


def test_a_set_is_deleted_unless_a_run_uses_it(digits, store, open_page, add_set):
    made = add_set()
    app = open_page("train.py", dataset="digits", backbone__weights="set", backbone__weight_set=made.id)
    app.button(key="start").click().run()
    app = open_page("train.py", dataset="digits", backbone__weights="set", backbone__weight_set=made.id)
    app.button(key="weights_delete").click().run()
    assert "is used by run" in said(app) and shown(app)["weight_set"] == made.id
    store.request_cancel(store.jobs("train")[0].id)
    store.delete_job(store.jobs("train")[0].id)
    app.button(key="weights_delete").click().run()
    assert not weight_sets.listed(digits) and "none chosen yet" in said(app)


def test_a_file_that_was_refused_says_why(digits, store, open_page):
    np.savez(digits.root / "a.npz", x=np.zeros(1))
    weight_jobs.submit_file(store, str(digits.root / "a.npz"), "ResNet20")
    job = store.claim("tests")
    store.finish(job, JobState.failed, error="a.npz: not a layer fits ResNet20.")
    app = open_page("train.py", dataset="digits", backbone__weights="set")
    assert "a.npz: not a layer fits ResNet20." in said(app)


def test_the_dataset_is_known_again_by_id_by_name_and_by_what_a_person_wrote(digits, store):
    record = store.dataset("digits")
    assert has_seen(Training("digits", record.id, 3), record) and has_seen(Training("digits", "deleted", 3), record)
    assert has_seen(Training("Digits"), record) and not has_seen(Training("ImageNet-1k"), record)
    assert not has_seen(Training("digits-textures", "other", 3), record)
    assert has_seen(Training("CIFAR-100"), dataclasses.replace(record, name="cifar100", source="cifar100"))
    assert spec("ResNet20").choices == ("bundled", "none", "set", "run")

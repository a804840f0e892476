"""Chains on real digits: a finished run is the backbone of the next, with all that it has learnt and been trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.nn import weight_samples
from tests.reloaded import reloaded
from tlcore import chains, jobs, weight_jobs, weight_sets
from tlcore.config import parse, with_changes
from tlcore.demo import ensure_built_in
from tlcore.errors import ConflictError, InputError
from tlcore.nn import layer_weights
from tlcore.nn.export import rebuilt
from tlcore.store import Job, JobState, Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job
from tlcore.workspace import Workspace

SMALL = {
    "dataset": "digits", "classes": ["1", "4", "7"], "backbone": {"name": "ResNet20"}, "freeze": {"trainable_blocks": 1},
    "split": {"train_fraction": 0.3}, "train": {"epochs": 2, "batch_size": 32, "early_stopping_patience": None}, "optimizer": {"learning_rate": 0.01},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The digits and their textures; jobs are carried out here, by nobody else."""
    workspace = Workspace(tmp_path_factory.mktemp("chains") / "workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
        store = Store.open(workspace)
        for name in ("digits", "digits-textures"):
            ensure_built_in(name, store, workspace)
        yield store
    store.close()


def carry_out(store: Store, job_id: int) -> Job:
    job = store.claim("tests")
    assert job is not None and job.id == job_id
    run_job(store, job, JOB_KINDS[job.kind])
    return store.job(job_id)


def train(store: Store, **changes) -> Job:
    settings = parse(with_changes(SMALL, {key.replace("__", "."): value for key, value in changes.items()}))
    job = carry_out(store, jobs.submit_run(store, store.workspace, settings, forecast={}))
    assert job.state is JobState.done, job.error
    return job


@pytest.fixture(scope="module")
def source(store) -> Job:
    return train(store, dataset="digits-textures")


@pytest.fixture(scope="module")
def chained(store, source) -> Job:
    return train(store, backbone__weights="run", backbone__run=source.id)


def test_the_trunk_is_the_backbone_with_what_its_blocks_have_learnt(store, source, chained):
    made = weight_sets.of_run(store.workspace, source.id)
    began = rebuilt(store.workspace.run(source.id)).backbone
    with np.load(made.arrays) as file:
        trunk = dict(file)
    learnt = layer_weights.arrays_of(began.model)
    from_file = layer_weights.arrays_of(type(began)(began.spec, "bundled", 32).model)
    changed = {key.split("/")[0].split("_")[0] for key in trunk if not np.array_equal(trunk[key], from_file[key])}
    assert changed == {"stage3"}, "the one block that learnt"
    assert layer_weights.content_of(trunk) == layer_weights.content_of(learnt) == made.content
    assert all(np.isfinite(array).all() for array in trunk.values())


def test_the_next_run_begins_with_the_trunk(store, source, chained):
    made = weight_sets.of_run(store.workspace, source.id)
    assert chained.result["weights_sha256"] == made.content
    assert chained.result["weights_file"] == f"weight set 'run {source.id}'"
    frozen_now = layer_weights.arrays_of(rebuilt(store.workspace.run(chained.id)).backbone.model)
    with np.load(made.arrays) as file:
        assert all(np.array_equal(frozen_now[key], file[key]) for key in file.files if not key.startswith("stage3"))
    assert json.loads((store.workspace.run(chained.id) / "summary.json").read_text())["cache"]["computed"] > 0


def test_a_chained_run_is_exported_as_any_other(store, chained):
    model = reloaded(store.workspace.run(chained.id))
    assert model(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 3)


def test_what_it_was_trained_on_is_remembered_down_the_chain(store, source, chained):
    made = carry_out(store, weight_jobs.submit_run(store, chained.id, "twice"))
    found = weight_sets.find(store.workspace, "twice")
    assert made.result == {"weight_set": found.id, "name": "twice"}
    assert weight_sets.in_words(found.trained_on) == f"CIFAR-10 → digits-textures (run {source.id}) → digits (run {chained.id})"
    assert [each.dataset_id for each in found.trained_on[1:]] == [source.dataset_id, chained.dataset_id]
    config = parse(with_changes(SMALL, {"backbone.weights": "set", "backbone.weight_set": "twice"}))
    assert chains.trained_on(store, config.backbone) == found.trained_on


def test_a_frozen_trunk_has_learnt_nothing(store, source):
    frozen = train(store, freeze__trainable_blocks=0, backbone__weights="run", backbone__run=source.id)
    assert [str(each) for each in chains.after_run(store, frozen)] == ["CIFAR-10", f"digits-textures (run {source.id})"]


def test_a_set_is_used_by_name_and_pinned_by_its_id(store, tmp_path):
    path = weight_samples.npz(tmp_path / "mine.npz")
    carry_out(store, weight_jobs.submit_file(store, str(path), "ResNet20", "mine", trained_on="pets"))
    made = weight_sets.find(store.workspace, "mine")
    run = train(store, backbone__weights="set", backbone__weight_set="mine", freeze__trainable_blocks=0)
    assert run.config.backbone.weight_set == made.id and run.result["weights_sha256"] == made.content
    with pytest.raises(ConflictError, match=rf"weight set 'mine' is used by run {run.id} \("):
        weight_jobs.delete(store, "mine")
    jobs.delete_run(store, store.workspace, run.id)
    assert weight_jobs.delete(store, made.id) == made
    assert not made.folder.exists() and made not in weight_sets.listed(store.workspace)
    with pytest.raises(InputError, match="weight set 'mine' not found"):
        jobs.check_run(parse(with_changes(SMALL, {"backbone.weights": "set", "backbone.weight_set": "mine"})), store.dataset("digits"), store)


def test_a_file_that_does_not_fit_fails_its_job_with_one_sentence_and_its_upload_is_kept_for_another_try(store):
    upload = store.workspace.uploads / "abc.npz"
    np.savez(upload, **{"conv/kernel": np.zeros((3, 3, 3, 8), np.float32)})
    job = carry_out(store, weight_jobs.submit_file(store, str(upload), "ResNet20", uploaded_as="theirs.npz"))
    assert job.state is JobState.failed and job.traceback is None
    assert job.error.startswith("theirs.npz: not a layer fits ResNet20 (stem_conv: missing;") and upload.exists()
    jobs.dismiss(store, job.id)
    assert not upload.exists()


def test_an_upload_goes_once_its_weights_are_here(store):
    upload = weight_samples.safetensors(store.workspace.uploads / "abc.safetensors")
    job = carry_out(store, weight_jobs.submit_file(store, str(upload), "ResNet20", "uploaded", uploaded_as="theirs.safetensors"))
    assert job.state is JobState.done and not upload.exists()
    assert weight_sets.find(store.workspace, "uploaded").origin == "theirs.safetensors"


@pytest.mark.parametrize(
    ("backbone", "says"),
    [
        ({"weights": "run", "run": 999}, "backbone.run 999 is no run of this workspace"),
        ({"weights": "run"}, "backbone.run.*weights 'run' need it: give the number of a finished run"),
        ({"weights": "set"}, "backbone.weight_set.*weights 'set' need it: name a weight set"),
        ({"weights": "set", "weight_set": "absent"}, "backbone.weight_set: weight set 'absent' not found"),
        ({"weights": "bundled", "weight_set": "mine"}, "it goes with backbone.weights 'set'"),
        ({"weights": "set", "weight_set": "a", "run": 3}, "it goes with backbone.weights 'run'"),
    ],
)
def test_weights_that_are_not_here_are_refused_before_anything_is_queued(store, backbone, says):
    before = store.count("train")
    with pytest.raises(InputError, match=says):
        jobs.submit_run(store, store.workspace, parse({"dataset": "digits", "backbone": backbone}))
    assert store.count("train") == before


@pytest.mark.parametrize(("name", "says"), [("run 7", "what the weights of that run are called"), ("x" * 121, "120 printable characters or fewer"), ("a\nb", "printable")])
def test_names_that_cannot_be_are_refused_before_a_file_is_read(store, name, says):
    with pytest.raises(InputError, match=says):
        weight_jobs.submit_file(store, "a.npz", "ResNet20", name)
    assert not store.queue_lengths()


def test_a_run_of_another_architecture_or_without_an_end_is_refused(store, source):
    other = {"name": "MobileNet_0.25", "weights": "run", "run": source.id}
    with pytest.raises(InputError, match=f"backbone.run {source.id} has trained ResNet20, not MobileNet_0.25"):
        jobs.submit_run(store, store.workspace, parse({"dataset": "digits", "backbone": other}))
    waiting = jobs.submit_run(store, store.workspace, parse(SMALL), forecast={})
    with pytest.raises(InputError, match=f"backbone.run {waiting} is queued: only a finished run"):
        jobs.submit_run(store, store.workspace, parse({"dataset": "digits", "backbone": {"weights": "run", "run": waiting}}))
    jobs.cancel(store, waiting)
    with pytest.raises(InputError, match=f"run {waiting} has no finished model"):
        weight_jobs.submit_run(store, waiting)


def test_a_run_that_another_one_waits_for_stays(store):
    base = train(store, train__epochs=1)
    after = jobs.submit_run(store, store.workspace, parse(with_changes(SMALL, {"backbone.weights": "run", "backbone.run": base.id})), forecast={})
    with pytest.raises(ConflictError, match=f"run {base.id} is the backbone of run {after} "):
        jobs.delete_run(store, store.workspace, base.id)
    assert carry_out(store, after).state is JobState.done
    jobs.delete_run(store, store.workspace, base.id)
    assert weight_sets.of_run(store.workspace, base.id) is not None
    train(store, backbone__weights="run", backbone__run=base.id, train__epochs=1)
    with pytest.raises(ConflictError, match="is used by run"):
        weight_jobs.delete(store, f"run {base.id}")

"""What pages and commands do with jobs: checked before queueing, one of each, nothing in use deleted."""

import dataclasses

import pytest

from tlcore import jobs
from tlcore.config import RunConfig, parse
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.store import DatasetRecord, JobState, Store

PETS = DatasetRecord("pets-1", "pets", ("cat", "dog", "fox"), 90, "pets.zip", "2026-01-01T00:00:00Z", {}, 3456)


@pytest.fixture
def woken(monkeypatch) -> list:
    """Workspaces for which a supervisor was asked for; none is started."""
    asked: list = []
    monkeypatch.setattr(jobs, "ensure_supervisor", asked.append)
    return asked


@pytest.fixture
def store(workspace, woken):
    store = Store.open(workspace)
    store.add_dataset(PETS)
    yield store
    store.close()


def config(**changes) -> RunConfig:
    return parse({"dataset": "pets", **changes})


def test_a_run_is_queued_with_all_that_its_worker_needs(store, workspace, woken):
    run_id = jobs.submit_run(store, workspace, config(name="mine", classes=["cat", "fox"]))
    job = store.job(run_id)
    assert (job.kind, job.title, job.state) == ("train", "mine", JobState.queued)
    assert job.payload["dataset_id"] == PETS.id and job.config == config(name="mine", classes=["cat", "fox"])
    assert woken == [workspace]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset": "cars"}, "dataset 'cars' not found. Datasets here: pets"),
        ({"classes": ["cat", "cow"]}, "no class 'cow'. Its classes: cat, dog, fox"),
        ({"backbone": {"name": "ResNet51"}}, "ResNet51"),
        ({"backbone": {"name": "VGG16", "weights": "imagenet", "input_size": 16}}, "VGG16 needs 32 or more"),
        ({"freeze": {"trainable_blocks": 99}}, "trainable_blocks 99 is too many"),
        ({"backbone": {"name": "VGG16", "weights": "bundled"}}, "weights 'bundled' don't exist for VGG16"),
    ],
)
def test_a_run_that_cannot_work_is_refused_before_it_is_queued(store, workspace, woken, changes, says):
    with pytest.raises((InputError, NotFoundError), match=says):
        jobs.submit_run(store, workspace, config(**changes))
    assert store.jobs() == [] and woken == []


def test_a_double_click_starts_one_run(store, workspace):
    first = jobs.submit_run(store, workspace, config(), token="click")
    assert jobs.submit_run(store, workspace, config(), token="click") == first
    assert jobs.submit_run(store, workspace, config()) != first


def test_an_ingest_takes_a_name_that_is_free(store, workspace):
    job = store.job(jobs.submit_ingest(store, workspace, "digits"))
    assert (job.kind, job.title, job.payload) == ("ingest", "Add digits", {"source": "digits", "name": None})
    with pytest.raises(ConflictError, match="'pets' exists already"):
        jobs.submit_ingest(store, workspace, "digits", "pets")
    with pytest.raises(ConflictError, match="'pets' exists already"):
        jobs.submit_ingest(store, workspace, "/data/pets.zip")


def test_a_path_is_kept_whole_since_the_worker_runs_elsewhere(store, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = store.job(jobs.submit_ingest(store, workspace, "cars.zip"))
    assert job.payload["source"] == str(tmp_path / "cars.zip")


def test_only_what_ended_without_being_done_can_be_resumed(store, workspace, woken):
    run_id = jobs.submit_run(store, workspace, config())
    with pytest.raises(ConflictError, match=f"run {run_id} is queued"):
        jobs.resume(store, run_id)
    assert jobs.cancel(store, run_id) == JobState.cancelled
    jobs.resume(store, run_id)
    assert store.job(run_id).state == JobState.queued and len(woken) == 2
    job = store.claim("w")
    store.finish(job, JobState.done, result={})
    with pytest.raises(ConflictError, match=f"run {run_id} is done"):
        jobs.resume(store, run_id)
    with pytest.raises(NotFoundError):
        jobs.resume(store, 99)
    with pytest.raises(NotFoundError):
        jobs.cancel(store, 99)


def test_a_run_is_deleted_with_its_files_when_it_has_ended(store, workspace):
    run_id = jobs.submit_run(store, workspace, config())
    workspace.run(run_id).mkdir()
    (workspace.run(run_id) / "model.keras").write_text("x")
    with pytest.raises(ConflictError, match="Cancel it, then delete it"):
        jobs.delete_run(store, workspace, run_id)
    assert (workspace.run(run_id) / "model.keras").exists()
    jobs.cancel(store, run_id)
    jobs.delete_run(store, workspace, run_id)
    assert list(workspace.runs.iterdir()) == []
    with pytest.raises(NotFoundError):
        jobs.delete_run(store, workspace, run_id)


def test_a_dataset_in_use_is_kept_and_its_runs_are_named(store, workspace):
    run_id = jobs.submit_run(store, workspace, config(name="mine"))
    workspace.dataset(PETS.id).mkdir()
    with pytest.raises(ConflictError, match=rf"used by run {run_id} \(mine\)"):
        jobs.delete_dataset(store, workspace, "pets")
    assert workspace.dataset(PETS.id).exists()
    jobs.cancel(store, run_id)
    jobs.delete_run(store, workspace, run_id)
    jobs.delete_dataset(store, workspace, "pets")
    assert store.datasets() == [] and list(workspace.datasets.iterdir()) == []


def test_reaping_ends_the_jobs_of_dead_workers_only(store, workspace):
    from tlcore import locks

    lost, alive = (jobs.submit_run(store, workspace, config()) for _ in range(2))
    store.claim("dead")
    lock = locks.take_owner_lock(workspace.locks, "alive")
    store.claim("alive")
    assert jobs.reap(store) == [lost]
    assert store.job(lost).state == JobState.interrupted and store.job(alive).state == JobState.running
    lock.release()
    store.request_cancel(alive)
    assert jobs.reap(store) == [alive]
    assert store.job(alive).state == JobState.cancelled


def test_waiting_ends_with_the_job_or_with_patience(store, workspace):
    run_id = jobs.submit_run(store, workspace, config())
    assert jobs.wait(store, run_id, timeout_s=0.2).state == JobState.queued
    jobs.cancel(store, run_id)
    assert jobs.wait(store, run_id).state == JobState.cancelled


def test_job_figures_are_snapshots(store, workspace):
    job = store.job(jobs.submit_run(store, workspace, config()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.state = JobState.done  # type: ignore[misc]

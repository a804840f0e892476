"""What pages and commands do with jobs: checked before queueing, one of each, nothing in use deleted."""

import dataclasses

import pytest

from tlcore import devices, exports, jobs, run_jobs
from tlcore.config import RunConfig, parse
from tlcore.errors import ConflictError, InputError, NotFoundError, ResourceError
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


def test_a_run_with_a_source_names_it_for_its_worker_and_keeps_it(store, workspace):
    photos = dataclasses.replace(PETS, id="photos-1", name="photos", classes=("dog", "cat", "emu"))
    store.add_dataset(photos)
    with pytest.raises(NotFoundError, match="dataset 'nothing' not found"):
        jobs.submit_run(store, workspace, config(source={"dataset": "nothing"}))
    with pytest.raises(InputError, match="source 'photos' has no class 'fox', which the target 'pets' has"):
        jobs.submit_run(store, workspace, config(source={"dataset": "photos"}))
    run = jobs.submit_run(store, workspace, config(source={"dataset": "photos"}, classes=["cat", "dog"]))
    assert store.job(run).payload["source_id"] == "photos-1"
    with pytest.raises(ConflictError, match=f"dataset 'photos' is used by run {run}"):
        jobs.delete_dataset(store, workspace, "photos")
    same = jobs.submit_run(store, workspace, config(source={"dataset": "pets"}))
    assert store.job(same).payload["source_id"] == store.job(same).payload["dataset_id"] == "pets-1"
    assert "source_id" not in store.job(jobs.submit_run(store, workspace, config())).payload


@pytest.mark.parametrize(("here", "says"), [(0, "has no graphics card to use. Set it to 1"), (2, "has 2 graphics cards to use. Set it to 2")])
def test_a_run_that_asks_for_more_cards_than_there_are_is_refused(store, workspace, monkeypatch, here, says):
    cards = tuple(devices.Card(str(number), "NVIDIA T4") for number in range(here))
    monkeypatch.setattr(devices, "plan", lambda: devices.Plan(cards, libraries=True))
    with pytest.raises(InputError, match=f"train.devices 3 is too many: this machine {says}"):
        jobs.submit_run(store, workspace, config(train={"devices": 3}))
    jobs.submit_run(store, workspace, config(train={"devices": here or 1}))


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


@pytest.mark.parametrize(("source", "kept"), [("~/pets2", "home/pets2"), ("pets2", "here/pets2"), ("../pets2.zip", "pets2.zip")])
def test_a_path_is_kept_as_the_person_meant_it(store, workspace, tmp_path, monkeypatch, source, kept):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    job = store.job(jobs.submit_ingest(store, workspace, source))
    assert job.payload["source"] == str(tmp_path / kept) and job.title == "Add pets2"


@pytest.mark.parametrize("source", ["", "  ", "a\0b", "~nobody-has-this-name/pets"])
def test_what_cannot_be_a_path_is_refused_before_it_is_queued(store, workspace, source):
    with pytest.raises(InputError, match="can't be the path"):
        jobs.submit_ingest(store, workspace, source)
    assert store.jobs() == []


def test_one_import_a_name_at_a_time(store, workspace):
    first = jobs.submit_ingest(store, workspace, "digits", token="click")
    with pytest.raises(ConflictError, match="'digits' is being added already"):
        jobs.submit_ingest(store, workspace, "digits")
    assert jobs.submit_ingest(store, workspace, "digits", token="click") == first
    jobs.cancel(store, first)
    second = jobs.submit_ingest(store, workspace, "/data/digits.zip")
    with pytest.raises(ConflictError, match="'digits' is being added already"):
        jobs.resume(store, first)
    jobs.cancel(store, second)
    jobs.resume(store, first)
    assert [job.id for job in store.jobs(states=[JobState.queued])] == [first]


def test_an_ended_import_is_dismissed_with_its_upload(store, workspace):
    upload = workspace.uploads / "ab.zip"
    upload.write_bytes(b"x")
    failed, other = (jobs.submit_ingest(store, workspace, str(upload), name) for name in ("one", "two"))
    with pytest.raises(ConflictError, match="Cancel it"):
        jobs.dismiss(store, failed)
    jobs.cancel(store, failed)
    jobs.dismiss(store, failed)
    assert upload.exists()  # The other import needs it.
    jobs.cancel(store, other)
    jobs.dismiss(store, other)
    assert not upload.exists() and store.jobs() == []


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


def test_a_file_is_asked_for_once_and_only_of_a_run_that_is_done(store, workspace, woken):
    onnx, small = exports.kind_of("onnx"), exports.kind_of("litert", int8=True)
    run_id = jobs.submit_run(store, workspace, config())
    with pytest.raises(ConflictError, match=f"run {run_id} has no finished model"):
        run_jobs.submit_export(store, run_id, onnx)
    store.finish(store.claim("w"), JobState.done, result={})
    asked = run_jobs.submit_export(store, run_id, onnx)
    assert run_jobs.submit_export(store, run_id, onnx) == asked == run_jobs.latest_export(store, run_id, onnx).id
    assert run_jobs.latest_export(store, run_id, small) is None
    assert run_jobs.submit_export(store, run_id, small) != asked
    store.finish(store.claim("w", "export"), JobState.failed, error="no weights")
    assert run_jobs.submit_export(store, run_id, onnx) != asked, "after a failure it can be asked for again"
    assert run_jobs.latest_export(store, run_id + 1, onnx) is None
    with pytest.raises(ConflictError):
        run_jobs.submit_export(store, asked, onnx)


def test_a_format_whose_library_is_missing_is_refused_before_anything_is_queued(store, workspace, woken, monkeypatch):
    run_id = jobs.submit_run(store, workspace, config())
    store.finish(store.claim("w"), JobState.done, result={})
    monkeypatch.setattr(exports.importlib.util, "find_spec", lambda name: None if name in ("tf2onnx", "nncf") else object())
    with pytest.raises(ResourceError, match=r"^ONNX needs tf2onnx, which this machine lacks. Install it: pip install tf2onnx$"):
        run_jobs.submit_export(store, run_id, exports.kind_of("onnx"))
    assert exports.kind_of("openvino", int8=True).missing == ("nncf",) and not exports.kind_of("openvino").missing
    assert store.jobs("export") == []


def test_a_format_that_is_not_there_and_an_int8_that_is_not_get_a_sentence():
    with pytest.raises(InputError, match="no format 'pickle'. Choose one of: keras, savedmodel, litert, onnx, openvino"):
        exports.kind_of("pickle")
    with pytest.raises(InputError, match="ONNX has no int8 here. Leave it off, or choose one of: litert, openvino"):
        exports.kind_of("onnx", int8=True)
    assert [kind.name for kind in exports.kinds()] == ["keras", "savedmodel", "litert", "litert-int8", "onnx", "openvino", "openvino-int8"]


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
    importing = jobs.submit_ingest(store, workspace, "digits")
    store.claim("dead", "ingest")
    assert sorted(jobs.reap(store)) == [lost, importing]
    assert "lower train.batch_size" in store.job(lost).error and "last finished epoch" in store.job(lost).error
    assert "epoch" not in store.job(importing).error and "try it again" in store.job(importing).error
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

"""The worker's reporter and how a job ends, in this process where no other one is needed."""

import errno
import os
import sqlite3
import sys
import types

import pytest

import tlcore.nn
from tests.datasets.samples import pets, small_dataset, zip_bytes
from tlcore import demo, jobs, schema, store_reporter, tasks
from tlcore.config import parse
from tlcore.errors import Cancelled, InputError, Superseded
from tlcore.store import DatasetRecord, JobState, Store
from tlcore.store_reporter import StoreReporter
from tlcore.tasks import Outcome
from tlcore.worker import run_job, sentence


@pytest.fixture
def job(store):
    store.add_job("train", "t", {})
    return store.claim("w")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reporter(store, job, workspace, clock):
    workspace.run(job.id).mkdir()
    return StoreReporter(store, job, workspace.run(job.id), clock)


def test_a_run_gets_its_source_as_a_dataset_and_a_run_without_one_gets_none(store, workspace, monkeypatch):
    asked = []
    fake = types.SimpleNamespace(run=lambda config, dataset, *others, **more: asked.append((dataset.id, {name: value.id for name, value in more.items()})) or {})
    monkeypatch.setitem(sys.modules, "tlcore.nn.training", fake)
    monkeypatch.setattr(tlcore.nn, "training", fake, raising=False)
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    ids = {name: small_dataset(workspace, list(range(24)), ["a"] * 12 + ["b"] * 12, name=name) for name in ("pets", "photos")}
    for dataset in ids.values():
        store.add_dataset(jobs.dataset_record(dataset, workspace))
    for source in (None, "photos", "pets"):
        jobs.submit_run(store, workspace, parse({"dataset": "pets", "source": {"dataset": source}}), forecast={})
        assert run_job(store, store.claim("w", "train"), tasks.train) == JobState.done
    pets, photos = ids["pets"].id, ids["photos"].id
    assert asked == [(pets, {}), (pets, {"source": photos}), (pets, {"source": pets})]


def test_progress_is_written_at_most_five_times_a_second(store, job, reporter, clock):
    before = store.job(job.id)
    written = set()
    for step in range(1000):
        clock.now_s += 0.002
        reporter.progress(step / 1000, f"step {step}")
        written.add(store.job(job.id).progress)
    assert 9 <= len(written - {before.progress}) <= 11
    assert 1.7 <= store.job(job.id).worked_s <= 2.0


def test_a_phase_is_shown_at_once_and_its_seconds_add_up(store, job, reporter, clock):
    for name, seconds in (("features", 2.0), ("train", 3.0), ("features", 1.0)):
        reporter.phase(name)
        assert store.job(job.id).phase == name
        clock.now_s += seconds
    assert reporter.phases() == {"features": 3.0, "train": 3.0}


def test_check_hears_a_cancel_and_a_successor_within_half_a_second(store, job, reporter, clock):
    reporter.check()
    store.request_cancel(job.id)
    reporter.check()  # Too soon to look again.
    clock.now_s += 0.5
    with pytest.raises(Cancelled):
        reporter.check()
    assert store.give_up(job, "gone")
    clock.now_s += 0.5
    with pytest.raises(Superseded):
        reporter.check()


def test_a_locked_store_costs_progress_but_not_the_run(workspace, job, reporter, clock, monkeypatch):
    other = sqlite3.connect(workspace.root / "store.db", isolation_level=None)
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.1)
    impatient = StoreReporter(Store.open(workspace), job, workspace.run(job.id), clock)
    other.execute("BEGIN IMMEDIATE")
    clock.now_s += 1
    impatient.progress(0.5)
    impatient.check()
    monkeypatch.setattr(store_reporter, "PATIENCE_S", 0.0)
    with pytest.raises(Exception, match="locked by another process"):
        impatient.log("a line that matters")
    other.execute("ROLLBACK")
    impatient.log("a line that matters")


def test_an_epoch_carries_hash_and_time_of_all_attempts(store, job, reporter, clock, workspace):
    checkpoint = workspace.run(job.id) / "checkpoint-1.npz"
    checkpoint.write_bytes(b"abc")
    clock.now_s += 4
    reporter.epoch(1, {"loss": 0.5, "seconds": 1.0}, checkpoint)
    (record,) = store.epoch_records(job.id)
    assert record.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (record.epoch, record.seconds, record.metrics) == (1, 4.0, {"loss": 0.5})


@pytest.mark.parametrize(
    ("problem", "state", "says", "traced"),
    [
        (InputError("pets.zip: no pictures. Add some."), JobState.failed, "pets.zip: no pictures. Add some.", False),
        (Cancelled("Cancelled."), JobState.cancelled, None, False),
        (MemoryError(), JobState.failed, "Lower train.batch_size", True),
        (OSError(errno.ENOSPC, "No space"), JobState.failed, "Free some space, then resume", True),
        (KeyError("x"), JobState.failed, "unexpected error (KeyError: 'x')", True),
        (SystemExit(3), JobState.failed, "unexpected error (SystemExit: 3)", True),
    ],
)
def test_each_end_has_its_state_and_its_sentence(store, job, problem, state, says, traced):
    def execute(*_):
        raise problem

    assert run_job(store, job, execute) == state
    ended = store.job(job.id)
    assert (ended.state == state and (ended.error or "").endswith(says or "")) or says in ended.error
    assert (ended.traceback is not None) is traced


def test_a_superseded_attempt_ends_without_a_word(store, job):
    def execute(job, store, run_dir, reporter):
        assert store.give_up(job, "gone")
        reporter.log("late")
        return Outcome({})

    with pytest.raises(Superseded):
        run_job(store, job, execute)
    assert store.job(job.id).state == JobState.interrupted


def test_a_dataset_whose_name_was_taken_meanwhile_is_removed_and_told(store, job, workspace):
    record = DatasetRecord("pets-1", "pets", ("a", "b"), 2, "pets.zip", "2026", {}, 1)
    store.add_dataset(record)
    other = DatasetRecord("pets-2", "pets", ("a", "b"), 2, "pets.zip", "2026", {}, 1)

    def execute(*_):
        workspace.dataset(other.id).mkdir()
        return Outcome({}, other)

    assert run_job(store, job, execute) == JobState.failed
    assert "'pets' exists already" in (store.job(job.id).error or "")
    assert not workspace.dataset(other.id).exists() and store.datasets() == [record]


def test_memory_errors_of_the_engine_are_told_like_others():
    class ResourceExhaustedError(Exception):
        pass

    assert "ran out of memory" in sentence(ResourceExhaustedError("OOM when allocating"))


def import_upload(store, workspace, name: str) -> JobState:
    """Carry out the import that waits, by the worker's own function."""
    return run_job(store, store.claim(name), tasks.ingest)


def test_an_upload_serves_every_import_that_names_it_and_is_deleted_after_the_last(store, workspace):
    upload = workspace.uploads / f"{'ab' * 32}.zip"
    upload.write_bytes(zip_bytes(pets()))
    for name in ("one", "two"):
        store.add_job("ingest", name, {"source": str(upload), "name": name, "uploaded_as": "my\npets.zip" if name == "two" else "pets.zip"})
    assert import_upload(store, workspace, "one") == JobState.done and upload.exists()
    assert import_upload(store, workspace, "two") == JobState.done and not upload.exists()
    assert [record.name for record in store.datasets()] == ["one", "two"]
    assert store.dataset("one").source == "uploaded 'pets.zip'"
    assert store.dataset("two").source.startswith("uploaded 'my�pets.zip…'")


def test_an_upload_stays_when_the_import_failed_or_it_was_received_again(store, workspace):
    upload = workspace.uploads / f"{'ab' * 32}.zip"
    upload.write_bytes(zip_bytes(pets()))
    store.add_dataset(DatasetRecord("pets-1", "pets", ("a", "b"), 2, "pets.zip", "2026", {}, 1))
    failed = store.add_job("ingest", "t", {"source": str(upload), "name": "pets"})
    assert import_upload(store, workspace, "w") == JobState.failed and upload.exists()
    assert store.delete_job(failed)  # So that nothing but the file's age speaks for it.
    job_id = store.add_job("ingest", "t", {"source": str(upload), "name": "cars"})
    later = store.job(job_id).created_at + 5
    os.utime(upload, (later, later))
    assert import_upload(store, workspace, "w") == JobState.done and upload.exists()


def test_a_recorded_dataset_bears_no_mark_and_one_of_a_superseded_import_goes(store, workspace):
    store.add_job("ingest", "t", {"source": "digits", "name": None})
    assert import_upload(store, workspace, "w") == JobState.done
    (folder,) = workspace.datasets.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.json", "pictures.arrow"]
    store.add_job("ingest", "t", {"source": "digits", "name": "again"})

    def superseded_at_the_end(job, store, run_dir, reporter):
        outcome = tasks.ingest(job, store, run_dir, reporter)
        assert workspace.unlisted(outcome.dataset.id).exists() and store.give_up(job, "gone")
        return outcome

    with pytest.raises(Superseded):
        run_job(store, store.claim("w"), superseded_at_the_end)
    assert list(workspace.datasets.iterdir()) == [folder]


def test_the_copy_of_the_slower_of_two_that_add_the_digits_is_removed(store, workspace, monkeypatch):
    add_first = demo.add_dataset

    def overtaken(*arguments):
        monkeypatch.setattr(demo, "add_dataset", add_first)
        demo.ensure_built_in("digits", store, workspace)
        return add_first(*arguments)

    monkeypatch.setattr(demo, "add_dataset", overtaken)
    demo.ensure_built_in("digits", store, workspace)
    assert [path.name for path in workspace.datasets.iterdir()] == [store.dataset("digits").id]

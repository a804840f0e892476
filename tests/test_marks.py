"""Marked pictures are remembered with their dataset, and a revision leaves them out."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets.samples import digit_png, pets, write_folder
from tlcore import jobs, revisions
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.sources import add_dataset
from tlcore.errors import ConflictError, InputError
from tlcore.reporter import NullReporter
from tlcore.store import JobState, Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job


@pytest.fixture
def store(workspace, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    store = Store.open(workspace)
    yield store
    store.close()


@pytest.fixture
def dataset(store, workspace, tmp_path) -> Dataset:
    """Four cats, one of them twice, and three dogs."""
    files = pets(4, 3) | {"cat/again.png": digit_png(0)}
    dataset = add_dataset(write_folder(tmp_path / "pets", files), "pets", workspace, NullReporter())
    store.add_dataset(jobs.dataset_record(dataset, workspace))
    return dataset


def test_marks_are_set_and_cleared_and_go_with_their_dataset(store, workspace, dataset):
    ids = dataset.content_ids.tolist()
    store.marks.set(dataset.id, ids[:2])
    store.marks.set(dataset.id, [*ids[1:4], ids[1]])
    assert store.marks.of(dataset.id) == set(ids[:4])
    store.marks.clear(dataset.id, [ids[0], "0" * 64])
    assert store.marks.of(dataset.id) == set(ids[1:4]) and not store.marks.of("other")
    jobs.delete_dataset(store, workspace, "pets")
    assert not store.marks.of(dataset.id)


def test_a_revision_is_the_same_but_for_the_marked_pictures_and_their_copies(store, workspace, dataset):
    twice = next(each for each in dataset.content_ids if (dataset.content_ids == each).sum() == 2)
    store.marks.set(dataset.id, [twice])
    job_id = revisions.submit(store, "pets", token="once")
    assert revisions.submit(store, "pets", token="once") == job_id
    with pytest.raises(ConflictError, match="'pets v2' is being added already"):
        revisions.submit(store, "pets")
    assert run_job(store, store.claim("w"), JOB_KINDS["ingest"]) is JobState.done
    record = store.dataset("pets v2")
    made = Dataset.open(workspace.dataset(record.id))
    kept = dataset.content_ids != twice
    assert np.array_equal(made.content_ids, dataset.content_ids[kept]) and np.array_equal(made.labels, dataset.labels[kept])
    assert made.image_bytes(0) == dataset.image_bytes(int(np.flatnonzero(kept)[0])) and record.source == "Revision of pets"
    assert "2 files left out: marked as in the wrong class." in made.report.sentences()
    assert revisions.next_name(store, "pets v2") == "pets v3"


def test_without_a_mark_there_is_nothing_to_revise(store, dataset):
    with pytest.raises(InputError, match="No picture of dataset 'pets' is marked"):
        revisions.submit(store, "pets")


def test_a_class_that_would_be_left_with_too_few_pictures_stops_the_revision(store, dataset):
    dogs = dataset.content_ids[dataset.labels == dataset.classes.index("dog")]
    revisions.submit(store, "pets", left_out=frozenset(dogs[:2]))
    assert run_job(store, store.claim("w"), JOB_KINDS["ingest"]) is JobState.failed
    assert "'dog'" in store.jobs("ingest")[0].error and [record.name for record in store.datasets()] == ["pets"]

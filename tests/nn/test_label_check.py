"""Labels that are wrong are found by features of the pretrained network, through the worker's own function."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets.samples import digit_png, write_folder
from tests.finished_run import finished_run
from tlcore import jobs, run_jobs
from tlcore.datasets.sources import add_dataset
from tlcore.label_errors import load_label_errors
from tlcore.reporter import NullReporter
from tlcore.store import JobState, Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job

WRONG = 6


@pytest.fixture
def store(workspace, monkeypatch, tmp_path):
    """Sixty noughts and sixty ones, of which some lie in the other class's folder."""
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    store = Store.open(workspace)
    files = {}
    for place in range(60):
        swapped = place < WRONG // 2
        for digit, folder in ((0, "one" if swapped else "nought"), (1, "nought" if swapped else "one")):
            files[f"{folder}/{digit}-{place}.png"] = digit_png(_nth(digit, place))
    dataset = add_dataset(write_folder(tmp_path / "ring", files), "rings", workspace, NullReporter())
    store.add_dataset(jobs.dataset_record(dataset, workspace))
    yield store
    store.close()


def _nth(digit: int, place: int) -> int:
    from sklearn.datasets import load_digits

    return int(np.flatnonzero(load_digits().target == digit)[place])


def test_pictures_in_the_wrong_folder_are_suspects_and_random_weights_are_refused(store, workspace):
    run_id = finished_run(store, workspace, dataset="rings")
    run_jobs.submit(store, "label_check", run_id)
    assert run_job(store, store.claim("w"), JOB_KINDS["label_check"]) is JobState.done
    found = load_label_errors(workspace.run(run_id))
    assert found.pictures == 120 and WRONG - 1 <= len(found.table) <= WRONG + 4
    assert run_jobs.latest(store, "label_check", run_id).result == {"run": run_id, "pictures": 120, "suspects": len(found.table)}
    jobs.delete_run(store, workspace, run_id)
    assert run_jobs.latest(store, "label_check", run_id) is None

    plain = finished_run(store, workspace, dataset="rings", backbone__weights="none")
    run_jobs.submit(store, "label_check", plain)
    assert run_job(store, store.claim("w"), JOB_KINDS["label_check"]) is JobState.failed
    assert "Look for wrong labels on a run with pretrained weights" in run_jobs.latest(store, "label_check", plain).error

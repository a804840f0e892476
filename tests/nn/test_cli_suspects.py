"""`suspects`, `map` and `data revise` on the command line, their jobs carried out in this process by the worker's own function."""

from __future__ import annotations

import json

import pytest

from tests.finished_run import finished_run
from tlcore import jobs
from tlcore.cli import main
from tlcore.store import Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job


@pytest.fixture
def store(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    store = Store.open(workspace)

    def work(_workspace):
        while (job := store.claim("w")) is not None:
            run_job(store, job, JOB_KINDS[job.kind])

    monkeypatch.setattr(jobs, "ensure_supervisor", work)
    yield store
    store.close()


def test_wrong_labels_are_looked_for_marked_and_left_out_of_a_revision(store, workspace, capsys):
    run = finished_run(store, workspace, train__epochs=2)
    assert main(["suspects", str(run), "--known"]) == 2
    assert f"nobody has looked for wrong labels with run {run} yet" in capsys.readouterr().err
    assert main(["data", "revise", "digits"]) == 2
    assert "No picture of dataset 'digits' is marked" in capsys.readouterr().err

    assert main(["suspects", str(run), "--mark", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 1797 and found["accuracy"] > 0.9 and 0 < len(found["suspects"]) == found["marked"] < 60
    assert main(["suspects", str(run), "--known"]) == 0
    assert f"{found['marked']} of the dataset are marked" in capsys.readouterr().out

    assert main(["data", "revise", "digits", "--as", "clean digits", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["dataset"] == "clean digits" and made["left_out"] == found["marked"] and made["count"] == 1797 - found["marked"]

    assert main(["map", str(run), "--json"]) == 0
    points = json.loads(capsys.readouterr().out)["points"]
    assert len(points) == 1797 and set(points[0]) == {"part", "row", "label", "x", "y"}

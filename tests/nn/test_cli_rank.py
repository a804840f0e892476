"""`rank` on the command line, its job carried out in this process by the worker's own function."""

from __future__ import annotations

import json

import pytest

from tlcore import demo, jobs
from tlcore.cli import main
from tlcore.store import Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job


@pytest.fixture
def store(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)

    def work(_workspace):
        while (job := store.claim("w")) is not None:
            run_job(store, job, JOB_KINDS[job.kind])

    monkeypatch.setattr(jobs, "ensure_supervisor", work)
    yield store
    store.close()


def test_what_is_here_is_ranked_and_what_is_not_is_named(store, capsys):
    assert main(["rank", "digits", "--classes", "1", "7"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ResNet20 is the only one that could be ranked.") and "ResNet20: No LEEP and NCE: these weights came without their classifier." in said
    assert "have them downloaded: VGG16, VGG19" in said and "arXiv:2102.11005" in said
    assert main(["rank", "digits", "--classes", "1", "7", "--backbones", "ResNet20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["rows"]
    assert document["not_here"] == [] and row["scores"]["regression"] > 0.9 and row["computed"] == 0
    assert document["classes"] == ["1", "7"] and document["answer"][0].startswith("ResNet20 is the only one")


@pytest.mark.parametrize(("words", "named"), [(["none"], "none"), (["digits", "--backbones", "ResNet21"], "is no backbone"), (["digits", "--classes", "x", "1"], "no class 'x'")])
def test_mistakes_are_one_sentence_and_queue_nothing(store, capsys, words, named):
    assert main(["rank", *words]) == 2
    assert named in capsys.readouterr().err and not store.jobs("rank")

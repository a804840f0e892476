"""`rate` and `more` on the command line, their jobs carried out in this process by the worker's own function."""

from __future__ import annotations

import json

import pytest

from tests.finished_run import finished_run
from tlcore import before_run, demo, jobs
from tlcore.cli import main
from tlcore.config import parse
from tlcore.errors import InputError
from tlcore.store import JobState, Store
from tlcore.tasks import JOB_KINDS
from tlcore.worker import run_job


@pytest.fixture
def store(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)

    def work(_workspace):
        while (job := store.claim("w")) is not None:
            run_job(store, job, JOB_KINDS[job.kind])

    monkeypatch.setattr(jobs, "ensure_supervisor", work)
    yield store
    store.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("dataset: digits\nhead: {pooling: flatten}\ntrain: {epochs: 3, batch_size: 64}\nsplit: {train_fraction: 0.5}\n")
    return str(path)


def test_a_rate_is_found_for_a_file_and_said_in_words_and_as_one_document(store, file, capsys):
    assert main(["rate", file, "--low", "1e-5", "--high", "1", "--steps", "60", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert 1e-4 < document["suggestion"] < 1e-2 and len(document["rates"]) == len(document["losses"]) <= 60 == document["planned"]
    assert document["answer"][0] == f"Try a learning rate of {document['suggestion']:g}: there the loss falls fastest."
    (job,) = store.jobs("rate")
    assert (job.id, job.state) == (document["job"], JobState.done) and job.title.startswith("Learning rate · digits")
    assert before_run.rate_found(job).suggestion == document["suggestion"]
    jobs.delete_run(store, store.workspace, job.id)
    assert not store.jobs("rate") and not store.workspace.run(job.id).exists()


def test_more_is_asked_with_the_settings_of_a_run(store, workspace, capsys):
    run = finished_run(store, workspace, train__epochs=2)
    assert main(["more", "--run", str(run)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Doubling the labels, from 1,259 to 2,518 training pictures, would bring ") and "   labels  accuracy\n      126 " in said
    (job,) = store.jobs("more")
    assert before_run.growth_found(job).labels[-1] == 1259 and job.config == store.job(run).config


def test_what_can_not_be_asked_is_refused_in_one_sentence_before_anything_is_queued(store, file, capsys):
    assert main(["rate"]) == 2 and main(["rate", file, "--run", "1"]) == 2
    assert capsys.readouterr().err == "tlcore: give either FILE.yaml or --run ID.\n" * 2
    for arguments, sentence in (
        (["--low", "2", "--high", "1"], "rates from 2 to 1 can't be tested: the lowest must be above 0, the highest above it and at most 10."),
        (["--steps", "3"], "3 mini-batches can't be tested: choose 20 to 2,000."),
    ):
        assert main(["rate", file, *arguments]) == 2
        assert capsys.readouterr().err == f"tlcore: {sentence}\n"
    for change, sentence in (
        ("backbone.weights=none", "ResNet20 begins with random weights, on which a head learns little whatever its labels. Choose other weights of the backbone."),
        ("split.train_fraction=0.1", "labelled training pictures; to see what a tenth of them would do it takes 20. Add images or drop the class."),
    ):
        assert main(["more", file, "--set", change]) == 2
        assert sentence in capsys.readouterr().err
    with pytest.raises(InputError, match="'source_only' reads no label of the target"):
        before_run.submit_more(store, parse({"dataset": "digits", "source": {"dataset": "digits"}, "strategy": {"name": "source_only"}}))
    assert not store.jobs("rate") and not store.jobs("more")

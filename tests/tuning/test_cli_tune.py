"""`tune` and `studies` on the command line, by the functions that the page calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tuning.simulated_trials import carried_out
from tests.tuning.studies import BASE, study
from tlcore.cli import main
from tlcore.store import JobState
from tlcore.tuning import jobs
from tlcore.tuning.study import read_study
from tlcore.tuning.trials import gather

pytestmark = pytest.mark.usefixtures("no_supervisor")
GRID = {"sampler": "grid", "pruner": "none", "space": {"optimizer.learning_rate": {"values": [1e-4, 1e-3, 1e-2]}}}


@pytest.fixture
def store(with_digits, workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    return with_digits


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(study(**GRID).to_yaml())
    return str(path)


def said(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_the_example_is_a_study():
    assert read_study(Path(__file__).parents[2] / "examples" / "study.yaml").settings_to_try == 30


def test_a_file_is_queued_with_changes_carried_out_and_shown(store, file, capsys, monkeypatch):
    assert main(["tune", file, "--set", "name=Mine", "--set", "seeds=2", "--set", "finalists=1"]) == 0
    shown = capsys.readouterr()
    assert "study 1 is queued: 5 runs at most, about " in shown.err and "0 of 3 settings tried" in shown.out
    assert carried_out(store, monkeypatch) is JobState.done
    assert main(["studies", "show", "1", "--json"]) == 0
    found = said(capsys)
    assert (found["name"], found["status"], found["tried"], found["asked"], found["progress"]) == ("Mine", "done", 3, 3, 1.0)
    assert [(t["number"], t["role"], t["seed"]) for t in found["trials"]] == [(0, "trial", 0), (1, "trial", 0), (2, "trial", 0), (1, "repeat", 1), (1, "final", 0)]
    assert found["best"]["values"] == {"optimizer.learning_rate": 0.001} and found["final"]["test_accuracy"] == 0.5
    assert main(["studies", "show", "1"]) == 0
    text = capsys.readouterr().out
    assert "Best: trial 1, run 3" in text and "Tested once, by run 6: test accuracy 0.5000" in text
    assert main(["studies", "list", "--json"]) == 0
    assert said(capsys)["studies"][0]["best"] == found["best"]["score"]


def test_ready_studies_are_made_of_a_run(store, tmp_path, capsys):
    run = tmp_path / "run.yaml"
    run.write_text(json.dumps(BASE))
    assert main(["tune", str(run), "--ready", "depth", "--json"]) == 0
    assert said(capsys)["settings"]["space"] == {"freeze.trainable_blocks": {"values": [0, 1, 2, 3, 4]}}
    assert main(["tune", str(run), "--ready", "quick", "--set", "train.epochs=3", "--json"]) == 0
    found = said(capsys)
    assert found["asked"] == 30 and found["settings"]["base"]["train"]["epochs"] == 3


def test_waiting_tells_each_trial_and_the_exit_status_says_how_it_ended(store, file, capsys, monkeypatch):
    series = jobs.submit(store, study(**GRID))
    assert carried_out(store, monkeypatch) is JobState.done
    monkeypatch.setattr(jobs, "go_on", lambda *_: None)
    assert main(["studies", "continue", str(series), "--wait"]) == 0
    assert "trial 1 (trial): done, validation accuracy 0.8" in capsys.readouterr().err


def test_stop_continue_promote_and_delete(store, file, capsys, monkeypatch):
    assert main(["tune", file]) == 0
    assert main(["studies", "stop", "1"]) == 0 and gather(store, 1).job.state is JobState.cancelled
    assert main(["studies", "continue", "1"]) == 0 and gather(store, 1).job.state is JobState.queued
    assert carried_out(store, monkeypatch) is JobState.done
    capsys.readouterr()
    assert main(["studies", "continue", "1"]) == 2 and "Say how many more" in capsys.readouterr().err
    assert main(["studies", "promote", "1", "2", "--json"]) == 0
    run = store.job(said(capsys)["run"])
    assert run.config.optimizer.learning_rate == 1e-2
    assert main(["studies", "delete", "1"]) == 0 and "with its 4 runs" in capsys.readouterr().out
    assert main(["studies", "show", "1"]) == 2 and "study 1 not found" in capsys.readouterr().err
    assert main(["studies", "list"]) == 0 and "No studies yet" in capsys.readouterr().out

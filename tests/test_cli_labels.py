"""`labels` on the command line: queued, waited for and shown, by the functions that the page calls."""

from __future__ import annotations

import json

import pytest

from tests import label_series
from tlcore import demo, jobs
from tlcore.cli import main
from tlcore.store import Store


@pytest.fixture
def store(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    yield store
    store.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("dataset: digits\ntrain: {epochs: 4}\n")
    return str(path)


def test_a_file_queues_all_runs_and_says_what_was_chosen(store, file, capsys):
    assert main(["labels", file, "--seeds", "2", "--epochs", "5", "--set", "train.seed=3"]) == 0
    said = capsys.readouterr().out
    (series,) = store.series.listed()
    assert said.startswith(f"series {series.id}: 18 runs are queued, about ") and "Each has 5 epochs at most" in said
    assert f"no finished run yet: python -m tlcore labels --series {series.id}" in said
    assert {job.config.train.seed for job in store.series.jobs(series.id)} == {3, 4}


def test_a_series_is_waited_for_and_shown_as_text_and_as_one_document(store, capsys):
    series = label_series.queued(store)
    label_series.end(store)
    assert main(["labels", "--series", str(series), "--wait", "--json"]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert (document["series"], document["states"], len(document["points"]), len(document["runs"])) == (series, {"done": 27}, 9, 27)
    assert document["points"][0] == {"strategy": "frozen", "labels": 60, "accuracy": pytest.approx(0.72), "low": pytest.approx(0.67031, abs=1e-4), "high": pytest.approx(0.76969, abs=1e-4), "runs": 3, "val_labels": 8}
    assert "test accuracy 0.7000, 1.0 s" in shown.err
    assert main(["labels", "--series", str(series)]) == 0
    assert document["answer"][0] in capsys.readouterr().out and document["answer"][0].endswith("40.0 points gained (35.0 to 45.0).")


def test_runs_that_came_to_nothing_are_told_by_the_exit_status(store, capsys):
    series = label_series.queued(store)
    label_series.end(store, 20)
    for job in store.series.jobs(series):
        jobs.cancel(store, job.id)
    assert main(["labels", "--series", str(series), "--wait"]) == 1
    assert "20 of 27 done, 7 cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named"),
    [([], "either FILE.yaml or --series ID"), (["--series", "9"], "series 9 not found"), (["FILE", "--seeds", "11"], "1 to 10"), (["FILE", "--set", "classes=['1', 'x']"], "no class 'x'"), (["FILE", "--set", "backbone.weights=none"], "nothing to transfer")],
)
def test_mistakes_are_one_sentence_and_queue_nothing(store, file, capsys, words, named):
    assert main(["labels", *(file if word == "FILE" else word for word in words)]) == 2
    assert named in capsys.readouterr().err and store.count() == 0


def test_a_series_of_another_kind_is_not_shown(store, capsys):
    made = store.series.add("study", "other", {})
    assert main(["labels", "--series", str(made)]) == 2
    assert "is no label curve" in capsys.readouterr().err

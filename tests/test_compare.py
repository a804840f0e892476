"""Runs are compared on equal test pictures only, and what differs is named."""

from __future__ import annotations

import json

import pytest

from tests.finished_run import finished_run, running_run
from tlcore.compare import compare_runs, differing_settings
from tlcore.config import parse
from tlcore.errors import ConflictError, InputError
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """One workspace for the file: finished runs never change."""
    return Workspace(tmp_path_factory.mktemp("compared") / "workspace").create()


@pytest.fixture(scope="module")
def store(workspace) -> Store:
    return Store.open(workspace)


@pytest.fixture(scope="module")
def pair(store, workspace):
    """Two finished runs that differ in step size and length."""
    ids = [
        finished_run(store, workspace, name="short", train__epochs=2),
        finished_run(store, workspace, name="long", train__epochs=5, optimizer__learning_rate=0.003),
    ]
    return [store.job(run) for run in ids]


def test_figures_stand_side_by_side(pair, workspace):
    comparison = compare_runs(pair, workspace)
    table = comparison.metrics.set_index("title")
    assert table["run"].tolist() == [run.id for run in pair]
    assert table["accuracy"].tolist() == [run.result["test_accuracy"] for run in pair]
    assert table["epochs"].tolist() == [2, 5]
    assert table.loc["long", "accuracy"] > 0.85
    assert set(comparison.predictions) == {run.id for run in pair}


def test_only_settings_that_differ_are_listed(pair, workspace):
    settings = compare_runs(pair, workspace).settings
    assert settings.values.tolist() == [["optimizer.learning_rate", "0.01", "0.003"], ["train.epochs", "2", "5"]]
    assert list(settings.columns) == ["setting", str(pair[0].id), str(pair[1].id)]


def test_lists_and_missing_values_are_readable():
    one, other = parse({"dataset": "d", "classes": ["cat", "dog"]}), parse({"dataset": "d"})
    assert differing_settings({1: one, 2: other}).values.tolist() == [["classes", "cat, dog", "–"]]


def test_a_training_share_or_seed_does_not_stand_in_the_way(pair, store, workspace):
    other = store.job(finished_run(store, workspace, split__train_fraction=0.5, train__seed=7))
    assert len(compare_runs([pair[0], other], workspace).metrics) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"split__seed": 5}, r"split seed \(0 against 5\)"),
        ({"split__test_fraction": 0.3}, r"test share \(0\.2 against 0\.3\)"),
        ({"classes": ["3", "8"]}, r"classes \(0, 1, 2, 3, 4 and 5 more against 3, 8\)"),
        ({"dataset": "digits-textures"}, r"dataset \(digits against digits-textures\)"),
    ],
)
def test_other_test_pictures_are_refused_with_the_reason(pair, store, workspace, changes, named):
    other = store.job(finished_run(store, workspace, **changes))
    with pytest.raises(ConflictError, match=rf"Runs {pair[0].id} and {other.id} were tested on other pictures .*{named}"):
        compare_runs([pair[0], pair[1], other], workspace)


def test_an_unfinished_run_is_refused(pair, store, workspace):
    job, _ = running_run(store, workspace, epochs=1)
    with pytest.raises(ConflictError, match=f"run {job.id} is running"):
        compare_runs([pair[0], job], workspace)
    store.finish(job, JobState.cancelled)
    with pytest.raises(ConflictError, match=f"run {job.id} is cancelled"):
        compare_runs([store.job(job.id), pair[0]], workspace)


def test_two_to_eight_different_runs(pair, workspace):
    for runs in ([], pair[:1], [pair[0], pair[0]]):
        with pytest.raises(InputError, match="2 to 8 different runs"):
            compare_runs(runs, workspace)


def test_the_document_is_json(pair, workspace):
    document = json.loads(json.dumps(compare_runs(pair, workspace).to_document()))
    assert [row["run"] for row in document["runs"]] == [run.id for run in pair]
    assert [row["setting"] for row in document["settings_that_differ"]] == ["optimizer.learning_rate", "train.epochs"]

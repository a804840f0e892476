"""Runs are compared on equal test pictures only, and what differs is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.finished_run import finished_run, finished_trial, running_run
from tlcore.compare import OtherPictures, compare_runs, differing_settings, on_common_pictures
from tlcore.config import parse
from tlcore.errors import ConflictError, InputError
from tlcore.figure_words import written
from tlcore.intervals import intervals
from tlcore.results import SUMMARY, Predictions, load_predictions
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


def test_trials_are_compared_with_each_other_on_their_validation_pictures_and_with_nothing_else(pair, store, workspace):
    trials = [store.job(finished_trial(store, workspace, name=name, train__epochs=epochs)) for name, epochs in (("one", 2), ("two", 4))]
    comparison = compare_runs(trials, workspace)
    assert comparison.pictures == "validation pictures" and comparison.to_document()["compared_on"] == "validation pictures"
    assert comparison.metrics["accuracy"].tolist() == [run.result["val"]["accuracy"] for run in trials]
    with pytest.raises(ConflictError, match=rf"judged by their validation pictures: run {trials[0].id}\."):
        compare_runs([pair[0], trials[0]], workspace)


def test_the_time_for_a_picture_stands_beside_the_other_costs_and_a_dash_where_none_was_measured(pair, workspace):
    summary = workspace.run(pair[0].id) / SUMMARY
    kept = summary.read_text(encoding="utf-8")
    try:
        summary.write_text(json.dumps(json.loads(kept) | {"latency_ms": None}), encoding="utf-8")
        comparison = compare_runs(pair, workspace)
    finally:
        summary.write_text(kept, encoding="utf-8")
    assert [row["latency_ms"] for row in comparison.to_document()["runs"]] == [None, 0.25]
    assert [written("latency_ms", value) for value in comparison.metrics["latency_ms"]] == ["–", "0.25 ms"]


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


def test_every_run_that_was_tested_on_others_is_named_and_the_common_pictures_are_those_of_all(pair, store, workspace):
    others = [store.job(finished_run(store, workspace, **changes)) for changes in ({"split__seed": 5}, {"split__seed": 6}, {"classes": ["3", "8"]})]
    with pytest.raises(OtherPictures) as refused:
        compare_runs([*pair, *others[:2]], workspace)
    a, b = (run.id for run in others[:2])
    assert f"Runs {pair[0].id} and {a} were tested on other pictures" in str(refused.value)
    assert f"So were, against run {pair[0].id}: run {b} (359 pictures): they differ in split seed (0 against 6)." in str(refused.value)
    assert f"tested on, take runs {a} and {b} out, or clone them with the settings of run {pair[0].id}." in str(refused.value)
    assert refused.value.pictures == {run.id: 359 for run in (*pair, *others[:2])}
    assert refused.value.common == len(compare_runs([*pair, *others[:2]], workspace, common=True).labels) > 0
    with pytest.raises(OtherPictures, match="With other classes") as refused:
        compare_runs([pair[0], others[0], others[2]], workspace)
    assert refused.value.common == 0, "not even where two of them share some"


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


def test_other_test_pictures_can_be_restricted_to_the_common_ones(pair, store, workspace):
    other = store.job(finished_run(store, workspace, split__seed=5))
    with pytest.raises(OtherPictures) as refused:
        compare_runs([pair[0], other], workspace)
    comparison = compare_runs([pair[0], other], workspace, common=True)
    ids = [load_predictions(workspace.run(run.id)).content_ids for run in (pair[0], other)]
    assert len(comparison.labels) == refused.value.common == len(np.intersect1d(*ids)) > 0
    assert comparison.left_out == {run.id: len(each) - len(comparison.labels) for run, each in zip((pair[0], other), ids, strict=True)}
    first, second = comparison.predictions.values()
    assert first.content_ids.tolist() == second.content_ids.tolist() and first.labels.tolist() == second.labels.tolist()
    whole = load_predictions(workspace.run(other.id))
    at = {content_id: row for row, content_id in enumerate(whole.content_ids)}
    assert all(np.array_equal(whole.probabilities[at[content_id]], given) for content_id, given in zip(second.content_ids, second.probabilities, strict=True))


def test_other_classes_are_refused_even_so(pair, store, workspace):
    other = store.job(finished_run(store, workspace, classes=["3", "8"]))
    with pytest.raises(OtherPictures, match="classes") as refused:
        compare_runs([pair[0], other], workspace, common=True)
    assert refused.value.common == 0 and "common ones" not in str(refused.value)
    ids = [load_predictions(workspace.run(run.id)).content_ids for run in (pair[0], other)]
    assert f"({len(ids[0])} and {len(ids[1])} pictures, {len(np.intersect1d(*ids))} of them in both)" in str(refused.value)
    assert len(np.intersect1d(*ids)) > 0, "a class has another number in each, but its pictures are the same"


def test_predictions_in_another_order_are_aligned_also_of_equal_pictures():
    ids, labels = np.array(["a", "b", "a", "c"]), np.array([0, 1, 0, 1])
    one = Predictions("test", np.arange(4), ids, labels, np.array([[0.9, 0.1], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7]], np.float32), ("x", "y"))
    found = on_common_pictures({1: one, 2: one.take(np.array([3, 2, 1, 0])), 3: one.take(np.array([0, 1, 2]))})
    assert [each.content_ids.tolist() for each in found.values()] == [["a", "b", "a"]] * 3
    assert all(np.array_equal(each.probabilities, one.probabilities[:3]) for each in found.values())


def test_everything_about_a_pair_is_computed_from_the_same_pictures(pair, workspace):
    comparison = compare_runs(pair, workspace)
    one, other = (run.id for run in pair)
    for name, alone in intervals(comparison.labels, comparison.predictions[one].probabilities).items():
        assert comparison.intervals[one][name] == pytest.approx(alone, abs=1e-6), name  # Sums of float32 in another order.
    [tested] = comparison.pairs
    accuracies = comparison.metrics["accuracy"].tolist()
    assert tested.differences["accuracy"].value == pytest.approx(accuracies[1] - accuracies[0])
    changes = comparison.confusion_difference(one, other)
    assert changes["difference"].sum() == 0 and len(comparison.disagreements) == round((1 - tested.agreement) * len(comparison.labels))
    assert comparison.best["accuracy"] == tested.differences["accuracy"].better


def test_runs_that_differ_only_in_the_seed_are_one_group(pair, store, workspace):
    again = store.job(finished_run(store, workspace, name="again", train__epochs=2, train__seed=7))
    comparison = compare_runs([*pair, again], workspace)
    assert comparison.same_but_seed == [(pair[0].id, again.id), (pair[1].id,)]
    [row] = comparison.groups.to_dict("records")
    values = comparison.metrics.set_index("run")["accuracy"]
    assert row["accuracy_mean"] == pytest.approx((values[pair[0].id] + values[again.id]) / 2) and row["count"] == 2
    document = json.loads(json.dumps(comparison.to_document()))
    assert document["same_but_seed"][0]["runs"] == [pair[0].id, again.id] and len(document["pairs"]) == 3
    assert document["pairs"][0]["in_words"].endswith("points can't be told apart.") and document["pictures"] == len(comparison.labels)


def test_figures_to_take_along_have_their_intervals_and_the_best_marked(pair, workspace):
    comparison = compare_runs(pair, workspace)
    table = comparison.figures().set_index("run")
    for run in comparison.runs:
        assert (table.loc[run, "auc_low"], table.loc[run, "auc_high"]) == comparison.intervals[run]["auc"]
        assert table.loc[run, "accuracy_best"] == (comparison.best["accuracy"] == run)
    assert table["epochs"].tolist() == [2, 5]


def test_classes_that_differ_most_come_first(pair, workspace):
    comparison = compare_runs(pair, workspace)
    table, (one, other) = comparison.by_class("recall"), (str(run.id) for run in pair)
    assert table["spread"].is_monotonic_decreasing and (table["spread"] == (table[one] - table[other]).abs()).all()
    recall = comparison.predictions[pair[0].id].per_class.set_index("class")["recall"]
    assert table.set_index("class")[one].sort_index().tolist() == recall.sort_index().tolist()
    assert table["support"].sum() == len(comparison.labels)


def test_runs_are_compared_on_their_source_where_its_pictures_are_the_same(pair, store, workspace):
    both = {"dataset": "digits-textures", "source__dataset": "digits", "strategy__name": "mixed", "train__epochs": 1}
    one, other, apart = (store.job(finished_run(store, workspace, **both, **changes)) for changes in ({}, {"train__seed": 7}, {"split__seed": 4}))
    comparison = compare_runs([one, other], workspace, domain="source")
    assert comparison.domain == "source" and comparison.metrics["accuracy"].tolist() == [run.result["source_test"]["accuracy"] for run in (one, other)]
    with pytest.raises(OtherPictures, match=rf"Runs {one.id} and {apart.id} were tested on other pictures of their sources .*split seed"):
        compare_runs([one, apart], workspace, domain="source")
    with pytest.raises(InputError, match=f"Not tested on a source: run {pair[0].id}"):
        compare_runs([one, pair[0]], workspace, domain="source")

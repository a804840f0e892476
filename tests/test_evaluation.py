"""All figures of a finished run, on one domain and on two, from what it left behind."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tests.finished_run import finished_run
from tlcore import cli, metrics, results
from tlcore.errors import NotFoundError
from tlcore.evaluation import (
    Evaluation,
    classes_by,
    evaluate_part,
    evaluate_run,
    figure_table,
)
from tlcore.store import Store
from tlcore.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """One workspace for the file: finished runs never change."""
    return Workspace(tmp_path_factory.mktemp("evaluated") / "workspace").create()


@pytest.fixture(scope="module")
def store(workspace) -> Store:
    return Store.open(workspace)


@pytest.fixture(scope="module")
def digits_run(store, workspace) -> int:
    return finished_run(store, workspace, name="digits")


@pytest.fixture(scope="module")
def pair_run(store, workspace) -> int:
    return finished_run(store, workspace, name="pair", classes=["3", "8"])


@pytest.fixture(scope="module")
def two_domains(store, workspace) -> int:
    """As a run on two domains leaves it: the validation pictures play the source."""
    run = finished_run(store, workspace, name="two domains")
    folder = workspace.run(run)
    parts = [results.load_predictions(folder, split) for split in ("val", "test")]
    results.save_predictions(folder, [*parts, dataclasses.replace(parts[0], split="source_test")])
    summary = results.load_summary(folder) | {"source_test_images": len(parts[0]), "baselines": {"source_test": {"accuracy": 0.5}}}
    (folder / results.SUMMARY).write_text(json.dumps(summary))
    return run


@pytest.fixture
def say(workspace, monkeypatch, capsys):
    """Run a command in this process; what it prints."""

    def go(*words: object) -> str:
        monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
        assert cli.main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return go


def test_figures_stand_between_their_ends_and_above_the_majority(digits_run, workspace):
    [(name, found)] = evaluate_run(workspace.run(digits_run)).items()
    assert name == "test" and found.figures == pytest.approx(results.load_summary(workspace.run(digits_run))["test"])
    for figure, interval in found.intervals.items():
        assert interval.low < found.figures[figure] < interval.high, figure
    assert found.baselines["majority_class"]["accuracy"] < 0.15 < found.intervals["accuracy"].low
    assert found.validation.split == "val" and found.calibration.fitted_on == len(found.validation)
    assert found.threshold() is None, "more than two classes"


def test_one_sentence_and_one_table_hold_the_run_against_its_baselines(two_domains, workspace):
    parts = evaluate_run(workspace.run(two_domains))
    for name, pictures in (("test", "test pictures that"), ("source_test", "test pictures of the source that")):
        assert f"{parts[name].figures['accuracy']:.1%} of {len(parts[name].predictions)} {pictures}" in parts[name].in_words
    table = figure_table(parts).set_index(["part", "figure"])
    assert len(table) == 2 * len(metrics.FIGURES)
    row = table.loc[("source_test", "accuracy")]
    assert row["low"] < row["value"] == parts["source_test"].figures["accuracy"] < row["high"] and row["nearest_centroid"] == 0.5
    assert np.isnan(table.loc[("test", "accuracy"), "nearest_centroid"]) and np.isnan(table.loc[("source_test", "auc"), "nearest_centroid"])


def test_after_the_temperature_the_bins_hold_as_many_pictures_and_their_gaps_add_up_to_the_error(digits_run, workspace):
    found = evaluate_part(workspace.run(digits_run), "test")
    after = found.reliability_after
    assert after["count"].sum() == len(found.predictions)
    assert (after["count"] * (after["accuracy"] - after["confidence"]).abs()).sum() / after["count"].sum() == pytest.approx(found.calibration.ece_after)
    assert dataclasses.replace(found, validation=None).reliability_after is None


def test_classes_are_ordered_by_a_figure_and_those_without_it_left_out():
    # a: one of two found, and one of two taken for it right; b: one of two, one of one right; c: no picture, one taken for it.
    labels, predicted = np.array([0, 0, 1, 1]), [0, 2, 0, 1]
    found = Evaluation(results.Predictions("test", np.arange(4), np.array(list("wxyz")), labels, np.eye(3)[predicted], ("a", "b", "c")), None, {})
    recall, precision = classes_by(found, "recall"), classes_by(found, "precision")
    assert recall["class"].tolist() == ["a", "b"] and recall["mean"].tolist() == [0.5, 0.5]
    assert precision["class"].tolist() == ["c", "a", "b"] and precision["mean"].iloc[0] == (0 + 1 / 2 + 1) / 3


def test_the_document_holds_all_of_it(digits_run, say):
    part = json.loads(say("runs", "show", digits_run, "--json"))["evaluation"]["test"]
    assert set(part["figures"]) == set(metrics.FIGURES) and set(part["figures"]["auc"]) == {"value", "low", "high"}
    assert len(part["classes"]) == len(part["areas"]["roc"]["class"]) == len(part["class_order"]) == 10
    assert set(part["areas"]["average_precision"]["average"]) == {"macro average", "micro average"}
    assert np.array(part["confusion"]).sum() == part["pictures"] == sum(row["count"] for row in part["reliability"])
    assert part["worst_pairs"][0]["count"] >= part["worst_pairs"][-1]["count"]
    assert part["calibration"]["ece"] == part["figures"]["ece"]["value"]


def test_two_classes_have_a_threshold_by_what_errors_cost(pair_run, say):
    words = "runs", "show", pair_run, "--json"
    plain = json.loads(say(*words))["evaluation"]["test"]["threshold"]
    careful = json.loads(say(*words, "--miss-cost", 20, "--false-alarm-cost", 0.5))["evaluation"]["test"]["threshold"]
    assert plain["positive"] == "8" and careful["threshold"] <= plain["threshold"] and careful["missed"] <= plain["missed"]
    assert careful["cost"] == 20 * careful["missed"] + 0.5 * careful["false_alarms"]
    assert "'8' from 0." in say("runs", "show", pair_run)
    with pytest.raises(SystemExit):
        say(*words, "--miss-cost", -1)


def test_either_of_two_classes_can_be_the_one_to_find(pair_run, workspace):
    found = evaluate_part(workspace.run(pair_run), "test")
    threes, eights = found.cheapest(0), found.cheapest(1)
    assert threes.found + threes.missed == (found.predictions.labels == 0).sum() and eights.found + eights.missed == (found.predictions.labels == 1).sum()
    areas = found.areas.set_index("curve")
    assert areas.index.tolist()[:2] == ["macro average", "micro average"] and set(areas.index[2:]) == {"3", "8"}
    assert areas.loc["8", "support"] == eights.found + eights.missed and np.isnan(areas.loc["macro average", "support"])


def test_a_run_on_two_domains_tells_of_both(two_domains, workspace, say):
    found = evaluate_run(workspace.run(two_domains))
    assert list(found) == ["test", "source_test"]
    assert found["source_test"].baselines["nearest_centroid"] == {"accuracy": 0.5} and "nearest_centroid" not in found["test"].baselines
    assert set(json.loads(say("runs", "show", two_domains, "--json"))["evaluation"]) == {"test", "source_test"}
    said = say("runs", "show", two_domains)
    assert f"On {len(found['test'].predictions)} test pictures, with 95% intervals:" in said
    assert f"On {len(found['source_test'].predictions)} test pictures of the source, with" in said and "nearest centroid 50.0%" in said


def test_the_text_is_short(digits_run, say):
    said = say("runs", "show", digits_run)
    accuracy = next(line for line in said.splitlines() if line.startswith("  accuracy"))
    assert accuracy.count("%") == 1 and "–" in accuracy
    assert "Accuracy without learning: majority class 1" in said and len(said.splitlines()) < 30


def test_a_comparison_is_told_with_intervals_and_in_words(digits_run, two_domains, say):
    document = json.loads(say("compare", digits_run, two_domains, "--json"))
    assert document["pairs"][0]["differences"]["accuracy"]["p"] == 1 and document["best"]["accuracy"] is None
    assert set(document["runs"][0]["intervals"]) == set(metrics.FIGURES)
    said = say("compare", digits_run, two_domains)
    assert f"Run {digits_run} and run {two_domains} are equal; on " in said and "All settings are equal." in said


def test_other_pictures_can_be_compared_on_the_common_ones(digits_run, store, workspace, say, monkeypatch, capsys):
    other = finished_run(store, workspace, split__seed=3)
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    assert cli.main(["compare", str(digits_run), str(other)]) == 2
    assert "With --common they are evaluated on those." in capsys.readouterr().err
    said = say("compare", digits_run, other, "--common")
    assert "Left out, as not all were tested on them: " in said


def test_a_run_without_predictions_is_shown_without_evaluation(store, workspace, say):
    run = finished_run(store, workspace, train__epochs=1)
    (workspace.run(run) / results.PREDICTIONS).unlink()
    assert json.loads(say("runs", "show", run, "--json"))["evaluation"] == {}
    with pytest.raises(NotFoundError):
        evaluate_run(workspace.run(run))

"""A finished run's figures: summary, confusions, classes, curves, threshold and calibration, from 2 to 45 classes and on two domains."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from tests.pages.conftest import texts
from tests.simulated_run import simulated_run
from tlcore.confusions import Zoom, worst_classes, worst_pairs
from tlcore.evaluation import Evaluation, evaluate_part
from tlcore.results import load_predictions, save_predictions
from tlcore.store import Store
from tlcore.workspace import Workspace

TWO, MANY, ADAPTED = 1, 2, 3
ODD = "ill *x* :red[y]"


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    """A workspace with three runs: two classes, 45, and one on two domains that read no label of its target."""
    root = tmp_path_factory.mktemp("evaluated") / "workspace"
    shutil.copytree(prepared, root)
    workspace = Workspace(root)
    store = Store.open(workspace)
    made = [
        simulated_run(store, workspace, [90, 30], 1.2, 3.0, ["healthy", ODD]),
        simulated_run(store, workspace, [8] * 45, 3.0, 4.0),
        simulated_run(store, workspace, [30] * 10, 2.0, 0.5, dataset="digits-textures", source__dataset="digits", strategy__name="dann", head__hidden=[8], train__epochs=2),
    ]
    assert made == [TWO, MANY, ADAPTED]
    store.close()
    return root


@pytest.fixture
def runs(empty, ready) -> Workspace:
    shutil.copytree(ready, empty.root, dirs_exist_ok=True)
    return empty


def found(workspace: Workspace, run: int, part: str = "test") -> Evaluation:
    return evaluate_part(workspace.run(run), part)


def alts(at) -> list[str]:
    return [chart.proto.alt for chart in at.get("vega_lite_chart")]


def said(at) -> str:
    return texts(at).replace("\\", "")


def test_the_summary_says_in_one_sentence_how_good_how_sure_and_better_than_what(runs, open_page):
    at, expected = open_page("runs.py", run=str(TWO)), found(runs, TWO)
    assert f"**{expected.in_words}**" in said(at) and "most frequent class (75.0%)" in expected.in_words
    table = at.dataframe[0].value.set_index("figure")
    assert len(table) == 9 and table.loc["Accuracy", "target"] == f"{expected.figures['accuracy']:.1%}"
    low, high = expected.intervals["accuracy"]
    assert table.loc["Accuracy", "target_interval"] == f"{100 * low:.1f} – {high:.1%}"
    assert table.loc["Accuracy", "target_majority_class"] == "75.0%" and table.loc["Macro F1", "target_nearest_centroid"] == f"{expected.baselines['nearest_centroid']['macro_f1']:.3f}"
    assert table.loc["AUC", "target_nearest_centroid"] == "–", "it gives no probabilities"


def test_the_summary_has_a_sentence_and_columns_for_each_domain(runs, open_page):
    at = open_page("runs.py", run=str(ADAPTED))
    for domain, part, dataset in (("target", "test", "digits-textures"), ("source", "source_test", "digits")):
        expected = found(runs, ADAPTED, part)
        assert f"{domain.capitalize()} {dataset}: **{expected.in_words}**" in said(at)
        assert at.dataframe[0].value[domain].tolist()[0] == f"{expected.figures['accuracy']:.1%}"


def test_with_many_classes_the_worst_pairs_are_a_list_whose_rows_show_their_pictures(runs, open_page):
    at, pairs = open_page("runs.py", run=str(MANY), tab="Confusion"), worst_pairs(found(runs, MANY).predictions, None)
    assert not alts(at) and at.dataframe[0].value[["true", "predicted"]].equals(pairs.head(100)[["true", "predicted"]])
    at.session_state["worst_pairs"] = {"selection": {"rows": [2], "columns": [], "cells": []}}
    assert f"of {pairs.loc[2, 'true']} taken for {pairs.loc[2, 'predicted']}" in said(at.run())
    assert len(at.get("image")) == pairs.loc[2, "count"]
    word = f"{pairs.loc[2, 'true']} → {pairs.loc[2, 'predicted']}"
    assert word in str(at.query_params["cell"])
    again = open_page("runs.py", run=str(MANY), tab="Confusion", cell=word)
    assert f"of {pairs.loc[2, 'true']} taken for {pairs.loc[2, 'predicted']}" in said(again)
    at.segmented_control(key="confusion_view_True").set_value("matrix").run()
    assert at.query_params["confusion"] in ("matrix", ["matrix"]) and "12 of them singly" in alts(at)[0]


def test_a_clicked_cell_goes_into_the_link_and_comes_from_it(runs, open_page):
    result = found(runs, TWO).predictions
    cell = result.confusion_cells().iloc[0]
    word = f"{cell['true']} → {cell['predicted']}"
    at = open_page("runs.py", run=str(TWO), tab="Confusion", cell=word)
    assert f"**{cell['count']} picture" in texts(at) and at.query_params["cell"] in (word, [word])
    other = result.confusion_cells().iloc[-1]
    at.session_state["confusion"] = {"selection": {"cell": [{"true": other["true"], "predicted": other["predicted"]}]}}
    assert f"**{other['count']} picture" in texts(at.run()) and at.query_params["cell"] in (f"{other['true']} → {other['predicted']}", [f"{other['true']} → {other['predicted']}"])
    at.session_state["confusion"] = {"selection": {"cell": []}}
    assert "Click a cell" in texts(at.run()) and "cell" not in at.query_params
    assert "Click a cell" in texts(open_page("runs.py", run=str(TWO), tab="Confusion", cell="../x → y"))


def test_a_zoom_shows_the_chosen_classes_and_sums_up_the_others(runs, open_page):
    at = open_page("runs.py", run=str(MANY), tab="Confusion", confusion="matrix", zoom="chosen", only=["class 3", "no, such", "class 1"])
    assert "45 classes, 2 of them singly" in alts(at)[0] and "“43 others” sums up" in said(at)
    assert at.multiselect[-1].value == ["class 3", "class 1"]
    zoom = Zoom(found(runs, MANY).predictions, ("class 1", "class 3"))
    cell = zoom.cells().query("true == '43 others'").iloc[0]
    at.session_state["confusion"] = {"selection": {"cell": [{"true": "43 others", "predicted": cell["predicted"]}]}}
    assert f"**{cell['count']} picture" in said(at.run())
    at.multiselect[-1].set_value(["class 9"])
    assert at.run().query_params["only"] in ("class 9", ["class 9"]) and "1 of them singly" in alts(at)[0]
    assert "Click a cell" in said(at), "there is no such cell any more"


def test_confused_classes_lie_together_when_that_is_asked_for(runs, open_page):
    given = found(runs, ADAPTED)
    orders = {"as in the dataset": given.predictions.classes, "confused ones together": given.class_order}
    assert len(set(orders.values())) == 2
    for link, order in orders.items():
        (chart,) = open_page("runs.py", run=str(ADAPTED), tab="Confusion", arranged=link).get("vega_lite_chart")
        assert tuple(json.loads(chart.proto.spec)["layer"][0]["encoding"]["y"]["scale"]["domain"]) == order


def test_two_classes_have_neither_order_nor_zoom(runs, open_page):
    at = open_page("runs.py", run=str(TWO), tab="Confusion")
    assert [control.label for control in at.segmented_control] == ["Show", "Figures in the cells"]


def test_classes_are_drawn_with_the_worst_first_and_all_when_asked_for(runs, open_page):
    at, table = open_page("runs.py", run=str(MANY), tab="Classes", figure="F1"), found(runs, MANY).per_class
    worst = table.sort_values("f1").iloc[0]
    assert alts(at)[0].startswith("F1 of 30 classes with 95% intervals, the worst first") and f"{worst['f1']:.1%}" in alts(at)[0]
    assert at.dataframe[0].value["f1"].is_monotonic_increasing and at.dataframe[0].value["support"].sum() == 8 * 45
    at.segmented_control(key="class_rows").set_value("all").run()
    assert "F1 of 45 classes" in alts(at)[0] and at.query_params["listed"] in ("all", ["all"])


def test_curves_are_of_the_averages_and_the_worst_classes_until_others_are_chosen(runs, open_page):
    at, areas = open_page("runs.py", run=str(MANY), tab="ROC & PR"), found(runs, MANY).areas
    worst = areas[areas["kind"] == "class"].nsmallest(3, "auc")
    assert set(at.multiselect[-1].value) == {"macro average", "micro average", *worst["curve"]}
    assert f"{worst['curve'].iloc[0]} {worst['auc'].iloc[0]:.4f}" in alts(at)[0] and f"{worst['average_precision'].iloc[0]:.4f}" in alts(at)[1]
    at.multiselect[-1].set_value(["class 7"])
    assert at.run().query_params["curve"] in ("class 7", ["class 7"]) and "AUC: class 7" in alts(at)[0]
    assert not at.slider, "a threshold divides two classes"


def test_the_threshold_moves_what_it_costs_and_the_cheapest_is_chosen_on_validation_pictures(runs, open_page):
    at, given = open_page("runs.py", run=str(TWO), tab="ROC & PR", threshold="0.25", miss="5"), found(runs, TWO)
    assert at.multiselect[-1].value == [ODD] and at.slider[0].value == 0.25
    cheapest = given.cheapest(1, 5.0, 1.0)
    assert f"Cheapest at these prices: **{cheapest.threshold:.3f}**, chosen on the 120 validation pictures" in said(at)
    table = at.dataframe[-1].value.set_index("figure")
    yours = {column: table.loc[line, "yours"] for line, column in (("Missed", "missed"), ("False alarms", "alarms"), ("Cost", "cost"))}
    assert float(yours["cost"]) == 5 * float(yours["missed"]) + float(yours["alarms"])
    assert table.loc["Missed", "cheapest"] == str(cheapest.missed) and f"{ODD} from **0.250** on" in said(at)
    at.slider[0].set_value(0.9).run()
    assert float(at.dataframe[-1].value.set_index("figure").loc["Missed", "yours"]) > float(yours["missed"]) and at.query_params["threshold"] in ("0.9", ["0.9"])
    at.number_input(key="false_alarm_cost").set_value(50.0).run()
    assert at.query_params["false-alarm"] in ("50", ["50"]) and f"**{given.cheapest(1, 5.0, 50.0).threshold:.3f}**" in said(at)
    at.segmented_control(key=f"to_find_run-{TWO}").set_value("healthy").run()
    assert at.query_params["positive"] in ("healthy", ["healthy"]) and f"**{given.cheapest(0, 5.0, 50.0).threshold:.3f}**" in said(at)


def test_a_threshold_that_is_no_number_is_a_half(runs, open_page):
    for odd in ("nan", "7", "../x"):
        at = open_page("runs.py", run=str(TWO), tab="ROC & PR", threshold=odd, miss=odd)
        assert at.slider[0].value == 0.5 and not at.error


def test_calibration_is_a_sentence_and_two_charts_before_and_after(runs, open_page):
    at, expected = open_page("runs.py", run=str(TWO), tab="Calibration"), found(runs, TWO).calibration
    assert f"**{expected.in_words}**" in said(at)
    assert {card.label: card.value for card in at.metric}["ECE"] == f"{expected.ece:.3f} → {expected.ece_after:.3f}"
    assert len(alts(at)) == 2 and "fitted on 120 validation pictures; the errors" in said(at)


def test_a_temperature_that_validation_without_mistakes_cannot_tell_is_not_shown(runs, open_page):
    sure = load_predictions(runs.run(TWO), "val")
    right = np.where(np.eye(2)[sure.labels] > 0, 0.7, 0.3).astype(np.float32)
    save_predictions(runs.run(TWO), [load_predictions(runs.run(TWO), "test"), dataclasses.replace(sure, probabilities=right)])
    at = open_page("runs.py", run=str(TWO), tab="Calibration")
    shown = {card.label: card.value for card in at.metric}
    assert shown["Temperature"] == "none fits" and "→" not in shown["ECE"] + shown["Log loss (nats)"]
    assert "No temperature from 0.05 to 20 is the best on the 120 validation pictures" in said(at) and found(runs, TWO).reliability_after is None


def test_a_temperature_from_the_other_domain_is_said_to_be_so(runs, open_page):
    assert "of the other domain, since no label of this one may be read" in said(open_page("runs.py", run=str(ADAPTED), tab="Calibration"))
    assert "other domain" not in said(open_page("runs.py", run=str(ADAPTED), tab="Calibration", domain="source"))


def test_without_validation_pictures_neither_temperature_nor_cheapest_threshold_is_told(runs, open_page):
    save_predictions(runs.run(TWO), [load_predictions(runs.run(TWO), "test")])
    at = open_page("runs.py", run=str(TWO), tab="Calibration")
    assert "no temperature can be fitted" in at.info[0].value and not at.metric and len(alts(at)) == 2
    at = open_page("runs.py", run=str(TWO), tab="ROC & PR")
    assert "No cheapest threshold" in said(at) and "cheapest" not in at.dataframe[-1].value


@pytest.mark.parametrize("tab", ["Summary", "Confusion", "Classes", "ROC & PR", "Calibration"])
def test_probabilities_that_are_no_numbers_leave_what_can_be_told(runs, open_page, tab):
    given = load_predictions(runs.run(TWO), "test")
    given.probabilities[5] = np.nan
    save_predictions(runs.run(TWO), [load_predictions(runs.run(TWO), "val"), given])
    at = open_page("runs.py", run=str(TWO), tab=tab)
    assert not at.error
    if tab == "Summary":
        assert at.dataframe[0].value.set_index("figure").loc["AUC", "target"] == "–"
    if tab in ("ROC & PR", "Calibration"):
        assert "numbers" in at.info[0].value or "number" in at.info[0].value


def test_leaving_a_run_takes_its_choices_out_of_the_link(runs, open_page):
    at = open_page("runs.py", run=str(MANY), tab="Confusion", confusion="matrix", zoom="chosen", only=["class 3"], status="done")
    at.button(key="all_runs").click().run()
    assert set(at.query_params) == {"status"}


def test_the_classes_zoomed_to_at_first_are_the_most_confused(runs, open_page):
    at = open_page("runs.py", run=str(MANY), tab="Confusion", confusion="matrix", zoom="chosen")
    assert tuple(at.multiselect[-1].value) == worst_classes(found(runs, MANY).predictions)

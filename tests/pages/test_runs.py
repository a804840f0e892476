"""The Runs page: list, one run, its states, and what can be done to it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from pages.ui.run_confusion import confusion_table
from pages.ui.text import WORD_JOINER
from tests.finished_run import finished_run, running_run
from tests.pages.conftest import texts
from tlcore.forecast.outlook import outlook_of
from tlcore.forecast.rates import Band
from tlcore.results import Predictions
from tlcore.schema import jobs as jobs_table
from tlcore.store import EpochRecord, JobState, Store
from tlcore.tables import to_csv

ODD = ":red[x] <b>bold</b> *star* [link](http://x)"


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def done(store, workspace) -> int:
    return finished_run(store, workspace, name="first", train__epochs=4)


def test_without_runs_the_page_names_the_next_step(store, open_page):
    at = open_page("runs.py")
    assert "No runs yet" in at.info[0].value
    assert [link.value for link in at.page_link] == ["Run the demonstration", "Add pictures", "Set up a run"]


def test_the_list_shows_status_scores_and_curve(done, store, workspace, open_page):
    running, _ = running_run(store, workspace, epochs=2, name="second")
    table = open_page("runs.py").dataframe[0].value
    assert table["run"].tolist() == [f"Run {running.id}", f"Run {done}"]
    assert table["status"].tolist() == [["▶ running"], ["✓ done"]]
    assert [len(curve) for curve in table["curve"]] == [2, 4]
    assert table["test"].iloc[1] == store.job(done).result["test_accuracy"]
    assert table["progress"].tolist() == [pytest.approx(200 / 6), 100]


def test_the_best_score_is_that_of_the_epoch_with_the_lowest_loss_while_running_and_after(store, workspace, open_page):
    job, _ = running_run(store, workspace, epochs=1)
    for epoch, (accuracy, loss) in enumerate(((0.5, 0.02), (0.99, 9.0)), start=2):
        store.commit_epochs(job, [EpochRecord(epoch, job.attempt, 1.0, {"val_accuracy": accuracy, "val_loss": loss}, f"checkpoint-{epoch}.npz", "0" * 64)])
    assert open_page("runs.py").dataframe[0].value["score"].tolist() == [0.5]
    store.give_up(job, "Its worker was killed.")
    assert open_page("runs.py").dataframe[0].value["score"].tolist() == [0.5]


def test_the_best_score_is_that_of_the_monitored_figure_and_waits_for_the_domains_to_come_together(store, workspace, open_page):
    by_f1, _ = running_run(store, workspace, epochs=0, train__monitor="val_macro_f1")
    adapted, _ = running_run(store, workspace, epochs=0, strategy__name="dann", source__dataset="digits", head__hidden=[8], train__epochs=4)
    for job in (by_f1, adapted):
        for epoch, (accuracy, loss, f1) in enumerate(((0.3, 0.01, 0.9), (0.5, 0.02, 0.8), (0.6, 0.5, 0.99), (0.7, 0.6, None)), start=1):
            figures = {"val_accuracy": accuracy, "val_loss": loss, "val_macro_f1": f1}
            store.commit_epochs(job, [EpochRecord(epoch, job.attempt, 1.0, figures, f"checkpoint-{epoch}.npz", "0" * 64)])
    # Of four epochs, only the third and fourth may be chosen where no label of the target is read.
    assert open_page("runs.py").dataframe[0].value["score"].tolist() == [0.6, 0.6]
    store.drop_epochs(adapted, after=2)
    assert open_page("runs.py").dataframe[0].value["score"].tolist() == [0.5, 0.6], "until then the latest"


def test_the_list_can_be_taken_along(done, open_page):
    assert [button.proto.label for button in open_page("runs.py").get("download_button")] == ["Download CSV"]


def test_a_confusion_table_keeps_the_counts_of_classes_called_true_and_true_class():
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), [0, 1, 1, 2, 2, 0]
    result = Predictions("test", np.arange(6), np.array(["0"] * 6), labels, np.eye(3, dtype=np.float32)[predicted], ("false", "true", "true class"))
    assert to_csv(confusion_table(result)) == "true class,false,true,true class\nfalse,1,1,0\ntrue,0,1,0\ntrue class,1,0,2\n"


def test_the_list_can_be_filtered_by_status_through_the_link(done, store, workspace, open_page):
    running, _ = running_run(store, workspace, epochs=1)
    assert open_page("runs.py", status="running").dataframe[0].value["run"].tolist() == [f"Run {running.id}"]
    assert "No run fits" in open_page("runs.py", status="failed").info[0].value


def shown(at) -> list[str]:
    return at.dataframe[0].value["title"].tolist()


def test_every_run_can_be_reached_page_by_page(store, open_page):
    for number in range(53):
        store.add_job("train", f"run {number}", {"config": {"dataset": "d"}, "dataset_id": None})
    at = open_page("runs.py")
    assert shown(at) == [f"run {number}" for number in range(52, 27, -1)] and "53 runs" in texts(at)
    at.get("pagination")[0].set_value(3)
    assert shown(at.run()) == ["run 2", "run 1", "run 0"]
    assert shown(open_page("runs.py", page="3")) == ["run 2", "run 1", "run 0"]
    assert shown(open_page("runs.py", page="99"))[0] == "run 52"


def test_a_run_is_found_by_number_name_or_dataset(done, store, open_page):
    for number in range(30):
        store.add_job("train", f"Café {number} 100%", {"config": {"dataset": "d"}, "dataset_id": None})
    assert shown(open_page("runs.py", find="first")) == ["first"]
    assert shown(open_page("runs.py", find="DIGITS")) == ["first"]
    assert shown(open_page("runs.py", find="café 100% 21")) == ["Café 21 100%", "Café 19 100%"]  # The second is run 21.
    assert "No run fits" in open_page("runs.py", find="_irst").info[0].value
    at = open_page("runs.py", page="2")
    at.text_input(key="find").set_value("first")
    assert shown(at.run()) == ["first"]


@pytest.mark.parametrize("link", ["999", "../x", "1; DROP TABLE jobs", "x" * 20_000, "-1"])
def test_a_link_to_no_run_says_so(done, link, open_page):
    at = open_page("runs.py", run=link)
    assert at.title[0].value == "Run not found"
    assert "no such run" in at.error[0].value


TABS = ["Summary", "Curves", "Confusion", "Classes", "ROC & PR", "Calibration", "Mistakes", "Map", "Data", "Settings", "Time", "Export", "Files"]


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_of_a_finished_run(done, store, tab, open_page):
    at = open_page("runs.py", run=str(done), tab=tab)
    assert not at.error
    assert [panel.label for panel in at.tabs] == TABS
    result = store.job(done).result
    expected = {
        "Summary": lambda: f"recognises {result['test_accuracy']:.1%} of {result['test_images']} test pictures" in texts(at).replace("\\", ""),
        "Curves": lambda: len(at.get("vega_lite_chart")) == 4 and "Gap in loss" in at.get("vega_lite_chart")[-1].proto.alt,
        "Confusion": lambda: "Click a cell" in texts(at),
        "Classes": lambda: at.dataframe[0].value["support"].sum() == result["test_images"],
        "ROC & PR": lambda: len(at.get("vega_lite_chart")) == 2,
        "Calibration": lambda: "The model is not sure enough" in texts(at),
        "Mistakes": lambda: "Wrong answers" in texts(at),
        "Map": lambda: f"Drawn: {result['test_images']} test" in texts(at),
        "Data": lambda: at.dataframe[0].value["target_test"].sum() == result["test_images"],
        "Settings": lambda: "learning_rate: 0.01" in at.code[0].value,
        "Time": lambda: "This attempt took" in texts(at),
        "Export": lambda: "For phones and small boards" in texts(at),
        "Files": lambda: "predictions.parquet" in texts(at),
    }
    assert expected[tab]()


def test_time_of_earlier_attempts_is_a_bar_like_any_other(done, workspace, open_page):
    path = workspace.run(done) / "summary.json"
    figures = json.loads(path.read_text())
    figures["phases"]["earlier attempts"] = figures["earlier_seconds"] = 99.0
    figures["seconds"] = 141.0
    path.write_text(json.dumps(figures))
    at = open_page("runs.py", run=str(done), tab="Time")
    (chart,) = at.get("vega_lite_chart")
    assert "most of them for earlier attempts" in chart.proto.alt
    assert "This attempt took **42 s**; with the earlier attempts that it went on from, **2 min 21 s**" in texts(at)


def test_predicted_against_actual_is_a_chart_and_a_sentence(done, store, open_page):
    job = store.job(done)
    phases = {name: Band(0.5 * seconds, seconds, 2 * seconds) for name, seconds in job.result["phases"].items()}
    phases["train"] = Band(50.0, 60.0, 70.0)
    forecast = dataclasses.replace(outlook_of(store, job.config), phases=phases).to_json()
    with store._writing() as connection:
        connection.execute(jobs_table.update().where(jobs_table.c.id == done).values(payload={**job.payload, "forecast": forecast}))
    at = open_page("runs.py", run=str(done), tab="Time")
    (chart,) = at.get("vega_lite_chart")
    assert "what was predicted" in chart.proto.alt
    said = texts(at).replace("\\", "")
    assert "Outside their band: train" in said
    assert "instead of 1 min 0 s (50 s to 1 min 10 s)" in said


def test_a_clicked_cell_shows_its_pictures(done, store, workspace, open_page):
    from tlcore.results import load_predictions

    cells = load_predictions(workspace.run(done)).confusion_cells()
    cell = cells[cells["kind"] == "mistaken"].iloc[0]
    at = open_page("runs.py", run=str(done), tab="Confusion")
    at.session_state["confusion"] = {"selection": {"cell": [{"true": cell["true"], "predicted": cell["predicted"]}]}}
    assert f"**{cell['count']} picture" in texts(at.run())
    assert len(at.get("image")) == cell["count"]


def test_names_are_shown_literally(store, workspace, open_page):
    run = finished_run(store, workspace, name=ODD, train__epochs=1)
    at = open_page("runs.py", run=str(run))
    assert at.title[0].value.replace("\\", "").replace(WORD_JOINER, "") == ODD
    assert r"\:red\[x\]" in at.title[0].value and r"\<b\>" in at.title[0].value


def test_a_running_run_shows_progress_curves_and_log(store, workspace, open_page):
    job, _ = running_run(store, workspace, epochs=3, name="live")
    at = open_page("runs.py", run=str(job.id))
    assert at.progress[0].value == 50
    assert "epoch 3 of 6" in at.progress[0].text
    assert charts_shown(at) == ["Accuracy", "Loss"]
    assert "linear classifier" in at.code[0].value


def charts_shown(at) -> list[str]:
    return [chart.proto.alt.split(" of ")[0] for chart in at.get("vega_lite_chart")]


def test_all_five_figures_are_told_live_and_the_monitored_one_is_drawn_at_once(store, workspace, open_page):
    job, learner = running_run(store, workspace, epochs=3, train__monitor="val_auc")
    at = open_page("runs.py", run=str(job.id))
    assert charts_shown(at) == ["Accuracy", "Loss", "AUC"]
    assert at.pills[0].options == ["Balanced accuracy", "Macro F1", "AUC"]
    at.pills[0].set_value(["macro_f1", "balanced_accuracy"])
    assert charts_shown(at.run()) == ["Accuracy", "Loss", "Balanced accuracy", "Macro F1"]
    learner.epoch(store, job, 4)
    at.run()
    assert charts_shown(at) == ["Accuracy", "Loss", "Balanced accuracy", "Macro F1"], "kept while it goes on"
    figures = store.epochs(job.id)
    best = int(figures["val_auc"].idxmax()) + 1
    (told,) = [each.value for each in at.markdown if each.value.startswith("Validation, epoch")]
    last = figures.iloc[-1]
    assert (
        f": accuracy **{last['val_accuracy']:.1%}**, loss **{last['val_loss']:.3f}**, balanced accuracy **{last['val_balanced_accuracy']:.1%}**, "
        f"macro F1 **{last['val_macro_f1']:.3f}**, AUC **{last['val_auc']:.4f}**"
    ) in next(line for line in told.splitlines() if "epoch 4" in line)
    assert f"marks epoch {best}, the best so far by AUC on the validation pictures." in texts(at)


def test_when_a_run_ends_the_page_turns_to_its_evaluation(store, workspace, open_page):
    job, learner = running_run(store, workspace, epochs=3)
    at = open_page("runs.py", run=str(job.id))
    from tests.finished_run import leave_files

    leave_files(store, workspace, job, learner)
    assert at.run().metric and not at.progress


def test_cancel_asks_the_worker_to_stop(store, workspace, open_page):
    job, _ = running_run(store, workspace, epochs=1)
    at = open_page("runs.py", run=str(job.id))
    at.button(key="cancel_one").click()
    at.run()
    assert store.job(job.id).cancel_requested
    assert at.button(key="cancel_one").disabled
    assert "Stopping after this step." in texts(at)


def test_a_failed_run_is_its_sentence_with_the_traceback_folded(store, workspace, open_page):
    job, _ = running_run(store, workspace, epochs=1)
    store.finish(job, JobState.failed, error="Ran out of memory. Lower train.batch_size.", traceback="Traceback: secret")
    at = open_page("runs.py", run=str(job.id))
    assert at.error[0].value.replace("\\", "") == "Ran out of memory. Lower train.batch_size."
    assert at.expander[0].label == "Details for a bug report" and not at.expander[0].proto.expanded
    assert at.button(key="resume_one")


def test_an_interrupted_run_offers_resume(store, workspace, open_page):
    job, _ = running_run(store, workspace, epochs=2)
    store.give_up(job, "Its worker was killed. Resume it.")
    at = open_page("runs.py", run=str(job.id))
    assert at.warning[0].value.replace("\\", "") == "Its worker was killed. Resume it."
    assert len(at.get("vega_lite_chart")) == 2
    at.button(key="resume_one").click()
    at.run()
    assert store.job(job.id).state is JobState.queued
    assert at.progress[0].text == "waiting for its turn"


def test_rename_and_delete(done, store, workspace, open_page):
    at = open_page("runs.py", run=str(done))
    at.text_input(key=f"rename_title_one_{done}").set_value("better name")
    at.button(key="rename_save_one").click()
    assert at.run().title[0].value == "better name"
    at.button(key="delete_one").click()
    at.run()
    assert store.jobs() == [] and not workspace.run(done).exists()
    assert "run" not in at.query_params and "No runs yet" in at.info[0].value


def test_ticked_runs_can_be_compared(done, store, workspace, open_page):
    other = finished_run(store, workspace, name="second", train__epochs=1)
    at = open_page("runs.py")
    key = at.dataframe[0].key if hasattr(at.dataframe[0], "key") else f"run_table_{hash((other, done))}"
    at.session_state[key] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    assert "Compare" in [link.value for link in at.run().page_link]


def test_a_result_that_is_gone_is_one_sentence(done, workspace, open_page):
    (workspace.run(done) / "predictions.parquet").unlink()
    at = open_page("runs.py", run=str(done), tab="Classes")
    assert "predictions can't be read" in at.error[0].value.replace("\\", "")

"""Does transfer help? From the form on Train to the chart on Tune, with runs that nobody takes up."""

from __future__ import annotations

import pytest

from tests import label_series
from tests.pages.conftest import texts
from tlcore import jobs
from tlcore.store import JobState, Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


def opened(open_page, **parameters):
    """Train with the preset open."""
    app = open_page("train.py", dataset="digits", **parameters)
    app.session_state["labels_open"] = True
    return app.run()


def said(app) -> str:
    return texts(app).replace("\\", "")


def test_the_preset_says_what_it_would_start_and_only_when_it_is_open(digits, open_page):
    closed = open_page("train.py", dataset="digits")
    assert not [button for button in closed.button if button.key == "queue_labels"]
    app = opened(open_page)
    assert "**27 runs**: 3 ways, with 60, 250, 1,259 labelled pictures, 3 seeds. Together about" in said(app)
    assert "From scratch: all blocks learn from random weights" in said(app)
    assert app.button(key="queue_labels").label == "Queue 27 runs" and not app.warning
    app.number_input(key="labels_seeds").set_value(2).run()
    assert app.button(key="queue_labels").label == "Queue 18 runs"


def test_queueing_leads_to_the_chart_of_that_series(digits, store, open_page):
    app = opened(open_page, train__epochs="4", head__pooling="flatten")
    app.number_input(key="labels_epochs").set_value(5).run()
    app.button(key="queue_labels").click().run()
    assert not app.exception
    (series,) = store.series.listed()
    runs = store.series.jobs(series.id)
    assert app.query_params["series"] == str(series.id) and len(runs) == 27
    assert {run.config.head.pooling for run in runs} == {"flatten"}
    assert {run.config.train.epochs for run in runs if run.config.target.label_fraction == 1} == {5}
    assert all(run.payload["forecast"]["seconds"] for run in runs)
    assert "The first point comes with the first finished run" in said(app)
    assert not app.get("vega_lite_chart") and app.button(key="cancel_series").label == "Cancel the 27 runs that wait"


def test_fractions_that_are_left_out_are_said_and_a_plan_that_cannot_be_made_is_one_sentence(digits, open_page):
    app = opened(open_page, split__train_fraction="0.1")
    assert any("Left out: 5% of the labels" in warning.value.replace("\\", "") for warning in app.warning)
    assert app.button(key="queue_labels").label == "Queue 18 runs"
    app = opened(open_page, backbone__weights="none")
    assert any("nothing to transfer" in error.value for error in app.error) and not app.exception
    app = opened(open_page, classes=["1"])  # A form that can't be started starts no series either.
    assert not [button for button in app.button if button.key == "queue_labels"]


def test_tune_without_a_series_names_the_next_step(empty, open_page):
    app = open_page("tune.py", tab="labels")
    assert "No such experiment yet" in said(app)
    assert "Set up the experiment" in [link.value for link in app.page_link]


def test_a_finished_series_shows_answer_chart_and_table(store, open_page):
    series = label_series.queued(store)
    label_series.end(store)
    app = open_page("tune.py", series=str(series))
    assert "27 of 27 done." in said(app)
    assert "**With 60 labelled pictures transfer (frozen) reaches 72.0% (67.0 to 77.0), training from scratch 32.0% (23.4 to 40.6): 40.0 points gained (35.0 to 45.0).**" in said(app)
    assert len(app.get("vega_lite_chart")) == 1
    table, runs = (frame.value for frame in app.dataframe)
    assert len(table) == 9 and len(runs) == 27
    assert not [button for button in app.button if button.key == "cancel_series"]
    app.button(key="delete_series").click().run()
    assert "No such experiment yet" in said(app) and store.count() == 0 and "series" not in app.query_params


def test_what_waits_is_cancelled_and_what_is_done_stays(store, open_page):
    series = label_series.queued(store)
    label_series.end(store, 4)
    app = open_page("tune.py", series=str(series))
    assert "by a single seed, which may be chance" in said(app) and "So far: runs are still to come" in said(app)
    app.button(key="cancel_series").click().run()
    states = [job.state for job in store.series.jobs(series)]
    assert (states.count(JobState.done), states.count(JobState.cancelled)) == (4, 23)
    assert "4 of 27 done, 23 cancelled." in said(app)


def test_series_are_chosen_from_a_list_and_the_link_follows(store, open_page):
    first, second = label_series.queued(store, name="one"), label_series.queued(store, name="two")
    label_series.end(store, 1)
    app = open_page("tune.py", tab="labels")
    assert app.selectbox(key="series_chosen").value == second and not app.get("vega_lite_chart")
    assert app.query_params["series"] == str(second)
    app.selectbox(key="series_chosen").set_value(first).run()
    assert app.query_params["series"] == str(first) and len(app.get("vega_lite_chart")) == 1
    app.button(key="cancel_series").click().run()
    app.button(key="delete_series").click().run()
    assert app.selectbox(key="series_chosen").value == second and not app.exception and not app.warning


@pytest.mark.parametrize("asked", ["99", "../x", "1;DROP TABLE jobs", "9" * 5000])
def test_a_link_to_no_series_is_answered_calmly(store, open_page, asked):
    newest = label_series.queued(store)
    app = open_page("tune.py", series=asked)
    assert "names a series that isn't here" in app.warning[0].value
    assert app.selectbox(key="series_chosen").value == newest and not app.error


def test_a_series_whose_runs_were_deleted_one_by_one_is_no_trouble(store, open_page):
    series, other = label_series.queued(store), label_series.queued(store, name="other")
    for job in store.series.jobs(series):
        jobs.cancel(store, job.id)
        jobs.delete_run(store, store.workspace, job.id)
    app = open_page("tune.py", series=str(series))
    assert "0 of 27 done, 27 deleted." in said(app) and not app.error
    assert len(store.series.jobs(other)) == 27

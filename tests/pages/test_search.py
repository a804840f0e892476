"""Searching settings on Tune: the form of a study, its link, and what is seen of one; rows of trials as a worker leaves them."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from pages.ui.study_view import progress_words
from tests.pages.conftest import texts
from tests.tuning.studies import add_rows, recorded, row, study
from tlcore.config import RunConfig
from tlcore.store import JobState, Store
from tlcore.tuning.study import parse_study
from tlcore.tuning.trials import gather

RATES = (1e-4, 1e-3, 1e-2)


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


def values(number: int) -> dict:
    return {"head.hidden": [64] if number % 2 else [], "optimizer.learning_rate": RATES[number % 3], "head.dropout": number / 100}


def searched(store: Store, trials: int = 12, ended: JobState | None = JobState.done, **changes) -> int:
    """A study of which so many trials have finished, then one pruned and one failed; its number."""
    series = recorded(store, study(**{"budget": {"trials": trials + 2}, **changes}))
    rows = [row(number, score=0.8 + number / 100, values=values(number)) for number in range(trials)]
    rows += [row(trials, "cancelled", 0.7, pruned=True, message="Stopped by the study: after epoch 3 it was below the median.", values=values(trials)), row(trials + 1, "failed", error="ran out of memory: lower train.batch_size.", values=values(trials + 1))]
    for each in rows:
        each["payload"]["config"] = {"dataset": "digits"}
    add_rows(store, series, rows)
    if ended is not None:
        store.finish(gather(store, series).job, ended)
    return series


def said(app) -> str:
    return texts(app).replace("\\", "")


def draft(app) -> dict:
    return json.loads(app.query_params["draft"])


@pytest.fixture
def form(digits, open_page):
    """The form with the quick search of the digits."""
    app = open_page("tune.py", tab="search")
    app.button(key="preset_quick").click().run()
    assert not app.exception and not app.error
    return app


def test_without_datasets_the_next_step_is_named(empty, open_page):
    app = open_page("tune.py", tab="search")
    assert "It needs pictures first" in said(app) and "Add a dataset" in [link.value for link in app.page_link]


def test_a_preset_fills_the_form_and_the_link_and_says_what_it_takes(form):
    assert form.session_state["study.searched"] == ["head.hidden", "head.dropout", "optimizer.learning_rate"]
    assert set(draft(form)["space"]) == {"head.hidden", "head.dropout", "optimizer.learning_rate"}
    costs = form.table[0].value.to_string()
    assert "at most 30" in costs and re.search(r"\d (s|min).* \(.+ to .+\)", costs)
    assert not form.button(key="start_study").disabled


def test_a_link_brings_the_form_back_and_leads_on(form, open_page):
    form.number_input(key="study.head.dropout.high").set_value(0.45).run()
    form.selectbox(key="study.sampler").set_value("random").run()
    again = open_page("tune.py", study="new", draft=form.query_params["draft"])
    assert again.number_input(key="study.head.dropout.high").value == 0.45 and again.selectbox(key="study.sampler").value == "random"
    assert draft(again) == draft(form)


def test_every_setting_can_be_ranged_listed_or_one_value(form):
    app = form
    app.button_group(key="study.searched").set_value(["backbone.name", "freeze.trainable_blocks", "train.batch_size", "augment", "head.hidden", "optimizer.learning_rate"]).run()
    app.button_group(key="study.optimizer.learning_rate.mode").set_value("one value").run()
    app.text_input(key="study.optimizer.learning_rate.text").set_value("0.01")
    app.text_input(key="study.head.hidden.text").set_value("none; 256, 128")
    app.button_group(key="study.freeze.trainable_blocks.mode").set_value("range")
    app.multiselect(key="study.backbone.name.names").set_value(["ResNet20", "MobileNetV2"]).run()
    space = draft(app)["space"]
    assert not app.error and space["optimizer.learning_rate"] == {"value": 0.01} and space["head.hidden"] == {"values": [[], [256, 128]]}
    assert space["backbone.name"] == {"values": ["ResNet20", "MobileNetV2"]} and space["train.batch_size"]["values"] == [32, 64, 128, 256]
    assert space["freeze.trainable_blocks"]["low"] == 0 and space["augment"] == {"values": ["none", "light", "strong"]}


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("study.head.hidden.text", "64; many", "'head.hidden' can't be 'many'"),
        ("study.head.dropout.low", 0.9, "head.dropout"),
        ("study.head.dropout.high", 7.0, "head.dropout"),
        ("study.budget.trials", None, "budget"),
        ("study.searched", [], "space"),
    ],
)
def test_wrong_input_is_one_sentence_with_the_settings_name(form, key, value, named):
    kind = "text_input" if key.endswith("text") else "button_group" if key == "study.searched" else "number_input"
    getattr(form, kind)(key=key).set_value(value).run()
    assert not form.exception and len(form.error) == 1 and named in form.error[0].value.replace("\\", "")
    assert form.button(key="start_study").disabled


def test_a_study_or_a_run_comes_in_as_yaml_and_goes_out(form):
    form.text_area(key="study_yaml").set_value(yaml.safe_dump({"base": {"dataset": "digits"}, "space": {"head.dropout": {"values": [0.1, 0.3]}}, "sampler": "grid", "budget": {"minutes": 5}}))
    form.button(key="study_yaml_apply").click().run()
    assert form.session_state["study.searched"] == ["head.dropout"] and form.text_input(key="study.head.dropout.text").value == "0.1, 0.3"
    assert parse_study(yaml.safe_load(form.code[0].value)).space["head.dropout"].values == (0.1, 0.3)
    form.text_area(key="study_yaml").set_value("dataset: digits\nhead: {pooling: flatten}")
    form.button(key="study_yaml_apply").click().run()
    assert draft(form)["base"]["head"] == {"pooling": "flatten"} and len(form.session_state["study.searched"]) == 3
    form.text_area(key="study_yaml").set_value("base: {dataset: digits}\nspace: {train.seed: {values: [1]}}")
    form.button(key="study_yaml_apply").click().run()
    assert "'train.seed' can't be searched" in form.error[0].value.replace("\\", "")


def test_a_sweep_that_makes_no_sense_is_refused_in_one_sentence(digits, open_page):
    app = open_page("tune.py", tab="search", set=["strategy.name=scratch"])
    app.button(key="preset_depth").click().run()
    assert len(app.error) == 1 and "no depth to sweep" in app.error[0].value and not app.exception


@pytest.mark.parametrize("text", ["<x>", "{}", '{"base":{"dataset":"digits"},"space":{"a":{"value":1}}}', "x" * 9000])
def test_a_link_that_holds_no_study_is_answered_calmly(digits, open_page, text):
    app = open_page("tune.py", study="new", draft=text)
    assert not app.error and not app.exception and "can't be read" in app.warning[0].value
    assert app.button(key="preset_quick")


def test_train_leads_to_the_search_of_its_settings(digits, open_page):
    app = open_page("train.py", dataset="digits", head__pooling="flatten")
    (link,) = [link for link in app.page_link if link.value == "Search these settings"]
    assert "draft=" in link.proto.query_string and "flatten" in link.proto.query_string


def test_a_finished_study_shows_its_best_settings_a_chart_and_every_trial(store, open_page):
    series = searched(store)
    app = open_page("tune.py", study=str(series))
    assert "14 of 14 trials ended: 12 done, 1 pruned, 1 failed." in said(app)
    assert "**Best: trial 11, validation accuracy 91.0%**" in said(app) and "Dropout **0.11**" in said(app)
    table = app.dataframe[0].value
    assert len(table) == 14 and "Stopped by the study" in table["note"][1] and "ran out of memory" in table["note"][0]
    assert len(app.get("vega_lite_chart")) == 1 and not app.error and not app.get("progress")


@pytest.mark.parametrize("chart", ["Parallel", "Importance", "Slices", "Two settings", "Score and time", "By value"])
def test_every_chart_is_drawn_and_stands_in_the_link(store, open_page, chart):
    app = open_page("tune.py", study=str(searched(store)), chart=chart)
    drawn = app.get("vega_lite_chart")
    assert not app.error and not app.exception and len(drawn) == {"Slices": 3, "By value": 2}.get(chart, 1)
    assert app.button_group(key="study_chart").value == chart


def test_the_first_chart_is_the_one_that_answers_the_study(store, open_page):
    sweep = {"space": {"head.hidden": {"values": [[], [64]]}}, "sampler": "grid"}
    for changes, chart in (({}, "History"), ({"goal": {"seconds": True}}, "Score and time"), (sweep, "By value")):
        app = open_page("tune.py", study=str(searched(store, **changes)))
        assert app.button_group(key="study_chart").value == chart and not app.error


def test_charts_that_lack_trials_say_so(store, open_page):
    app = open_page("tune.py", study=str(searched(store, trials=2)), chart="Importance")
    assert "This chart needs 8 finished trials; there are 2." in [info.value for info in app.info]
    app = open_page("tune.py", study=str(searched(store, trials=0)))
    assert not app.error and len(app.get("vega_lite_chart")) == 1, "the pruned one has a score"


def test_a_study_at_work_shows_how_far_it_is(store, open_page):
    app = open_page("tune.py", study=str(searched(store, ended=None, budget={"trials": 30})))
    (bar,) = app.get("progress")
    assert "14 of 30 trials ended" in bar.proto.text and "left" in bar.proto.text
    assert app.button(key="stop_study") and not [button for button in app.button if button.key == "delete_study"]


def test_the_settings_of_a_study_open_in_the_form(store, open_page):
    app = open_page("tune.py", study=str(searched(store)))
    app.button(key="study_again").click().run()
    assert app.query_params["study"] == "new" and draft(app)["name"] == "A study" and not app.error


def test_start_queues_one_study_and_leads_to_it(form, store):
    form.number_input(key="study.budget.trials").set_value(7).run()
    form.button(key="start_study").click().run()
    (made,) = store.series.listed("study")
    assert form.query_params["study"] == str(made.id) and "draft" not in form.query_params
    view = gather(store, made.id)
    assert (view.asked, view.study.base.dataset, view.job.state) == (7, "digits", JobState.queued)
    assert "0 of 7 trials ended" in form.get("progress")[0].proto.text and "The charts come with the first score." in [info.value for info in form.info]


def test_a_study_is_stopped_continued_given_more_trials_and_deleted(store, open_page):
    series = searched(store, ended=None)
    app = open_page("tune.py", study=str(series))
    app.button(key="stop_study").click().run()
    assert gather(store, series).job.cancel_requested and app.button(key="stop_study").disabled
    store.finish(gather(store, series).job, JobState.cancelled)
    app.run()
    assert any("Continue takes up where it ended" in info.value for info in app.info)
    app.button(key="continue_study").click().run()
    assert gather(store, series).job.state is JobState.queued
    store.finish(store.claim("owner", "study"), JobState.done)
    app.run()
    app.number_input(key="more_trials").set_value(5)
    app.button(key="FormSubmitter:more_trials_form-Continue with these").click().run()
    assert not app.exception and not app.error
    assert gather(store, series).asked == 19 and gather(store, series).active
    store.finish(store.claim("owner", "study"), JobState.done)
    app.run()
    app.button(key="delete_study").click().run()
    assert not store.series.listed("study") and store.count() == 0 and "study" not in app.query_params


def test_the_best_is_promoted_to_a_run_of_its_own(store, open_page):
    series = searched(store)
    app = open_page("tune.py", study=str(series))
    app.button(key="promote_best").click().run()
    run = store.job(int(app.query_params["run"]))
    assert run.series is None and run.state is JobState.queued and run.config.head.dropout == 0.11 and run.config.head.hidden == (64,)


def test_a_trial_leads_back_to_its_study(store, open_page):
    series = searched(store)
    app = open_page("runs.py", run=str(gather(store, series).trials[-1].run))
    assert f"Trial 13 of study {series}" in [link.value for link in app.page_link] and not app.exception


def test_studies_are_chosen_from_a_list(store, open_page):
    first, second = searched(store, trials=1), searched(store, trials=3)
    app = open_page("tune.py", tab="search")
    assert app.selectbox(key="study_chosen").value == second
    app.selectbox(key="study_chosen").set_value(first).run()
    assert app.query_params["study"] == str(first) and "3 of 3 trials ended" in said(app)
    app = open_page("tune.py", study="99")
    assert "names a study that isn't here" in app.warning[0].value


def test_without_any_study_a_link_to_one_is_answered_too(digits, open_page):
    app = open_page("tune.py", study="../x")
    assert "names a study that isn't here" in app.warning[0].value and not app.exception


def test_an_interrupted_trial_is_not_told_among_the_ended(store):
    series = recorded(store, study())
    add_rows(store, series, [row(0, score=0.5), row(1, "interrupted", score=0.1)])
    assert progress_words(gather(store, series)) == "1 of 4 trials ended: 1 done; 1 interrupted"


def test_names_are_shown_as_they_are(store, open_page):
    series = searched(store, name=":red[x] <b>bold</b> [a](http://a.b)", base=RunConfig(dataset="digits", name="*x*").model_dump(mode="json"))
    app = open_page("tune.py", study=str(series))
    assert not app.exception and ":red[x]" in app.selectbox(key="study_chosen").options[0]

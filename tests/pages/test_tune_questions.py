"""Learning rate and More labels? on Tune: settings from the link or a run, the job, its answer, and what comes next."""

from __future__ import annotations

import numpy as np
import pytest

from pages.ui import growth_chart, rate_chart, settings_choice
from tests.finished_run import finished_run
from tests.pages.conftest import settings_shown, texts
from tlcore import before_run, growth
from tlcore.config import parse
from tlcore.rate_range import RateRange, rising
from tlcore.store import DatasetRecord, JobState


def range_test() -> RateRange:
    """Fastest down at 0.003, unstable about 1."""
    at = np.log10(rising())
    losses = 2 - 1.5 / (1 + np.exp(-6 * (at + 2.5))) + 6 / (1 + np.exp(-6 * at))
    return RateRange(tuple(rising().tolist()), tuple(losses.tolist()), len(at))


def refits() -> growth.Growth:
    """A curve that still rises, judged by 400 pictures of two classes."""
    labels, truth = (100, 250, 500, 1000), np.arange(400) % 2
    errors = 0.1 * (np.array(labels) / 1000) ** -0.5
    hits = np.random.default_rng(0).random((4, 5, 400)) > errors[:, None, None]
    return growth.grown(labels, hits, truth, (500, 500), ("1", "<b>7</b>"))


def end(store, job_id: int, result: dict) -> None:
    job = store.claim("tests")
    assert job.id == job_id
    store.finish(job, JobState.done, result=result)


def test_without_pictures_the_next_step_is_named(empty, open_page):
    for tab in ("rate", "more"):
        at = open_page("tune.py", tab=tab)
        assert "Add a dataset first" in texts(at) and not at.button
        assert [link.value for link in at.page_link] == ["Add a dataset"]


def test_the_settings_of_the_link_are_asked_about_and_the_job_can_be_cancelled(digits, store, open_page):
    at = open_page("tune.py", tab="rate", set=['classes=["1", "7"]', "head.hidden=[16, 8]", "optimizer.learning_rate=0.01", "train.early_stopping_patience=null"])
    assert "digits · 2 classes · ResNet20 · head alone learns · frozen · adam at 0.01" in texts(at).replace("\\", "")
    at.button("ask_rate").click().run()
    (job,) = store.jobs("rate")
    asked = job.config
    assert (asked.classes, asked.head.hidden, asked.optimizer.learning_rate, asked.train.early_stopping_patience) == (("1", "7"), (16, 8), 0.01, None)
    assert at.query_params["rate"] == str(job.id)
    assert at.get("progress")
    at.button("cancel_rate").click().run()
    assert store.job(job.id).state is JobState.cancelled and "cancelled" in texts(at)
    at.button("delete_rate").click().run()
    assert not store.jobs("rate") and "rate" not in at.query_params


def test_a_rate_that_was_found_is_shown_and_train_opens_with_it(digits, store, open_page):
    job_id = before_run.submit_rate(store, parse({"dataset": "digits", "head": {"pooling": "flatten"}}))
    end(store, job_id, range_test().to_json())
    at = open_page("tune.py", rate=str(job_id))
    assert at.session_state["tune_tab"] == "Learning rate"
    found = range_test()
    assert f"Try a learning rate of {found.suggestion:g}: there the loss falls fastest" in texts(at).replace("\\", "")
    at.button("train_with_rate").click().run()
    assert not at.exception
    shown = settings_shown(at)
    assert shown["optimizer"]["learning_rate"] == found.suggestion and shown["head"]["pooling"] == "flatten"


def test_the_settings_of_a_run_are_asked_about_and_its_answer_names_classes_literally(digits, store, open_page):
    run = finished_run(store, digits, train__epochs=2, train__seed=3)
    at = open_page("tune.py", tab="more", of=str(run))
    at.button("ask_more").click().run()
    (job,) = store.jobs("more")
    assert job.config == store.job(run).config and at.query_params["of"] == str(run)
    end(store, job.id, refits().to_json())
    at = open_page("tune.py", more=str(job.id))
    assert "Doubling the labels, from 1,000 to 2,000 training pictures, would bring about " in texts(at).replace("\\", "")
    (table,) = at.dataframe
    assert set(table.value["class"]) == {"1", "<b>7</b>"} and (table.value["low"] <= table.value["gain"]).all()


def test_a_class_without_enough_validation_pictures_is_not_told_of(digits, store, open_page):
    found = refits()
    job_id = before_run.submit_more(store, parse({"dataset": "digits"}))
    end(store, job_id, {**found.to_json(), "classes": []})
    at = open_page("tune.py", more=str(job_id))
    assert "No class has the 20 validation pictures that it takes to tell" in texts(at) and not at.dataframe


@pytest.mark.parametrize(("given", "sentence"), [
    ({"of": "99"}, "The link asks for the settings of a run that isn't here"), ({"rate": "99"}, "names an answer that isn't here"),
    ({"set": "train.epochs=many"}, "Settings in the link: 'train.epochs' can't be 'many'"),
    ({"set": "train.epochs=[1"}, "Settings in the link: 'train.epochs=[1' can't be read."), ({"set": "dataset=none"}, "none"),
])  # fmt: skip
def test_a_link_that_asks_for_what_is_not_here_is_answered_with_a_sentence(digits, store, open_page, given, sentence):
    before_run.submit_rate(store, parse({"dataset": "digits"}))
    at = open_page("tune.py", tab="rate", **given)
    assert sentence in texts(at).replace("\\", "") and not at.exception
    if "dataset=none" in given.values():
        at.button("ask_rate").click().run()
        assert at.error and len(store.jobs("rate")) == 1


@pytest.mark.parametrize("kind", ["rate", "more"])
def test_before_any_answer_a_link_to_one_is_answered_too(digits, open_page, kind):
    at = open_page("tune.py", **{kind: "../x"})
    assert "names an answer that isn't here" in at.warning[0].value and not at.exception


@pytest.mark.parametrize("document", [
    {"dataset": "digits"}, {"dataset": "no", "classes": ["1", "yes"], "train": {"epochs": 3}, "name": "a: b"},
    {"dataset": "digits", "strategy": {"name": "lp_ft", "head_epochs": 7}, "freeze": {"trainable_blocks": 1}, "head": {"hidden": [16]}, "train": {"early_stopping_patience": None}},
])  # fmt: skip
def test_settings_go_from_train_to_tune_and_back(document, monkeypatch):
    config = parse(document)
    monkeypatch.setattr(settings_choice.st, "query_params", Query(settings_choice.in_link(config)))
    assert settings_choice.from_link([DatasetRecord("x", "other", (), 0, "", 0.0, {}, 0)]) == config


class Query(dict):
    get_all = dict.__getitem__


def test_refusals_are_shown_and_nothing_is_queued(digits, store, open_page):
    at = open_page("tune.py", tab="more", set="split.train_fraction=0.1")
    at.button("ask_more").click().run()
    assert "to see what a tenth of them would do it takes 20" in at.error[0].value and not store.jobs("more")


def test_charts_draw_what_was_found():
    found = range_test()
    table = rate_chart.rows(found)
    assert table["kind"].value_counts().to_dict() == {rate_chart.EACH: 140, rate_chart.SMOOTHED: 140, rate_chart.SUGGESTED: 1, rate_chart.UNSTABLE: 1}
    assert table["loss"].max() <= 4.0001 and rate_chart.spec(1e-6, 10.0, 4.0, False)["layer"]
    grown = refits()
    table, (low, high) = growth_chart.rows(grown), growth_chart.extent(grown)
    assert (table["kind"] == "seed").sum() == 20 and (table["kind"] == "mean").sum() == 4 and table[table["kind"] == "doubled"]["labels"].item() == pytest.approx(2000)
    assert 0 <= low < table["accuracy"].min() and table["accuracy"].max() < high <= 1
    assert "1,000 labels" in growth_chart.alt_text(grown) and growth_chart.spec(grown.labels, low, high, True)["layer"]

"""The Compare page: chosen through the link, refused with the reason."""

from __future__ import annotations

import pytest

from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore.store import Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def pair(store, workspace) -> list[int]:
    return [finished_run(store, workspace, name=name, train__epochs=epochs) for name, epochs in (("short", 2), ("long", 4))]


def test_without_finished_runs_the_page_names_the_next_step(store, open_page):
    assert "No finished run yet" in open_page("compare.py").info[0].value


def test_two_runs_from_the_link(pair, store, open_page):
    at = open_page("compare.py", runs=",".join(map(str, pair)))
    assert not at.error
    assert at.multiselect[0].value == pair
    figures, settings = at.dataframe[0].value, at.dataframe[1].value
    assert figures["accuracy"].tolist() == [store.job(run).result["test_accuracy"] for run in pair]
    assert settings["setting"].tolist() == ["train.epochs"]
    assert len(at.get("vega_lite_chart")) == 4  # Two with curves, one matrix a run.


def test_a_choice_goes_into_the_link(pair, open_page):
    at = open_page("compare.py")
    assert "Choose two runs" in at.info[0].value
    at.multiselect[0].set_value([pair[1]])
    assert "one more" in at.run().info[0].value
    at.multiselect[0].set_value([pair[1], pair[0]])
    assert at.run().query_params["runs"] == f"{pair[1]},{pair[0]}"
    assert at.dataframe[0].value["run"].tolist() == [pair[1], pair[0]]


def test_other_test_pictures_are_refused_with_the_reason(pair, store, workspace, open_page):
    other = finished_run(store, workspace, split__seed=3, train__epochs=1)
    at = open_page("compare.py", runs=f"{pair[0]},{other}")
    assert "split seed (0 against 3)" in at.error[0].value.replace("\\", "")
    assert not at.dataframe


def test_unknown_runs_in_the_link_are_named(pair, open_page):
    at = open_page("compare.py", runs=f"{pair[0]},999,{pair[1]},../x")
    assert "999" in at.warning[0].value and "no number" in at.warning[0].value
    assert at.multiselect[0].value == pair


def test_equal_settings_are_said_to_be_equal(store, workspace, open_page):
    runs = [finished_run(store, workspace, name=name, train__epochs=1) for name in "ab"]
    assert "All settings are equal" in texts(open_page("compare.py", runs=",".join(map(str, runs))))

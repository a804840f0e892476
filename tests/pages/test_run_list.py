"""The list of runs: its search, orders, filters and groups, tags and hidden runs; and accuracy against cost below Compare."""

from __future__ import annotations

import pytest

from pages.ui.run_filter import names_in
from tests.pages.conftest import texts
from tlcore.run_query import Wanted
from tlcore.store import JobState, Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


def add(store: Store, title: str, backbone: str, state: JobState = JobState.done, dataset: str = "digits", **result: object) -> int:
    config = {"dataset": dataset, "backbone": {"name": backbone}, "strategy": {"name": "frozen"}}
    record = store.dataset("digits").id
    run = store.add_job("train", title, {"config": config, "dataset_id": record}, dataset_id=record)
    job = store.claim("tests")
    assert job is not None and job.id == run
    store.finish(job, state, result=result or None)
    return run


@pytest.fixture
def runs(store) -> list[int]:
    """Four runs, three of them finished: in size and accuracy, the second is beaten by the first."""
    return [
        add(store, "small", "ResNet20", test_accuracy=0.7, test_macro_f1=0.6, best_val_accuracy=0.7, total_params=1000, test_images=40),
        add(store, "middle", "VGG16", test_accuracy=0.6, test_macro_f1=0.7, best_val_accuracy=0.6, total_params=50_000, test_images=40),
        add(store, "broken", "VGG16", JobState.failed),
        add(store, "large", "VGG16", test_accuracy=0.9, test_macro_f1=0.9, best_val_accuracy=0.9, total_params=90_000, test_images=40),
    ]


def shown(at) -> list[str]:
    return at.dataframe[0].value["title"].tolist()


def test_a_link_holds_filters_and_order(runs, open_page):
    assert shown(open_page("runs.py", sort="parameters")) == ["small", "middle", "large", "broken"]
    at = open_page("runs.py", sort="macro_f1", backbone="VGG16", status="done", find="l")
    assert shown(at) == ["large", "middle"]
    assert "Only: done · backbone VGG16 · “l”" in texts(at)
    at.button(key="show_all_runs").click()
    assert shown(at.run()) == ["large", "middle", "small", "broken"] and "backbone" not in at.query_params and at.text_input(key="find").value == ""
    assert at.query_params["sort"] == "macro_f1", "the order stays"
    assert shown(open_page("runs.py", sort="nonsense")) == ["large", "broken", "middle", "small"]


def test_choices_are_written_into_the_link_and_begin_on_the_first_page(store, runs, open_page):
    for number in range(30):
        store.add_job("train", f"waits {number}", {"config": {"dataset": "d"}, "dataset_id": None})
    at = open_page("runs.py", page="2")
    assert shown(at)[-1] == "small"
    at.selectbox(key="runs_sort").set_value("accuracy")
    assert shown(at.run())[:3] == ["large", "small", "middle"] and at.query_params["sort"] == "accuracy"
    at.multiselect(key="runs_backbone").set_value(["VGG16"])
    assert shown(at.run()) == ["large", "middle", "broken"] and at.query_params["backbone"] == "VGG16"
    at.selectbox(key="runs_sort").set_value("newest")
    assert shown(at.run()) == ["large", "broken", "middle"] and "sort" not in at.query_params


def test_a_name_that_no_run_has_fits_no_run_and_can_be_taken_off(runs, open_page):
    at = open_page("runs.py", dataset="gone")
    assert "No run fits" in at.info[0].value and at.multiselect(key="runs_dataset").value == ["gone"]
    assert open_page("runs.py", series="x").dataframe[0].value.shape[0] == 4


def test_names_with_commas_come_back_from_a_link():
    assert names_in("a,b,c", ["a", "a,b", "d"]) == ["a", "a,b", "c"]
    assert names_in("cats, dogs,birds", ["cats, dogs", "birds", "dogs"]) == ["cats, dogs", "birds"]
    assert names_in("", ["a"]) == []


def test_groups_open_as_the_runs_that_are_in_them(store, runs, open_page):
    store.tags.change(runs[:2], add=["kept"])
    at = open_page("runs.py", group="backbone", sort="macro_f1")
    table = at.dataframe[0].value
    assert table["group"].tolist() == ["VGG16", "ResNet20"] and table["runs"].tolist() == [3, 1] and table["finished"].tolist() == [2, 1]
    assert table["mean"].tolist() == pytest.approx([0.8, 0.6]) and table["sd"].iloc[0] == pytest.approx(0.02**0.5) and table["best"].tolist() == [0.9, 0.6]
    assert open_page("runs.py", group="tag").dataframe[0].value["group"].tolist() == ["no tag", "kept"]
    at.session_state["open_group"] = {"row": 0, "label": "Show"}
    assert [button.proto.label for button in at.get("download_button")] == ["Download CSV"]


def test_tags_of_one_run_stand_on_its_page(store, runs, open_page):
    at = open_page("runs.py", run=str(runs[0]))
    (box,) = [each for each in at.multiselect if each.key.startswith("tags_one")]
    box.set_value(["thesis", "first try"])
    at.run()
    assert store.tags.of([runs[0]]) == {runs[0]: ("first try", "thesis")}
    (box,) = [each for each in at.multiselect if each.key.startswith("tags_one")]
    assert box.value == ["first try", "thesis"]
    box.set_value(["first try", "thesis", "a,b"])
    assert "can't be a tag" in at.run().error[0].value.replace("\\", "")
    assert store.tags.of([runs[0]]) == {runs[0]: ("first try", "thesis")}


def tick(at, rows: list[int], ids: list[int]):
    """Rows of the table as ticked, of these runs in the order shown."""
    at.session_state[f"run_table_{hash(tuple(ids))}"] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return at.run()


def test_ticked_runs_are_tagged_and_hidden_together(store, runs, open_page):
    store.tags.change(runs[:1], add=["only small"])
    at = tick(open_page("runs.py"), [2, 3], runs[::-1])
    common, partial = (each for each in at.multiselect if each.key.startswith("tags_list"))
    assert common.value == [] and partial.options == ["only small"]
    common.set_value(["both"])
    at = tick(at, [2, 3], runs[::-1])
    (_, partial) = (each for each in at.multiselect if each.key.startswith("tags_list"))
    partial.set_value(["only small"])
    at = tick(at, [2, 3], runs[::-1])
    assert store.tags.of(runs[:2]) == {runs[0]: ("both",), runs[1]: ("both",)}
    at = tick(open_page("runs.py", tag="both"), [0, 1], [runs[1], runs[0]])
    at.button(key="hide_list").click()
    assert "No run fits" in at.run().info[0].value
    assert shown(open_page("runs.py")) == ["large", "broken"] and store.tags.hidden(runs) == set(runs[:2])
    at = open_page("runs.py", hidden="only")
    assert shown(at) == ["middle", "small"] and list(at.dataframe[0].value["tags"].iloc[0]) == ["(hidden)", "both"]
    assert len(open_page("compare.py").multiselect[0].options) == 1 and len(open_page("compare.py", runs=str(runs[0])).multiselect[0].value) == 1
    at = tick(at, [0, 1], [runs[1], runs[0]])
    at.button(key="hide_list").click()
    at.run()
    assert store.runs.count(Wanted()) == 4


def chart(at) -> str:
    return next(each.proto.alt for each in at.get("vega_lite_chart") if "against" in each.proto.alt)


def test_accuracy_against_cost_is_there_before_any_run_is_chosen(runs, open_page):
    at = open_page("compare.py", cost="parameters")
    assert "Choose two runs" in at.info[0].value
    assert chart(at) == "Test accuracy against parameters of 3 runs, 2 of them on the Pareto front"
    assert at.dataframe[-1].value["run"].tolist() == [runs[0], runs[3]]
    at.selectbox(key="cost_gain").set_value("macro_f1")
    assert "3 of them on the Pareto front" in chart(at.run()) and at.query_params["gain"] == "macro_f1"
    at.selectbox(key="cost_cost").set_value("latency_ms")
    assert "None of these runs has both macro f1 and latency" in at.run().info[1].value


def test_picked_runs_become_the_compared_ones(runs, open_page):
    at = open_page("compare.py", cost="parameters")
    at.session_state["cost_parameters_accuracy"] = {"selection": {"picked": [{"run": runs[1]}], "area": {"cost": [80_000, 100_000], "gain": [0.8, 1.0]}}}
    assert "**2 runs picked**" in texts(at.run())
    at.button(key="compare_picked").click()
    at.run()
    assert at.query_params["runs"] == f"{runs[3]},{runs[1]}" and at.multiselect[0].value == [runs[3], runs[1]]


def test_runs_tested_on_other_pictures_have_a_chart_of_their_own(store, runs, open_page):
    other = add(store, "elsewhere", "VGG16", test_accuracy=0.2, test_macro_f1=0.2, total_params=10, test_ids_hash="abc", test_images=9, best_val_accuracy=0.1)
    at = open_page("compare.py", cost="parameters")
    assert "of 3 runs" in chart(at) and "of 1 run," in chart(open_page("compare.py", cost="parameters", runs=str(other)))
    assert at.selectbox(key="cost_tested").options == [f"40 pictures of digits · 3 runs, newest {runs[3]}", f"9 pictures of digits · 1 run, newest {other}"]
    at.selectbox(key="cost_tested").set_value(at.selectbox(key="cost_tested").options[1])
    assert "of 1 run," in chart(at.run()) and "of 1 run," in chart(open_page("compare.py", cost="parameters", tested=at.query_params["tested"]))


def test_without_a_tested_run_there_is_no_chart(store, open_page):
    add(store, "broken", "VGG16", JobState.failed)
    assert not open_page("compare.py").get("vega_lite_chart")

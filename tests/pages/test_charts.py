"""Chart specifications: without data, built once, readable from 2 to 100 classes."""

from __future__ import annotations

import json

from pages.ui import charts, confusion_chart


def marks(spec: dict) -> list[str]:
    return [layer["mark"]["type"] for layer in spec["layer"]]


def test_specifications_hold_no_data_and_are_built_once():
    for draw in (
        lambda: charts.curves("loss", "epoch", ("a",), False),
        lambda: confusion_chart.confusion(("cat", "dog"), False, False),
        lambda: charts.phases(3, 2.5, True),
        lambda: charts.phases(3, 2.5, True, True),
    ):
        assert draw() is draw()
        assert not {"data", "datasets"} & set(json.loads(json.dumps(draw())))


def test_numbers_stand_in_cells_only_as_long_as_they_fit():
    few, many = (confusion_chart.confusion(tuple(str(i) for i in range(k)), False, True) for k in (2, 100))
    assert marks(few) == ["rect", "text", "rect"] and marks(many) == ["rect", "rect"]
    assert few["height"] < many["height"] < 900


def test_the_mark_that_takes_the_click_lies_on_top_of_the_numbers():
    spec = confusion_chart.confusion(("cat", "dog"), False, False)
    assert spec["layer"][-1]["mark"]["fill"] == "transparent"
    assert [param["name"] for param in spec["params"]] == ["cell"]
    assert spec["params"][0]["views"] == [spec["layer"][-1]["name"]]


def test_every_row_has_its_name_beside_it():
    for spec in (confusion_chart.confusion(("cat", "dog"), False, False), charts.phases(3, 2.5, True)):
        assert spec["layer"][0]["encoding"]["y"]["axis"]["labelFlush"] is False  # Otherwise the first one is moved inwards.


def test_runs_differ_in_shape_as_well_as_in_colour():
    encoding = charts.curves("accuracy", "seconds", tuple(f"run {i}" for i in range(8)), True)["layer"][-1]["encoding"]
    assert encoding["color"]["field"] == encoding["shape"]["field"] == "run"
    assert len(set(encoding["shape"]["scale"]["range"])) == 8


def test_what_was_predicted_is_a_tick_and_a_line_through_the_bar():
    assert marks(charts.phases(3, 2.5, False)) == ["bar", "text"]
    spec = charts.phases(3, 2.5, False, True)
    assert marks(spec) == ["bar", "rule", "tick", "text"]
    assert spec["layer"][1]["encoding"]["x"]["field"] == "low" and spec["layer"][1]["encoding"]["x2"]["field"] == "high"
    assert {layer["encoding"]["x"]["scale"]["domain"][1] for layer in spec["layer"]} == {1.25 * 2.5}, "one scale for all"

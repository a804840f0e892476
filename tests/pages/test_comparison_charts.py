"""The charts of a comparison: without data, built once, and readable from 2 to 100 classes and 28 pairs."""

from __future__ import annotations

import json

from pages.ui import class_bars_chart, difference_chart, interval_chart


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{i} · way" for i in range(count))


def test_specifications_hold_no_data_and_are_built_once():
    for draw in (
        lambda: interval_chart.spec(names(3), "accuracy", False),
        lambda: interval_chart.gain_spec(("2 over 1",), "auc", True),
        lambda: class_bars_chart.spec(("cat", "dog"), names(8), "f1", False),
        lambda: difference_chart.spec(("cat", "dog"), 4, False),
    ):
        assert draw() is draw()
        assert '"data"' not in json.dumps(draw()) and "datasets" not in draw()


def test_height_grows_with_what_is_shown():
    assert interval_chart.gain_spec(names(28), "accuracy", False)["height"] - interval_chart.gain_spec(names(1), "accuracy", False)["height"] == 27 * 24
    assert class_bars_chart.spec(("cat",), names(8), "recall", False)["height"] > class_bars_chart.spec(("cat",), names(2), "recall", False)["height"] + 6 * 13


def test_runs_and_verdicts_differ_in_more_than_colour():
    dots = interval_chart.spec(names(8), "accuracy", False)["layer"][3]["encoding"]
    assert len(set(dots["shape"]["scale"]["range"])) == 8 and dots["color"]["scale"]["domain"] == list(names(8))
    assert len(set(interval_chart.gain_spec(("2 over 1",), "accuracy", False)["layer"][2]["encoding"]["shape"]["scale"]["range"])) == 2
    assert class_bars_chart.spec(("cat",), names(2), "recall", False)["layer"][2]["encoding"]["text"]["field"] == "number"


def test_changes_are_signed_numbers_as_long_as_they_fit_and_the_click_lies_on_top():
    few, many = (difference_chart.spec(tuple(str(i) for i in range(k)), 9, False) for k in (2, 100))
    assert [layer["mark"]["type"] for layer in few["layer"]] == ["rect", "text", "rect"] and len(many["layer"]) == 2
    assert few["params"][0]["name"] == "cell" and few["params"][0]["views"] == [few["layer"][-1]["name"]]
    assert few["height"] < many["height"] < 900

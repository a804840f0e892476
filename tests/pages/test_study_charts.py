"""The charts of a study: without data, built once, readable with names and numbers, and their rows worked out by hand."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from pages.ui import (
    depth_chart,
    history_chart,
    importance_chart,
    parallel_chart,
    seconds_chart,
    slice_chart,
)
from pages.ui.trial_axis import Scored, of_names, of_numbers, written

ACCURACY, LOSS = Scored("Validation accuracy"), Scored("Validation loss", share=False, lower=True)
RATE = of_numbers("optimizer.learning_rate", "Learning rate", 1e-4, 1e-2, True)
HIDDEN = of_names("head.hidden", "Hidden layers", [[], [256, 128]])
BLOCKS = of_numbers("freeze.trainable_blocks", "Blocks that learn", 0, 2)
AXES = (RATE, HIDDEN, BLOCKS)


@pytest.fixture
def trials() -> pd.DataFrame:
    """Four trials: two finished, one pruned, one failed."""
    return pd.DataFrame({
        "number": [0, 1, 2, 3], "run": [10, 11, 12, 13], "role": "trial", "state": ["done", "pruned", "done", "failed"],
        "score": [0.8, 0.95, 0.9, None], "seconds": [2.0, 1.0, 3.0, 0.5], "note": "",
        "optimizer.learning_rate": [1e-4, 1e-3, 1e-3, 1e-2], "head.hidden": [[], [256, 128], [256, 128], []], "freeze.trainable_blocks": [0, 1, 2, 2],
    })


def test_specifications_hold_no_data_and_are_built_once():
    for draw in (
        lambda: history_chart.spec(ACCURACY, ("done", "pruned"), False),
        lambda: parallel_chart.spec(("Learning rate", "Score"), LOSS, True),
        lambda: importance_chart.spec(("Dropout",), False),
        lambda: slice_chart.spec(RATE, ACCURACY, False),
        lambda: slice_chart.map_spec(RATE, HIDDEN, ACCURACY, False),
        lambda: seconds_chart.spec(ACCURACY, True),
        lambda: depth_chart.spec(BLOCKS, ACCURACY, True),
        lambda: depth_chart.seconds_spec(BLOCKS, True),
    ):
        assert draw() is draw()
        assert '"data"' not in json.dumps(draw()) and "datasets" not in draw()


def test_an_axis_knows_where_its_values_lie_and_what_to_write_beside_it():
    assert RATE.share(1e-3) == pytest.approx(0.5) and [word for _, word in RATE.ticks()] == ["0.0001", "0.001", "0.01"]
    assert HIDDEN.names == ("none", "256, 128") and HIDDEN.place([256, 128]) == 1 and math.isnan(HIDDEN.place([1]))
    assert BLOCKS.ticks() == [(0, "0"), (0.5, "1"), (1, "2")], "whole numbers have whole ticks"
    assert of_numbers("a", "A", 2e-4, 5e-4, True).ticks()[0] == (pytest.approx(0), "0.0002"), "within one decade the ends are written"
    assert of_names("a", "A", ["only"]).share("only") == 0.5
    assert [written(value) for value in (0.0003, 64, None, True, ())] == ["0.0003", "64", "none", "yes", "none"]


def test_only_finished_trials_better_the_best_so_far(trials):
    shown = history_chart.rows(trials, ACCURACY)
    assert shown["trial"].tolist() == [0, 1, 2] and shown["best"].tolist() == [0.8, 0.8, 0.9] and shown["record"].tolist() == [True, False, True]
    assert history_chart.alt_text(shown, ACCURACY) == "Validation accuracy of 3 trials. The best so far rose at trial 0: 80.0%; trial 2: 90.0%."
    falling = history_chart.rows(trials.assign(state="done"), LOSS)
    assert falling["best"].tolist() == [0.8, 0.8, 0.8]
    assert not history_chart.rows(trials.assign(state="pruned"), ACCURACY)["record"].any()


def test_how_a_trial_ended_is_told_by_shape_too():
    mark = history_chart.spec(ACCURACY, ("done", "pruned", "running"), False)["layer"][1]["encoding"]
    assert mark["shape"]["field"] == mark["color"]["field"] and len(set(mark["shape"]["scale"]["range"])) >= 4


def test_a_line_of_parallel_coordinates_goes_through_every_setting_to_the_score(trials):
    shown = parallel_chart.rows(trials, AXES, ACCURACY)
    best = shown[shown["kind"] == "best"]
    assert best["trial"].unique().tolist() == [1] and best["at"].tolist() == pytest.approx([0.5, 1, 0.5, 1])
    assert shown[shown["kind"] != "tick"]["trial"].iloc[-1] == 1, "the best lies on top"
    assert parallel_chart.rows(trials, AXES, LOSS).query("kind == 'best'")["trial"].unique().tolist() == [0]
    assert parallel_chart.rows(trials, AXES, ACCURACY, leader=0).query("kind == 'best'")["trial"].unique().tolist() == [0], "further seeds may tell otherwise"
    assert "learning rate 0.001, hidden layers 256, 128" in parallel_chart.alt_text(shown, AXES)


def test_three_hundred_lines_leave_the_best_tenth_strong(trials):
    many = pd.concat([trials.iloc[[0]]] * 300).assign(number=range(300), score=[place / 300 for place in range(300)])
    lines = parallel_chart.rows(many, AXES, ACCURACY).query("kind != 'tick'").drop_duplicates("trial")
    assert (lines["rank"] < parallel_chart.STRONG).sum() == 30


def test_a_slice_of_names_has_their_means_and_the_best_is_ringed(trials):
    shown = slice_chart.rows(trials, HIDDEN, ACCURACY)
    means = shown[shown["kind"] == "mean"]
    assert means["value"].tolist() == ["none", "256, 128"] and means["score"].tolist() == pytest.approx([0.8, 0.925])
    assert shown.query("kind == 'best'")["trial"].tolist() == [1] and slice_chart.rows(trials, RATE, LOSS).query("kind == 'best'")["trial"].tolist() == [0]
    assert slice_chart.spec(RATE, ACCURACY, False)["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_cells_of_the_map_hold_the_mean_of_their_trials(trials):
    shown = slice_chart.map_rows(trials, RATE, HIDDEN, ACCURACY)
    cells = shown[shown["kind"] == "cell"]
    assert cells["trials"].sum() == 3 and cells["score"].max() == pytest.approx(0.925) and cells.set_index("score").loc[cells["score"].max(), "trials"] == 2
    assert (cells["x"] < cells["x2"]).all() and (cells["y2"] - cells["y"] == 1).all()


def test_the_front_of_score_against_seconds(trials):
    shown = seconds_chart.rows(trials.assign(state="done"), ACCURACY)
    assert shown["on"].tolist() == [False, True, False]
    assert seconds_chart.rows(trials, ACCURACY)["on"].tolist() == [True, True], "the pruned one doesn't count"
    assert seconds_chart.rows(trials, LOSS)["on"].tolist() == [True, False]


def test_bars_of_importance_come_the_longest_first():
    shown = importance_chart.rows(pd.DataFrame({"setting": ["a", "b"], "importance": [0.25, 0.75]}), {"b": "Dropout"})
    assert shown["setting"].tolist() == ["Dropout", "a"] and importance_chart.alt_text(shown).endswith("Dropout: 75%; a: 25%")


def test_a_sweep_shows_means_with_intervals_beside_single_runs(trials):
    means = pd.DataFrame({"value": [0, 2], "mean": [0.8, 0.9], "low": [0.7, None], "high": [0.9, None], "runs": [3, 1], "seconds": [2.0, 3.0]})
    shown = depth_chart.rows(means, trials, BLOCKS, ACCURACY)
    assert shown["kind"].tolist() == ["mean", "mean", "run", "run"] and shown["at"].tolist() == [0, 2, 0, 2]
    assert depth_chart.alt_text(shown, BLOCKS, ACCURACY).endswith("0: 80.0% (70.0% to 90.0%), 3 runs, 2 s; 2: 90.0%, 1 run, 3 s")

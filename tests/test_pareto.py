"""The Pareto front by hand, by comparing all pairs, and for 2,000 runs at once; what a chart's selection picks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tlcore.pareto import OTHERS, against_cost, front, on_front, picked, spans_decades


def test_the_front_by_hand():
    #            cheapest, as dear but worse, dearer and better, dearest and worse, the best's equal, unknown
    cost, gain = np.array([1, 1, 2, 9, 2, np.nan]), np.array([0.5, 0.4, 0.8, 0.7, 0.8, 0.99])
    assert front(cost, gain).tolist() == [True, False, True, False, True, False]
    assert front(np.array([]), np.array([])).tolist() == [] and front(np.array([np.nan]), np.array([1.0])).tolist() == [False]


def test_the_front_is_what_no_other_point_beats():
    rng = np.random.default_rng(0)
    cost, gain = rng.integers(0, 30, 300).astype(float), rng.integers(0, 30, 300) / 30
    no_worse = (cost[None] <= cost[:, None]) & (gain[None] >= gain[:, None])
    better = (cost[None] < cost[:, None]) | (gain[None] > gain[:, None])
    assert np.array_equal(front(cost, gain), ~(no_worse & better).any(axis=1))


def test_two_thousand_points_take_no_time():
    rng = np.random.default_rng(0)
    began = time.process_time()
    assert front(rng.random(2000), rng.random(2000)).any()
    assert time.process_time() - began < 0.1


def run(number: int, accuracy: float | None, seconds: float | None, backbone: str | None = "A") -> dict:
    return {"run": number, "title": f"run {number}", "backbone": backbone, "strategy": "frozen", "accuracy": accuracy, "seconds": seconds, "auc": 0.5}


RUNS = [run(1, 0.9, 10.0), run(2, 0.8, 20.0, "B"), run(3, 0.7, 5.0), run(4, None, 1.0), run(5, 0.99, None), run(6, 0.95, 100.0, None)]


def test_runs_that_lack_a_number_are_left_out_and_the_front_is_listed_from_the_cheapest():
    table = against_cost(RUNS, "seconds", "accuracy")
    assert table["run"].tolist() == [1, 2, 3, 6] and table["kind"].tolist() == ["A", "B", "A", "unknown"]
    assert on_front(table)["run"].tolist() == [3, 1, 6]
    assert against_cost([], "seconds", "accuracy").empty and against_cost(RUNS[3:5], "seconds", "accuracy").empty


def test_of_too_many_backbones_the_rarest_are_others():
    runs = [run(number, 0.5, 1.0, "ABCD"[min(3, number % 5)]) for number in range(20)]  # D twice as often as the others.
    kinds = against_cost(runs, "seconds", "accuracy", most_kinds=3)["kind"].value_counts()
    assert len(kinds) == 3 and kinds[OTHERS] == 8 and kinds["D"] == 8
    assert set(against_cost(runs, "seconds", "accuracy", most_kinds=4)["kind"]) == set("ABCD")
    assert set(against_cost(runs, "seconds", "accuracy", kind="strategy")["kind"]) == {"frozen"}


@pytest.mark.parametrize(
    ("selection", "runs"),
    [
        ({}, []),
        ({"picked": [{"run": 2}, {"run": 1}], "area": {}}, [1, 2]),
        ({"area": {"cost": [20.0, 5.0], "gain": [0.7, 0.85]}}, [2, 3]),
        ({"picked": [{"run": 6}, {"run": 77}], "area": {"cost": [0, 6], "gain": [0, 1]}}, [6, 3]),
        ({"picked": [{"other": 1}], "area": {"cost": [0, 6]}}, []),
    ],
)
def test_what_is_clicked_and_what_lies_in_the_area_are_picked_the_best_first(selection, runs):
    assert picked(against_cost(RUNS, "seconds", "accuracy"), selection) == runs


def test_an_axis_is_logarithmic_from_one_power_of_ten_on():
    costs = against_cost(RUNS, "seconds", "accuracy")["cost"]
    assert spans_decades(costs) and not spans_decades(costs[costs < 50]) and not spans_decades(costs - 5) and not spans_decades(costs[:0])

"""The Pareto front by hand, by comparing all pairs, and for 2,000 runs at once."""

from __future__ import annotations

import time

import numpy as np

from tests.finished_run import listed_runs
from tlcore import demo
from tlcore.pareto import accuracy_against_cost, front
from tlcore.store import JobState


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


def test_runs_are_held_against_runs_on_the_same_pictures(store, workspace):
    demo.ensure_built_in("digits", store, workspace)
    ids = listed_runs(store, 4)  # Without costs, on one dataset; accuracies 0, 1/4, 2/4, 3/4.
    for tested, accuracy, seconds in [("a", 0.9, 10.0), ("a", 0.8, 20.0), ("b", 0.1, 30.0)]:
        store.add_job("train", "costly", {"config": {"dataset": "digits"}})
        store.finish(store.claim("tests"), JobState.done, result={"test_accuracy": accuracy, "seconds": seconds, "test_ids_hash": tested})
    table = accuracy_against_cost(store.jobs("train"))
    assert len(table) == len(ids) + 3
    assert table[table["test_set"] == "a"].sort_values("accuracy")["on_seconds"].tolist() == [False, True]
    alone = table[table["test_set"] == "b"].iloc[0]
    assert alone["on_seconds"] and not alone["on_parameters"], "the only one on its pictures; its parameters are unknown"
    assert not table[table["run"].isin(ids)]["on_seconds"].any()
    assert accuracy_against_cost([]).empty

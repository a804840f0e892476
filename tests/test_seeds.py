"""Runs that differ in chance alone are found and summed up."""

from __future__ import annotations

import pandas as pd
import pytest

from tlcore.config import parse, with_changes
from tlcore.seeds import groups, mean_and_spread


def config(**changes):
    return parse(with_changes({"dataset": "d"}, {key.replace("__", "."): value for key, value in changes.items()}))


def test_only_seeds_and_names_may_differ():
    configs = {
        1: config(), 2: config(train__seed=5, name="again"), 3: config(train__epochs=3), 4: config(augment__seed=1, split__seed=2, target__seed=3),
        5: config(train__epochs=3, train__seed=9),
    }
    assert groups(configs) == [(1, 2, 4), (3, 5)]


def test_mean_and_standard_deviation_by_hand():
    # 0.8, 0.9 and 1: mean 0.9, sample deviation 0.1.
    table = pd.DataFrame({"run": [1, 2, 3, 4], "title": ["a", "b", "c", "d"], "accuracy": [0.8, 0.9, 1.0, 0.1], "auc": [0.5, None, 0.7, 0.1]})
    [row] = mean_and_spread(table, [(1, 2, 3), (4,)], ["accuracy", "auc"]).to_dict("records")
    assert row["runs"] == [1, 2, 3] and row["count"] == 3 and row["title"] == "a"
    assert (row["accuracy_mean"], row["accuracy_sd"]) == pytest.approx((0.9, 0.1))
    assert pd.isna(row["auc_mean"]), "one run has none"
    assert mean_and_spread(table, [(1,), (2,)], ["accuracy"]).empty

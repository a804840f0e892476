"""Names in a legend tell runs apart."""

from __future__ import annotations

import pandas as pd

from tlcore.run_names import short_names


def settings(**rows: list[str]) -> pd.DataFrame:
    return pd.DataFrame([[name.replace("__", "."), *values] for name, values in rows.items()], columns=["setting", *(str(i) for i in range(1, 1 + len(next(iter(rows.values()), []))))])


def test_short_titles_that_differ_are_the_names():
    assert short_names({3: "quick  steps", 4: "small steps"}, settings()) == {3: "3 · quick steps", 4: "4 · small steps"}


def test_a_name_that_somebody_gave_stands_beside_settings_of_others():
    named = short_names({1: "baseline", 2: "digits · ResNet20", 3: "digits · ResNet20"}, settings(train__epochs=["5", "5", "9"]))
    assert named == {1: "1 · baseline", 2: "2 · epochs 5", 3: "3 · epochs 9"}


def test_otherwise_the_settings_that_differ_are_and_seeds_only_where_nothing_else_is_left():
    titles = dict.fromkeys([1, 2, 3, 4], "digits · ResNet20")
    given = settings(train__seed=["0", "0", "0", "7"], optimizer__learning_rate=["0.01", "1e-05", "1e-05", "1e-05"], freeze__batch_norm=["True", "True", "True", "False"], strategy__name=["frozen", "frozen", "coral", "frozen"])
    assert short_names(titles, given) == {
        1: "1 · frozen, learning rate 0.01, batch norm True", 2: "2 · frozen, learning rate 1e-05, batch norm True",
        3: "3 · coral, learning rate 1e-05, batch norm True", 4: "4 · frozen, learning rate 1e-05, batch norm False",
    }
    assert short_names({1: "digits · ResNet20", 2: "digits · ResNet20"}, settings(train__seed=["0", "7"])) == {1: "1 · seed 0", 2: "2 · seed 7"}


def test_long_titles_of_equal_runs_are_cut():
    named = short_names({1: "a very long name of an experiment that goes on and on and on", 2: "b"}, settings())
    assert named[1].startswith("1 · a very long name of") and named[1].endswith("…") and len(named[1]) == 52 and named[2] == "2 · b"

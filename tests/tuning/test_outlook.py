"""What a study will take, before it starts: its runs counted, and their time from the forecasts of such runs."""

from __future__ import annotations

import pytest

from tests.tuning.studies import study
from tlcore import demo
from tlcore.store import Store
from tlcore.tuning import outlook


@pytest.fixture
def store(workspace) -> Store:
    opened = Store.open(workspace)
    demo.ensure_built_in("digits", opened, workspace)
    return opened


def test_trials_repeats_and_the_winner_are_counted():
    assert outlook.runs(study()) == (4, 0, 1) and outlook.runs(study()).all == 5
    assert outlook.runs(study(seeds=3, finalists=2)) == (4, 4, 1)
    assert outlook.runs(study(seeds=3, finalists=None)) == (4, 8, 1)
    endless = outlook.runs(study(budget={"minutes": 5}, seeds=2, finalists=None))
    assert endless.trials is None and endless.all is None
    grid = study(space={"head.hidden": {"values": [[], [64]]}, "freeze.trainable_blocks": {"low": 0, "high": 2}}, sampler="grid", budget={"trials": 100})
    assert outlook.runs(grid).trials == 6


def test_more_trials_take_longer_and_features_are_paid_once(store):
    few, many = (outlook.expected(store, study(budget={"trials": trials})) for trials in (10, 100))
    assert few.low < few.likely < few.high and 2 * few.likely < many.likely < 10 * few.likely
    assert outlook.expected(store, study(budget={"minutes": 5})) is None


def test_backbones_that_take_longer_count_with_their_share(store):
    space = {"backbone.name": {"values": ["ResNet20"]}}
    small, both = (outlook.expected(store, study(space={"backbone.name": {"values": names}})) for names in (["ResNet20"], ["ResNet20", "VGG16"]))
    assert small.likely < both.likely
    assert outlook.expected(store, study(space=space | {"freeze.trainable_blocks": {"low": 0, "high": 3}})).likely > small.likely

"""What a study may say, what is refused and how, and the runs that it stands for."""

from __future__ import annotations

import itertools

import pytest
import yaml

from tests.tuning.studies import BASE, SPACE, study
from tlcore import demo
from tlcore.augment import PRESETS
from tlcore.config import parse
from tlcore.errors import InputError, NotFoundError
from tlcore.tuning.axes import SEARCHABLE, Fixed, Listed, Ranged, read_axis
from tlcore.tuning.presets import depth_sweep, quick_search
from tlcore.tuning.study import base_values, check, config_of, grid, parse_study, read_study


def test_yaml_out_and_in_gives_the_same_study(tmp_path):
    made = study(goal={"metric": "val_macro_f1", "seconds": True}, seeds=2, finalists=None)
    path = tmp_path / "study.yaml"
    path.write_text(made.to_yaml())
    assert read_study(path) == made
    changed = read_study(path, {"budget.trials": 7, "base.train.epochs": 2})
    assert changed.budget.trials == 7 and changed.base.train.epochs == 2
    changed = read_study(path, {"space.head.dropout.high": 0.3, "space.head.pooling": {"values": ["avg", "max"]}})
    assert changed.space["head.dropout"] == Ranged(low=0, high=0.3) and changed.space["head.pooling"].values == ("avg", "max")
    with pytest.raises(InputError, match="'head.width' can't be searched"):
        read_study(path, {"space.head.width": {"values": [1]}})


@pytest.mark.parametrize(("changes", "said"), [
    ({"space": {"head.width": {"values": [1]}}}, "'head.width' can't be searched"),
    ({"space": {}}, "'space': nothing is searched. Choose one setting or more among: backbone.name,"),
    ({"space": {"head.dropout": {"low": 0.5, "high": 0.5}}}, "study: 'space.head.dropout': low must be below high, and 0.5 is not below 0.5"),
    ({"space": {"head.dropout": {"low": 0, "high": 0.5, "log": True}}}, "must begin above 0"),
    ({"space": {"head.dropout": {"low": 0, "high": 1.5}}}, "'head.dropout' can't be '1.5'"),
    ({"space": {"head.dropout": {"low": 0}}}, "'space.head.dropout.high' is missing"),
    ({"space": {"head.dropout": {"values": []}}}, "'space.head.dropout.values'"),
    ({"space": {"head.dropout": {"values": [0.1, 0.1]}}}, "listed twice"),
    ({"space": {"head.pooling": {"low": 0, "high": 1}}}, "'head.pooling' has no range"),
    ({"space": {"head.pooling": {"values": ["avg", "sum"]}}}, "'head.pooling' can't be 'sum'"),
    ({"space": {"backbone.name": {"values": ["ResNet20", "ResNet9000"]}}}, "ResNet9000"),
    ({"space": {"augment": {"values": ["none", "wild"]}}}, "'augment' can't be 'wild'"),
    ({"space": {"train.batch_size": {"low": 16, "high": 64.5}}}, "whole number"),
    ({"budget": {}}, "budget.trials, budget.minutes or both"),
    ({"budget": {"trials": 0}}, "'budget.trials'"),
    ({"sampler": "magic"}, "'sampler'"),
    ({"sampler": "grid"}, "'optimizer.learning_rate' has too many values for a grid"),
    ({"seed": True}, "not true or false"),
    ({"base": {"dataset": "digits", "train": {"epochs": 0}}}, "study: base: 'train.epochs'"),
    ({"base": None}, "'base' is missing"),
    ({"sampling": "tpe"}, "'sampling' is not a setting"),
])
def test_what_is_wrong_is_named(changes, said):
    with pytest.raises(InputError) as caught:
        study(**changes)
    assert said in str(caught.value) and str(caught.value).startswith("study: ")


def test_values_are_read_as_the_setting_takes_them():
    base = parse(BASE)
    assert read_axis("optimizer.learning_rate", Listed(values=("1e-3", 0.01)), base) == Listed(values=(0.001, 0.01))  # YAML reads 1e-3 as text.
    assert read_axis("head.hidden", Listed(values=((), (64,))), base).values == ([], [64])
    assert read_axis("train.batch_size", Fixed(value="64"), base).value == 64
    for setting, known in SEARCHABLE.items():
        assert read_axis(setting, known.default, base), "what a form offers can be searched"


def test_a_trial_is_the_base_with_its_values_and_its_seed():
    made = config_of(study(), {"head.hidden": [64], "optimizer.learning_rate": 0.003, "augment": "light"}, seed=5, name="Trial 3")
    assert made.head.hidden == (64,) and made.optimizer.learning_rate == 0.003 and made.train.seed == 5 and made.name == "Trial 3"
    assert made.augment == PRESETS["light"] and made.dataset == "digits"


def test_another_backbone_begins_with_weights_that_it_has():
    made = study(base={**BASE, "backbone": {"name": "ResNet20", "weights": "bundled"}})
    assert config_of(made, {"backbone.name": "MobileNetV2"}, 0).backbone.weights == "imagenet"
    none = study(base={**BASE, "backbone": {"name": "ResNet20", "weights": "none"}})
    assert config_of(none, {"backbone.name": "MobileNetV2"}, 0).backbone.weights == "none", "what exists for both stays"
    taken = study(base={**BASE, "backbone": {"name": "MobileNet", "weights": "run", "run": 3}})
    assert config_of(taken, {"backbone.name": "MobileNetV2"}, 0).backbone.run is None
    assert config_of(taken, {"backbone.name": "MobileNet"}, 0).backbone.run == 3


def test_settings_that_do_not_go_together_are_not_bent():
    tuned = study(base={**BASE, "strategy": {"name": "fine_tune"}, "freeze": {"trainable_blocks": 2}}, space={"freeze.trainable_blocks": {"low": 0, "high": 2}})
    with pytest.raises(InputError, match="needs blocks that learn"):
        config_of(tuned, {"freeze.trainable_blocks": 0}, 0)


def test_a_grid_is_every_combination_once():
    made = study(sampler="grid", space={"head.dropout": {"low": 0, "high": 0.3, "step": 0.1}, "freeze.trainable_blocks": {"low": 0, "high": 1}}, budget={"minutes": 5})
    assert [tuple(values.values()) for values in grid(made)] == [(0.0, 0), (0.0, 1), (0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1), (0.3, 0), (0.3, 1)]
    assert made.settings_to_try == 8
    assert study(sampler="grid", space={"head.dropout": {"values": [0, 0.1, 0.2]}}, budget={"trials": 2}).settings_to_try == 2


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_a_tiny_step_takes_neither_time_nor_memory(sampler):
    made = study(sampler=sampler, space={"head.dropout": {"low": 0, "high": 0.5, "step": 1e-12}, "head.hidden": {"values": [[], [64]]}}, budget={"trials": 3})
    assert made.settings_to_try == 3
    assert list(itertools.islice(grid(made), 3)) == [{"head.dropout": dropout, "head.hidden": hidden} for dropout, hidden in ((0.0, []), (0.0, [64]), (1e-12, []))]


def test_quick_search_and_depth_sweep_are_studies_of_the_run():
    config = parse({**BASE, "backbone": {"name": "MobileNetV2", "weights": "imagenet"}, "optimizer": {"learning_rate": 0.002}})
    quick = quick_search(config)
    assert parse_study(yaml.safe_load(quick.to_yaml())) == quick
    assert quick.base == config and quick.settings_to_try == 30 and set(quick.space) == set(SPACE)
    assert quick.space["optimizer.learning_rate"] == Ranged(low=0.0002, high=0.02, log=True)
    sweep = depth_sweep(parse(BASE), seeds=3)
    assert parse_study(yaml.safe_load(sweep.to_yaml())) == sweep
    assert [values["freeze.trainable_blocks"] for values in grid(sweep)] == list(range(5)) and sweep.finalists is None and sweep.seeds == 3
    tuned = depth_sweep(parse({**BASE, "strategy": {"name": "fine_tune"}, "freeze": {"trainable_blocks": 2}}))
    assert next(grid(tuned)) == {"freeze.trainable_blocks": 1}
    with pytest.raises(InputError, match="From scratch"):
        depth_sweep(parse({**BASE, "strategy": {"name": "scratch"}}))


def test_a_base_that_is_no_run_here_is_refused_before_anything_begins(store, workspace):
    with pytest.raises(NotFoundError):
        check(study(), store)
    demo.ensure_built_in("digits", store, workspace)
    check(study(), store)
    with pytest.raises(InputError, match="no class 'cat'"):
        check(study(base={**BASE, "classes": ["cat", "dog"]}), store)


@pytest.mark.parametrize(("space", "expected"), [
    ({"head.dropout": {"low": 0, "high": 0.5}, "train.batch_size": {"values": [64, 128]}}, {"head.dropout": 0.2, "train.batch_size": 128}),
    ({"head.dropout": {"low": 0, "high": 0.5, "step": 0.1}, "augment": {"values": ["none", "strong"]}}, {"head.dropout": 0.2, "augment": "none"}),
    ({"head.dropout": {"low": 0, "high": 0.6, "step": 0.15}}, None),
    ({"train.batch_size": {"values": [32]}}, None),
    ({"train.batch_size": {"value": 32}, "head.dropout": {"values": [0.1, 0.2]}}, {"train.batch_size": 32, "head.dropout": 0.2}),
    ({"optimizer.learning_rate": {"low": 0.01, "high": 0.1, "log": True}}, None),
])
def test_the_values_of_the_base_are_known_where_they_may_be_tried(space, expected):
    assert base_values(study(space=space)) == expected

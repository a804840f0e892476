"""Settings: what is accepted, what is refused and with which words, what a hash says."""

import math

import pytest

from tlcore import config
from tlcore.errors import InputError

EXAMPLE = """
name: cats-dogs-ships
dataset: cifar10
classes: [cat, dog, ship]
split: {train_fraction: 1.0, val_fraction: 0.1, test_fraction: 0.2, seed: 0}
backbone: {name: MobileNetV2, weights: imagenet, input_size: 96}
freeze: {trainable_blocks: 0}
strategy: {name: frozen}
head: {hidden: [], dropout: 0.2}
optimizer: {name: adam, learning_rate: 0.001, weight_decay: 0.0}
augment: {}
train: {epochs: 10, batch_size: 128, early_stopping_patience: 3, seed: 0}
"""


def test_yaml_survives_a_round_trip():
    first = config.parse(config.load_yaml(EXAMPLE))
    second = config.parse(config.load_yaml(first.to_yaml()))
    assert second == first
    assert second.classes == ("cat", "dog", "ship")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"train.epochs": 0}, "train.epochs"),
        ({"train.epochs": "many"}, "train.epochs"),
        ({"train.epochs": True}, "train.epochs"),
        ({"train.early_stopping_patience": True}, "train.early_stopping_patience"),
        ({"optimizer.learning_rate": math.nan}, "optimizer.learning_rate"),
        ({"optimizer.learning_rate": math.inf}, "optimizer.learning_rate"),
        ({"optimizer.learning_rate": -1}, "optimizer.learning_rate"),
        ({"train.devices": 0}, "train.devices"),
        ({"train.devices": 17}, "train.devices"),
        ({"head.dropout": 1.0}, "head.dropout"),
        ({"head.hidden": [0]}, "head.hidden.0"),
        ({"head.hidden": [True, 256]}, "head.hidden.0"),
        ({"split.val_fraction": 0.5, "split.test_fraction": 0.5}, "split"),
        ({"backbone.weights": "mine"}, "backbone.weights"),
        ({"train.epoch": 3}, "train.epoch"),
        ({"augment.rotation": 3}, "augment.rotation"),
        ({"augment.rotation_deg": 181}, "augment.rotation_deg"),
        ({"augment.rotation_deg": True}, "augment.rotation_deg"),
        ({"augment.horizontal_flip": 0.5}, "augment.horizontal_flip"),
        ({"augment.zoom": 1.1}, "augment.zoom"),
        ({"augment.shift": 0.6}, "augment.shift"),
        ({"augment.brightness": -0.1}, "augment.brightness"),
        ({"augment.contrast": math.nan}, "augment.contrast"),
        ({"augment.saturation": 2}, "augment.saturation"),
        ({"augment.erase": "often"}, "augment.erase"),
        ({"augment.views": 65}, "augment.views"),
        ({"augment.views": 1.5}, "augment.views"),
        ({"augment.seed": -1}, "augment.seed"),
        ({"classes": ["cat"]}, "classes"),
        ({"classes": ["cat", "cat"]}, "classes"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(change, named):
    with pytest.raises(InputError) as refused:
        config.parse(config.with_changes(config.load_yaml(EXAMPLE), change), "run.yaml")
    message = str(refused.value)
    assert message.startswith("run.yaml: ")
    assert f"'{named}'" in message
    assert "\n" not in message


def test_the_range_is_part_of_the_message():
    with pytest.raises(InputError, match="greater than or equal to 1"):
        config.parse({"dataset": "d", "train": {"epochs": 0}})


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "just words"])
def test_yaml_that_is_no_mapping_is_refused(text):
    with pytest.raises(InputError, match="run.yaml"):
        config.load_yaml(text, "run.yaml")


@pytest.mark.parametrize("name", ["2024-01-01", "2024-13-45", "2024-01-01 10:00:00"])
def test_a_date_as_a_name_stays_text(name):
    document = config.with_changes(config.load_yaml(f"name: {name}\ndataset: digits"), {"train.epochs": 2})
    assert config.parse(document).name == name


def test_digits_as_classes_are_names():
    assert config.parse(config.load_yaml("dataset: digits\nclasses: [1, 7]")).classes == ("1", "7")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml"):
        config.read_config(tmp_path / "absent.yaml")


def test_the_hash_ignores_the_name_and_sees_every_setting():
    run = config.parse({"dataset": "digits"})
    assert config.parse({"dataset": "digits", "name": "other"}).hash() == run.hash()
    assert config.parse({"dataset": "digits", "train": {"seed": 1}}).hash() != run.hash()


@pytest.mark.parametrize("changes", [{}, {"views": 8}, {"views": 0, "seed": 3}])
def test_no_strength_means_no_augmentation_whatever_the_views(changes):
    run = config.parse({"dataset": "digits", "augment": changes})
    assert not run.augment.enabled
    assert config.parse({"dataset": "digits"}).augment == config.AugmentConfig()


@pytest.mark.parametrize("changes", [{"horizontal_flip": True}, {"rotation_deg": 5}, {"zoom": 0.1}, {"shift": 0.1}, {"brightness": 0.1}, {"contrast": 0.1}, {"saturation": 0.1}, {"invert": 0.5}, {"erase": 0.1}])
def test_one_strength_is_enough_for_augmentation_and_survives_yaml(changes):
    run = config.parse({"dataset": "digits", "augment": changes})
    assert run.augment.enabled
    assert config.parse(config.load_yaml(run.to_yaml())) == run
    assert run.hash() != config.parse({"dataset": "digits"}).hash()


def test_changes_reach_nested_settings_and_leave_the_document_alone():
    document = {"dataset": "digits", "train": {"epochs": 3}}
    assert config.with_changes(document, {"train.epochs": 5, "head.dropout": 0.1}) == {
        "dataset": "digits", "train": {"epochs": 5}, "head": {"dropout": 0.1},
    }
    assert document["train"]["epochs"] == 3
    with pytest.raises(InputError, match="no group"):
        config.with_changes(document, {"dataset.x": 1})


def test_the_demonstration_is_a_valid_run():
    assert config.parse(config.DEMO).dataset == "digits"

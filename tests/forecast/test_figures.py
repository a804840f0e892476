"""Figures before a run: checked by hand; warnings: when they come and when they don't."""

import pandas as pd
import pytest

from tlcore.backbones import spec
from tlcore.config import parse
from tlcore.forecast.figures import downloaded, forecast, head_params, trained_on_same
from tlcore.records import DatasetRecord


def record(name="pets", source="pets.zip") -> DatasetRecord:
    return DatasetRecord(id="1", name=name, classes=("cat", "dog"), count=300, source=source, created_at="", report={}, bytes=1)


def counts(train=100) -> pd.DataFrame:
    return pd.DataFrame({"class": ["cat", "dog"], "train": [train, 100], "val": [10, 10], "test": [40, 40]})


def run(**settings):
    return parse({"dataset": "pets", **settings})


def test_head_of_one_layer_has_weights_and_biases():
    assert head_params("avg", (), spec("ResNet20"), 32, 10) == 64 * 10 + 10


def test_hidden_layers_are_counted():
    assert head_params("max", (32,), spec("ResNet20"), 32, 10) == (64 + 1) * 32 + (32 + 1) * 10


def test_a_flattened_head_sees_every_position():
    flat = run(head={"pooling": "flatten"})
    assert head_params("flatten", (), spec("ResNet20"), 32, 10) == 8 * 8 * 64 * 10 + 10
    assert forecast(flat, spec("ResNet20"), record(), counts()).cache_bytes == (200 * 2 + 100 * 4) * 8 * 8 * 64, "maps to learn from are in float16, those that validate or are tested in float32"


def test_frozen_run_learns_its_head_only_and_caches_pooled_floats():
    expected = forecast(run(), spec("ResNet20"), record(), counts())
    assert expected.learning_params == 64 * 2 + 2
    assert expected.frozen_params == spec("ResNet20").params
    assert expected.cache_bytes == 300 * 64 * 4
    assert expected.warnings == ()


def test_each_fixed_view_is_cached_and_new_ones_are_not():
    for views, images in ((3, 3 * 200 + 100), (0, 100)):
        changed = run(augment={"shift": 0.1, "views": views})
        assert forecast(changed, spec("ResNet20"), record(), counts()).cache_bytes == images * 64 * 4


def test_another_input_size_has_other_maps():
    lower = run(backbone={"name": "VGG16", "weights": "none", "input_size": 64}, freeze={"trainable_blocks": 1})
    assert forecast(lower, spec("VGG16"), record(), counts()).cache_bytes == (200 * 2 + 100 * 4) * 4 * 4 * 512


def test_where_everything_learns_nothing_is_cached():
    everything = run(freeze={"trainable_blocks": 4})
    assert forecast(everything, spec("ResNet20"), record(), counts()).cache_bytes == 0


def test_top_block_learns_with_the_head():
    backbone = spec("ResNet20")
    expected = forecast(run(freeze={"trainable_blocks": 1}), backbone, record(), counts())
    assert expected.learning_params == 130 + backbone.block_params[-1]
    assert expected.learning_params + expected.frozen_params == backbone.params + 130
    assert expected.cache_bytes == (200 * 2 + 100 * 4) * 16 * 16 * 32


def test_few_pictures_are_named():
    assert any("cat (3)" in warning for warning in forecast(run(), spec("ResNet20"), record(), counts(train=3)).warnings)


@pytest.mark.parametrize(
    ("name", "source", "same"),
    [("cifar10", "cifar10", True), ("mine", "/data/cifar10-jpg.zip", True), ("CIFAR-10", "x", True), ("cifar100", "cifar100", False), ("pets", "pets.zip", False)],
)
def test_backbone_meets_its_own_training_pictures(name, source, same):
    assert trained_on_same(spec("ResNet20"), record(name, source)) is same


def test_missing_imagenet_weights_are_announced(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings = run(backbone={"name": "MobileNetV2", "weights": "imagenet", "input_size": 96})
    assert any("downloads" in warning for warning in forecast(settings, spec("MobileNetV2"), record(), counts()).warnings)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / spec("MobileNetV2").weights_file.format(size=96)).write_bytes(b"x")
    assert downloaded(spec("MobileNetV2"), 96)
    assert downloaded(spec("MobileNetV2"), 128), "a checkpoint of another size serves as well"
    assert not downloaded(spec("MobileNet"), 96)


def test_random_weights_are_called_a_baseline():
    assert any("baseline" in w for w in forecast(run(backbone={"weights": "none"}), spec("ResNet20"), record(), counts()).warnings)


def test_pictures_without_labels_are_cached_where_they_are_read_and_missed_where_there_are_none():
    same = {"source": {"dataset": "pets"}, "head": {"hidden": [8]}}
    coral, semi, frozen = (run(strategy={"name": name}, **same) for name in ("coral", "pseudo_label", "frozen"))
    assert forecast(coral, spec("ResNet20"), record(), counts(), 50).cache_bytes == 350 * 64 * 4
    assert forecast(frozen, spec("ResNet20"), record(), counts(), 50).cache_bytes == 300 * 64 * 4
    assert "doesn't read the source" in forecast(frozen, spec("ResNet20"), record(), counts(), 50).warnings[0]
    assert "all have theirs" in forecast(semi, spec("ResNet20"), record(), counts()).warnings[0]
    assert forecast(semi, spec("ResNet20"), record(), counts(), 50).warnings == ()

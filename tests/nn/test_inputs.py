"""Augmented training pictures: fixed views computed once, new ones each epoch, and never in validation or test."""

import numpy as np
import pytest

from tlcore import augment
from tlcore.config import AugmentConfig, parse, with_changes
from tlcore.cuts import cut_for
from tlcore.datasets.sources import add_dataset
from tlcore.datasets.splits import make_split
from tlcore.errors import ResourceError
from tlcore.nn.inputs import Inputs
from tlcore.nn.models import Backbone, prefix_model
from tlcore.nn.prefix import Prefix
from tlcore.nn.training import run
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace

SMALL = {
    "dataset": "digits", "classes": ["1", "4"], "backbone": {"name": "ResNet20", "weights": "bundled"},
    "split": {"train_fraction": 0.2}, "train": {"epochs": 3, "batch_size": 32},
}
SHIFTED = {"augment.shift": 0.2, "augment.rotation_deg": 10}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    return workspace, add_dataset("digits", None, workspace, NullReporter())


@pytest.fixture
def inputs_of(shared, resnet_bundled):
    def make(changes, depth=0):
        workspace, dataset = shared
        config = parse(with_changes(SMALL, {**changes, "freeze.trainable_blocks": depth}))
        cut = cut_for(resnet_bundled.spec, depth, "avg")
        split = make_split(dataset, config.classes, config.split)
        prefix = Prefix(resnet_bundled, cut, workspace)
        return Inputs(config.augment, dataset, split, prefix, workspace, NullReporter(), lambda rest_s, message: None), split

    return make


@pytest.fixture(scope="module")
def resnet_bundled():
    from tlcore.backbones import spec

    return Backbone(spec("ResNet20"), "bundled", 32)


def expected(shared, backbone, rows, settings, view):
    dataset = shared[1]
    pixels = augment.augmented(dataset.pixels(rows, 32), dataset.content_ids[rows], settings, view)
    return np.asarray(prefix_model(backbone, cut_for(backbone.spec, 0, "avg"))(pixels))


def test_fixed_views_are_computed_once_and_taken_in_turn(shared, inputs_of, resnet_bundled):
    inputs, split = inputs_of({**SHIFTED, "augment.views": 2})
    learnt = inputs.learnt()
    rows_of, val = learnt.train, learnt.val
    assert inputs.use.computed == 2 * len(split.train) + len(split.val) and inputs.cached
    settings = AugmentConfig(shift=0.2, rotation_deg=10, views=2)
    for epoch, view in ((1, 0), (2, 1), (3, 0)):
        np.testing.assert_allclose(rows_of(epoch).take(), expected(shared, resnet_bundled, split.train, settings, view), atol=1e-4)
    assert rows_of(1) is rows_of(3), "held in memory once"
    plain = expected(shared, resnet_bundled, split.val, AugmentConfig(), 0)
    np.testing.assert_allclose(val.take(), plain, atol=1e-4)

    more, _ = inputs_of({**SHIFTED, "augment.views": 3, "train.seed": 9})
    more.learnt()
    assert more.use.computed == len(split.train) and more.use.hits == 2 * len(split.train) + len(split.val)


@pytest.mark.parametrize("changes", [{}, {**SHIFTED, "augment.views": 1}], ids=["plain", "views"])
def test_maps_are_rounded_only_where_they_are_learnt_from(shared, inputs_of, changes):
    inputs, split = inputs_of(changes, depth=1)
    learnt = inputs.learnt()
    test = inputs.test()
    assert learnt.train(1).layout.dtype == "float16" and learnt.val.layout.dtype == test.layout.dtype == "float32"
    backbone, dataset = inputs.prefix.backbone, shared[1]
    for rows, at in ((learnt.val, split.val), (test, split.test)):
        np.testing.assert_allclose(rows.take(), prefix_model(backbone, inputs.cut)(dataset.pixels(at, 32)), rtol=1e-5, atol=1e-4)
    again, _ = inputs_of(changes, depth=1)
    again.learnt(), again.test()
    assert again.use.computed == 0


def test_a_budget_that_cannot_hold_all_parts_is_told_of_before_the_first_picture(inputs_of, monkeypatch):
    inputs, split = inputs_of({"augment.brightness": 0.3, "augment.views": 60})
    rows = 60 * len(split.train) + len(split.val) + len(split.test)
    monkeypatch.setenv("TLCORE_CACHE_GB", str((rows - 1) * (64 * 4 + 32) / 1e9))
    with pytest.raises(ResourceError, match="the cache may take"):
        inputs.learnt()
    assert inputs.use.computed == 0


def test_through_pixels_each_epoch_has_its_own_view_and_nothing_of_it_is_kept(shared, inputs_of, resnet_bundled):
    inputs, split = inputs_of({**SHIFTED, "augment.views": 0})
    rows_of = inputs.learnt().train
    assert not inputs.cached and inputs.use.computed + inputs.use.hits == len(split.val)
    settings = AugmentConfig(shift=0.2, rotation_deg=10, views=0)
    for epoch in (1, 7):
        found = rows_of(epoch).take(np.array([5, 2, 40]))
        np.testing.assert_allclose(found, expected(shared, resnet_bundled, split.train[[5, 2, 40]], settings, epoch - 1), atol=1e-4)


def test_where_nothing_is_frozen_pixels_are_decoded_once_and_changed_each_epoch(shared, inputs_of, monkeypatch):
    inputs, split = inputs_of({**SHIFTED, "augment.views": 0}, depth=4)
    learnt = inputs.learnt()
    rows_of, val = learnt.train, learnt.val
    dataset = shared[1]
    settings = AugmentConfig(shift=0.2, rotation_deg=10, views=0)
    wanted = augment.augmented(dataset.pixels(split.train, 32), dataset.content_ids[split.train], settings, 4)
    np.testing.assert_array_equal(rows_of(5).take(), wanted)
    np.testing.assert_array_equal(val.take(), dataset.pixels(split.val, 32))

    monkeypatch.setattr(type(dataset), "pixels", lambda *arguments: pytest.fail("decoded again"))
    again, _ = inputs_of({**SHIFTED, "augment.views": 0}, depth=4)
    np.testing.assert_array_equal(again.learnt().train(5).take(), wanted)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"augment.views": 2}, id="views"),
        pytest.param({"augment.views": 0}, id="fresh"),
        pytest.param({"augment.views": 0, "freeze.trainable_blocks": 4, "train.epochs": 1}, id="pixels", marks=pytest.mark.slow),
    ],
)
def test_a_run_with_augmentation_reaches_its_end_and_repeats_itself(shared, tmp_path, changes):
    workspace, dataset = shared
    config = parse(with_changes(SMALL, {**SHIFTED, **changes}))
    first, second = (run(config, dataset, workspace, tmp_path / name, NullReporter()) for name in ("a", "b"))
    assert first["test"] == second["test"] and second["cache"]["computed"] == 0

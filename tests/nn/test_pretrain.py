"""The recipe of the bundled backbone: schedule by hand, order by seed, resuming, and its card."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tlcore.nn import pretrain
from tlcore.nn.resnet import ResNet20

ASSETS = Path(pretrain.__file__).parents[1] / "assets"
RECIPE = pretrain.Recipe(epochs=2, batch_size=16, pad_px=2)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (48, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(48) % 3
    images[labels == 1, :16] //= 8  # Dark above.
    images[labels == 2, :, :16] //= 8  # Dark on the left.
    return images, labels


@pytest.fixture(scope="module")
def pretrained(pictures, tmp_path_factory):
    return pretrain.pretrain(*pictures, *pictures, RECIPE, tmp_path_factory.mktemp("whole"))


def test_the_learning_rate_rises_to_the_peak_and_falls_to_zero():
    schedule = pretrain.OneCycle(peak=0.2, total_steps=100, warmup_fraction=0.25)
    assert float(schedule(0)) == pytest.approx(0.008)  # peak / 25
    assert float(schedule(25)) == pytest.approx(0.2)
    assert float(schedule(62.5)) == pytest.approx(0.1)  # half way down
    assert float(schedule(100)) == pytest.approx(0.0)


def test_batches_depend_on_seed_and_epoch_only(pictures):
    first = list(pretrain.augmented_batches(*pictures, RECIPE, epoch=3))
    again = list(pretrain.augmented_batches(*pictures, RECIPE, epoch=3))
    other = list(pretrain.augmented_batches(*pictures, RECIPE, epoch=4))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][0], other[0][0])
    assert first[0][0].shape == (16, 32, 32, 3)
    assert first[0][0].min() >= -1 and first[0][0].max() <= 1


@pytest.mark.slow
def test_a_resumed_pretraining_ends_with_the_same_weights(pictures, pretrained, tmp_path):
    class Stop(Exception):
        pass

    def stop_after_the_first(row):
        raise Stop

    with pytest.raises(Stop):
        pretrain.pretrain(*pictures, *pictures, RECIPE, tmp_path / "parts", stop_after_the_first)
    rows = []
    resumed = pretrain.pretrain(*pictures, *pictures, RECIPE, tmp_path / "parts", rows.append)
    assert [row["epoch"] for row in rows] == [2]
    for a, b in zip(pretrained.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_trunk_computes_what_the_whole_model_computed(pictures, pretrained, tmp_path):
    import keras

    model = pretrained
    trunk = ResNet20(weights=str(pretrain.save_trunk(model, tmp_path / "trunk.weights.h5")))
    inside = keras.Model(model.input, model.get_layer("stage3_unit3_out").output)
    batch = pretrain.to_input(pictures[0][:4])
    np.testing.assert_allclose(trunk(batch), inside(batch), rtol=1e-6)


def test_the_bundled_weights_are_those_of_their_card():
    card = json.loads((ASSETS / "resnet20_cifar10.json").read_text())
    weights = (ASSETS / "resnet20_cifar10.weights.h5").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["sha256"]
    assert len(weights) < 2_000_000
    assert card["test_accuracy"] >= 0.85
    assert card["history"][-1]["test_accuracy"] == card["test_accuracy"]

"""What a run makes of its cards: choices on described cards, and real TensorFlow where there are none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tlcore.errors import ResourceError
from tlcore.nn import devices
from tlcore.nn.devices import Device, Plan


def described(*capabilities: tuple[int, int] | None) -> list[Device]:
    return [Device(f"/physical_device:GPU:{number}", capability) for number, capability in enumerate(capabilities)]


T4, V100, A100, H100, P100 = (7, 5), (7, 0), (8, 0), (9, 0), (6, 0)


@pytest.mark.parametrize(
    ("cards", "asked", "wanted"),
    [
        ([], 1, Plan(0, 0, "float32")),
        ([P100], 1, Plan(1, 1, "float32")),
        ([None], 1, Plan(1, 1, "float32")),
        ([V100], 1, Plan(1, 1, "mixed_float16")),
        ([T4], 1, Plan(1, 1, "mixed_float16")),
        ([A100], 1, Plan(1, 1, "mixed_bfloat16")),
        ([H100] * 2, 1, Plan(2, 1, "mixed_bfloat16")),
        ([H100] * 2, 2, Plan(2, 2, "mixed_bfloat16")),
        ([H100] * 8, 4, Plan(8, 4, "mixed_bfloat16")),
        ([A100, T4], 2, Plan(2, 2, "mixed_float16")),
        ([A100, P100], 2, Plan(2, 2, "float32")),
        ([A100, P100], 1, Plan(2, 1, "mixed_bfloat16")),
    ],
)
def test_the_plan_follows_from_the_cards_that_are_used(cards, asked, wanted):
    plan = devices.choose(described(*cards), asked)
    assert plan == wanted
    assert plan.mirrored == (asked > 1) and plan.loss_scaling == (plan.policy == "mixed_float16")


@pytest.mark.parametrize(("cards", "says"), [([], "sees no graphics card here"), ([T4], "sees 1 graphics card here"), ([T4] * 2, "sees 2 graphics cards")])
def test_fewer_cards_than_asked_for_is_an_error_with_a_remedy(cards, says):
    with pytest.raises(ResourceError, match=rf"train.devices is 3, but TensorFlow {says}.*train.devices {len(cards) or 1}\."):
        devices.choose(described(*cards), 3)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there are cards here")
def test_without_cards_applying_the_plan_changes_nothing():
    before = tf.config.list_logical_devices(), keras.config.dtype_policy().name
    plan = devices.plan()
    assert plan == Plan(0, 0, "float32")
    for _ in range(2):
        strategy = devices.apply(plan)
        assert strategy is tf.distribute.get_strategy() and strategy.num_replicas_in_sync == 1
    with strategy.scope(), devices.precision(plan.policy):
        layer = keras.layers.Dense(2)
        assert layer(np.ones((1, 3), np.float32)).dtype == tf.float32
    assert (tf.config.list_logical_devices(), keras.config.dtype_policy().name) == before


@pytest.mark.parametrize(("policy", "computes"), [("mixed_bfloat16", tf.bfloat16), ("mixed_float16", tf.float16)])
def test_half_precision_is_the_backbones_only_and_its_variables_are_float32(policy, computes):
    """A processor can compute so too, only slowly."""
    with pytest.raises(ZeroDivisionError), devices.precision(policy):
        inside = keras.layers.Dense(2)
        raise ZeroDivisionError
    x = inside(np.ones((1, 3), np.float32))
    assert x.dtype == computes and inside.kernel.dtype == "float32"
    head = keras.layers.Dense(2)
    assert head(x).dtype == tf.float32 and keras.config.dtype_policy().name == "float32"


def test_memory_grows_on_every_visible_card_and_only_asked_cards_mirror(monkeypatch):
    cards = [tf.config.PhysicalDevice(name, "GPU") for name in ("/physical_device:GPU:0", "/physical_device:GPU:1", "/physical_device:GPU:2")]
    grows, mirrored = {cards[1].name}, []
    set_anew: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: cards)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": (8, 9)})
    monkeypatch.setattr(tf.config.experimental, "get_memory_growth", lambda gpu: gpu.name in grows)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: set_anew.append(gpu.name) or grows.add(gpu.name))
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda names: mirrored.append(names) or "mirrored")
    assert devices.apply(devices.plan()) is tf.distribute.get_strategy()
    assert devices.apply(devices.plan(2)) == "mirrored"
    assert mirrored == [["/gpu:0", "/gpu:1"]]
    assert set_anew == [cards[0].name, cards[2].name]  # What grows already is left alone: TensorFlow may be at work.

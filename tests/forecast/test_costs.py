"""Seconds by formula, memory and disk: worked out by hand; what makes a run longer, and what shorter."""

import dataclasses

import pytest

from tlcore.backbones import BACKBONES, spec
from tlcore.config import parse
from tlcore.forecast import costs, footprint
from tlcore.forecast.costs import Plan, Speeds, components, learning_s, picture_s

SPEEDS = Speeds(decode_s=1e-4, multiply_adds_s={"dense": 1e9, "separable": 5e8})
WHOLE = 40_812_544  # Multiply-adds of ResNet20 for a picture of 32 px.


def plan(missing=2000, converted=False, counts=(1400, 200, 400), **settings) -> Plan:
    config = parse({"dataset": "pets", **settings})
    return Plan.of(config, spec(config.backbone.name), 10, counts, missing, converted)


def test_a_picture_is_decoded_and_taken_through_the_frozen_layers():
    assert picture_s(plan(), SPEEDS) == pytest.approx(1e-4 + WHOLE / 1e9)
    assert picture_s(plan(backbone={"input_size": 64}), SPEEDS) == pytest.approx(1e-4 + 4 * WHOLE / 1e9)


def test_blocks_that_learn_are_not_among_the_frozen_ones():
    below = sum(cost[0] for cost in spec("ResNet20").block_costs[:3])
    assert picture_s(plan(freeze={"trainable_blocks": 1}), SPEEDS) == pytest.approx(1e-4 + below / 1e9)


def test_features_are_as_many_pictures_as_lack_a_row():
    assert components(plan(missing=500), SPEEDS)["compute"] == pytest.approx(500 * (1e-4 + WHOLE / 1e9))
    stored = components(plan(missing=0), SPEEDS)
    assert stored["compute"] == stored["convert"] == 0
    assert stored["read"] == pytest.approx(2000 * 64 * 4 / costs.READ_BYTES_S)


def test_a_converted_network_need_not_be_converted_again():
    cold, warm = (components(plan(converted=each), SPEEDS)["convert"] for each in (False, True))
    assert cold == pytest.approx(70 * costs.CONVERT_LAYER_S) and warm == pytest.approx(70 * costs.COMPILE_LAYER_S)


def test_an_epoch_is_forwards_backwards_validation_steps_and_a_checkpoint():
    head = 64 * 10 + 10
    answer_s = head / (costs.TRAINING_SHARE * 1e9)
    expected = costs.EPOCH_S + 1400 * 3 * answer_s + 200 * answer_s + 11 * costs.STEP_S + 4 * head * 4 / costs.WRITE_BYTES_S
    assert learning_s(plan(), SPEEDS, 3) == pytest.approx(3 * expected)


def test_fresh_augmentation_takes_the_training_pictures_through_the_frozen_layers_in_each_epoch():
    usual = plan()
    more = learning_s(dataclasses.replace(usual, fresh=True), SPEEDS, 4) - learning_s(usual, SPEEDS, 4)
    assert more == pytest.approx(4 * 1400 * (costs.AUGMENT_PIXEL_S * 32 * 32 + WHOLE / 1e9))


def test_fixed_views_are_pictures_as_well():
    changed = plan(augment={"shift": 0.1, "views": 3})
    assert changed.kept_pictures == 3 * 1400 + 200 + 400 and not changed.fresh
    assert picture_s(changed, SPEEDS) == pytest.approx(1e-4 + costs.AUGMENT_PIXEL_S * 32 * 32 + WHOLE / 1e9)
    through_pixels = plan(augment={"shift": 0.1, "views": 0})
    assert through_pixels.kept_pictures == 200 + 400 and through_pixels.fresh


def test_stored_activations_of_an_earlier_cut_save_decoding_and_the_blocks_below():
    later = dataclasses.replace(plan(), from_block=3)
    assert picture_s(later, SPEEDS) == pytest.approx(spec("ResNet20").block_costs[3][0] / 1e9)


def test_where_nothing_is_frozen_pictures_are_decoded_once_and_read_in_every_epoch():
    all_learn = dataclasses.replace(plan(missing=0, freeze={"trainable_blocks": 4}), undecoded=2000)
    found = components(all_learn, SPEEDS)
    assert found["compute"] == found["read"] == 0
    assert found["decode"] == pytest.approx(2000 * (1e-4 + 32 * 32 * 3 / costs.WRITE_BYTES_S))
    large = dataclasses.replace(all_learn, train=1_000_000)  # Too many to be held: read in every epoch.
    assert learning_s(large, SPEEDS, 2) > 2 * 1_000_000 * (3 * WHOLE / (costs.TRAINING_SHARE * 1e9) + 3072 / costs.READ_BYTES_S)


def test_other_work_on_the_machine_lengthens_everything():
    alone, shared = (sum(components(plan(), dataclasses.replace(SPEEDS, stretch=each)).values()) for each in (1.0, 2.5))
    assert shared == pytest.approx(2.5 * alone)


def test_separable_networks_have_a_speed_of_their_own():
    assert {name for name, each in BACKBONES.items() if costs.kind_of(each) == "dense"} == {"ResNet20", "VGG16", "VGG19", "ResNet50", "ResNet50V2", "DenseNet121", "InceptionV3"}
    mobile = plan(backbone={"name": "MobileNetV2", "weights": "none", "input_size": 224})
    assert picture_s(mobile, SPEEDS) == pytest.approx(1e-4 + 299_494_272 / 5e8)


def test_published_multiply_adds_are_met():
    """Simonyan 2014: VGG16 15.5 G with its classifier; Sandler 2018: MobileNetV2 300 M; Howard 2017: MobileNet 569 M."""
    for name, published in (("VGG16", 15.5e9), ("MobileNetV2", 300e6), ("MobileNet", 569e6), ("ResNet50", 3.86e9)):
        assert spec(name).costs(0, 99, spec(name).usual_size)[0] == pytest.approx(published, rel=0.02)


def test_disk_is_rows_converted_layers_the_model_a_checkpoint_and_answers():
    params, head = 273_392, 650
    expected = 2000 * (64 * 4 + 32) + params * 4 + (params + head) * 4 + 70 * footprint.LAYER_FILE_BYTES + 3.5 * head * 4 + 600 * (60 + 40) + footprint.RUN_FILES_BYTES
    assert footprint.disk_bytes(plan()).likely == pytest.approx(expected)
    assert footprint.disk_bytes(plan(missing=0, converted=True)).likely == pytest.approx(expected - 2000 * 288 - params * 4)


def test_maps_of_pictures_that_are_not_learnt_from_take_twice_the_room():
    stored = plan(missing=0, freeze={"trainable_blocks": 1})
    numbers = 16 * 16 * 32
    assert stored.kept_bytes == (1400 * 2 + 600 * 4) * numbers and stored.missing_bytes == 0
    assert components(stored, SPEEDS)["read"] == pytest.approx(stored.kept_bytes / costs.READ_BYTES_S)
    some = dataclasses.replace(stored, missing=500, missing_judged=400)
    assert some.missing_bytes == (100 * 2 + 400 * 4) * numbers
    assert footprint.disk_bytes(some).likely - footprint.disk_bytes(dataclasses.replace(stored, converted=True)).likely == pytest.approx(some.missing_bytes + 500 * 32 + below(1) * 4)


def below(blocks: int) -> int:
    """Weights under the topmost blocks of ResNet20."""
    return spec("ResNet20").params - spec("ResNet20").params_above(blocks)


# Peak resident memory of real workers, by psutil every 30 ms on a machine with two cores.
MEASURED = (
    (926e6, {"missing": 1797, "converted": True, "counts": (1259, 179, 359), "head": {"pooling": "flatten"}, "train": {"batch_size": 64}}),
    (1028e6, {"backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": 96}}),
    (929e6, {"missing": 0, "converted": True, "backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": 96}}),
    (1103e6, {"backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": 96}, "freeze": {"trainable_blocks": 2}}),
    (1036e6, {"freeze": {"trainable_blocks": 1}}),
    (1172e6, {"missing": 0, "counts": (1259, 179, 359), "freeze": {"trainable_blocks": 4}}),
    (1263e6, {"missing": 950, "counts": (350, 200, 400), "backbone": {"name": "VGG16", "weights": "none", "input_size": 64}}),
    (1244e6, {"missing": 950, "converted": True, "counts": (350, 200, 400), "backbone": {"name": "VGG16", "weights": "none", "input_size": 64}}),
    (1491e6, {"missing": 950, "counts": (350, 200, 400), "backbone": {"name": "VGG16", "weights": "none", "input_size": 64}, "freeze": {"trainable_blocks": 1}}),
)


@pytest.mark.parametrize(("peak_bytes", "settings"), MEASURED)
def test_memory_is_as_it_was_measured(peak_bytes, settings):
    band = footprint.memory_bytes(plan(**settings), cores=2)
    assert band.holds(peak_bytes)
    assert band.likely == pytest.approx(peak_bytes, rel=0.1)


def test_memory_grows_with_batch_and_blocks_that_learn():
    everything = {"backbone": {"name": "VGG16", "weights": "none"}, "missing": 0, "freeze": {"trainable_blocks": 5}}
    small, large = (footprint.memory_bytes(plan(train={"batch_size": size}, **everything), 2).likely for size in (16, 128))
    assert large - small == pytest.approx(112 * 15_077_888 * 4)

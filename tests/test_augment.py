"""Augmentation: what decides a view, what each change does to a picture made by hand, and how long it takes."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tlcore import augment
from tlcore.augment import PRESETS, augmented, key, view_of
from tlcore.config import AugmentConfig
from tlcore.datasets import builtin

STRONG = PRESETS["strong"]
SIDE = 32


def ids(count: int) -> list[str]:
    return [f"{number:064x}" for number in range(count)]


def views_of(picture: np.ndarray, settings: AugmentConfig, count: int = 64) -> np.ndarray:
    """Many views of one picture. Shapes: (side, side, 3) → (count, side, side, 3)."""
    return augmented(np.stack([picture] * count), ids(count), settings, 0)


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    plan = builtin.digits_on_textures()
    return np.stack([plan.read(row) for row in range(24)])


@pytest.fixture
def lit() -> np.ndarray:
    """Grey 100 with a red bar on the left: no two sides are alike."""
    picture = np.full((SIDE, SIDE, 3), 100, np.uint8)
    picture[4:12, 2:8] = (220, 20, 20)
    return picture


def test_a_view_depends_on_neither_order_nor_batch_nor_thread(pictures):
    names = ids(len(pictures))
    whole = augmented(pictures, names, STRONG, 2)
    order = np.random.default_rng(0).permutation(len(pictures))
    assert np.array_equal(augmented(pictures[order], np.array(names)[order], STRONG, 2), whole[order])
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda place: augmented(pictures[place : place + 1], names[place : place + 1], STRONG, 2)[0], range(len(pictures))))
    assert np.array_equal(np.stack(alone), whole)
    assert whole.dtype == np.uint8 and whole.shape == pictures.shape


def test_view_content_id_and_seed_each_give_other_changes(pictures):
    one = pictures[:1]
    first = augmented(one, ids(1), STRONG, 0)
    assert not np.array_equal(first, augmented(one, ids(1), STRONG, 1))
    assert not np.array_equal(first, augmented(one, ["f" * 64], STRONG, 0))
    assert not np.array_equal(first, augmented(one, ids(1), STRONG.model_copy(update={"seed": 1}), 0))
    assert np.array_equal(first, augmented(one, ids(1), STRONG.model_copy(update={"views": 9}), 0))


def test_a_change_that_is_added_alters_no_other(pictures):
    turned = AugmentConfig(horizontal_flip=True, rotation_deg=20, shift=0.1)
    erased = augmented(pictures, ids(len(pictures)), turned.model_copy(update={"erase": 1.0}), 0)
    same = (erased == augmented(pictures, ids(len(pictures)), turned, 0)).all(-1).mean((1, 2))
    assert same.min() > 0.5  # The rectangle takes 40 % at most.
    assert same.max() < 1


def test_views_stay_the_same_from_version_to_version():
    """Stored activations are named by `key`: where this fails, raise _METHOD in tlcore/augment.py."""
    settings = AugmentConfig(horizontal_flip=True, erase=0.5)  # Without fractions, which machines may round differently.
    picture = np.arange(16 * 16 * 3, dtype=np.uint32).reshape(1, 16, 16, 3).astype(np.uint8)
    assert [hashlib.sha256(augmented(picture, ["a" * 64], settings, view)).hexdigest()[:8] for view in range(4)] == ["dffe69b2", "01b2d72e", "f3a25aa9", "3be650a1"]


def test_the_pixels_given_are_left_alone_and_returned_where_nothing_changes(pictures):
    before = pictures.copy()
    pictures.flags.writeable = False
    assert augmented(pictures, ids(len(pictures)), AugmentConfig(views=8), 3) is pictures
    augmented(pictures, ids(len(pictures)), STRONG, 3)
    assert np.array_equal(pictures, before)


def test_a_flip_mirrors_half_of_the_pictures_and_nothing_else(lit):
    views = views_of(lit, AugmentConfig(horizontal_flip=True), 400)
    mirrored = (views == lit[:, ::-1]).all((1, 2, 3))
    assert ((views == lit).all((1, 2, 3)) | mirrored).all()
    assert 160 < mirrored.sum() < 240


def test_invert_swaps_light_and_dark_in_its_share_of_pictures_and_changes_nothing_else(lit):
    views = views_of(lit, AugmentConfig(invert=0.25), 400)
    inverted = (views == 255 - lit).all((1, 2, 3))
    assert ((views == lit).all((1, 2, 3)) | inverted).all()
    assert 70 < inverted.sum() < 130


def centre_of_red(views: np.ndarray) -> np.ndarray:
    """Where the red is, (n, 2) as across and down, from the middle of the picture."""
    red = views[..., 0].astype(float) - views[..., 1]
    at = np.arange(views.shape[1]) + 0.5 - views.shape[1] / 2
    weight = red.sum((1, 2))
    return np.stack([(red.sum(1) @ at) / weight, (red.sum(2) @ at) / weight], 1)


@pytest.fixture
def dot() -> np.ndarray:
    """A red square in the middle of black."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[14:18, 14:18, 0] = 200
    return picture


def test_a_shift_moves_by_up_to_its_share_both_ways(dot):
    moved = centre_of_red(views_of(dot, AugmentConfig(shift=0.25), 200))
    assert np.abs(moved).max() <= 0.25 * SIDE + 0.1
    assert (moved.min(0) < -6).all() and (moved.max(0) > 6).all()


def test_a_turn_keeps_the_distance_from_the_middle_and_its_angle():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[14:18, 20:24, 0] = 200  # 6 px right of the middle.
    across, down = centre_of_red(views_of(picture, AugmentConfig(rotation_deg=45), 200)).T
    assert np.hypot(across, down) == pytest.approx(6, abs=0.1)
    angles = np.degrees(np.arctan2(down, across))
    assert angles.min() < -40 and angles.max() > 40 and np.abs(angles).max() < 46


def test_a_zoom_enlarges_and_shrinks_up_to_its_share(dot):
    sizes = np.sqrt(views_of(dot, AugmentConfig(zoom=1.0), 200)[..., 0].sum((1, 2)) / 200) / 4
    assert sizes.min() == pytest.approx(0.5, abs=0.1)
    assert sizes.max() == pytest.approx(2, abs=0.1)
    assert 0.9 < np.median(sizes) < 1.1
    assert np.abs(centre_of_red(views_of(dot, AugmentConfig(zoom=1.0)))).max() < 0.1


@pytest.mark.parametrize("settings", [AugmentConfig(shift=0.5, rotation_deg=180, zoom=1), AugmentConfig(rotation_deg=20), AugmentConfig(shift=0.01)])
def test_no_corner_is_left_empty(settings):
    """What comes in from outside is the picture itself, mirrored, however far the change reaches."""
    assert (views_of(np.full((SIDE, SIDE, 3), 77, np.uint8), settings, 100) == 77).all()


@pytest.mark.parametrize("pad", [1, 6, 70])
def test_the_edge_goes_on_mirrored(pictures, pad):
    around = np.asarray(augment._mirrored(augment.Image.fromarray(pictures[0]), pad))
    assert np.array_equal(around, np.pad(pictures[0], ((pad, pad), (pad, pad), (0, 0)), mode="symmetric"))


def test_brightness_multiplies_all_channels_alike(lit):
    views = views_of(lit, AugmentConfig(brightness=0.5), 200).astype(float)
    factor = views[:, 0, 0, 0] / 100
    assert factor.min() < 0.55 and factor.max() > 1.45 and factor.min() > 0.49 and factor.max() < 1.51
    assert np.abs(views[:, 5, 5, 1] - 20 * factor).max() <= 1


def test_contrast_by_hand():
    """Two halves of grey 50 and 150 around their mean of 100: the distance changes, the mean does not."""
    picture = np.full((SIDE, SIDE, 3), 50, np.uint8)
    picture[:, 16:] = 150
    views = views_of(picture, AugmentConfig(contrast=0.5), 200).astype(float)
    dark, bright = views[:, 0, 0, 0], views[:, 0, -1, 0]
    assert np.abs(dark + bright - 200).max() <= 1
    assert (bright - dark).min() < 55 and (bright - dark).max() > 145


def test_saturation_leaves_grey_alone_and_keeps_the_lightness():
    views = views_of(np.full((SIDE, SIDE, 3), (120, 90, 60), np.uint8), AugmentConfig(saturation=1), 200).astype(float)[:, 0, 0]
    assert np.abs(views @ [0.299, 0.587, 0.114] - 95.55).max() < 1
    spread = views[:, 0] - views[:, 2]
    assert spread.min() < 5 and spread.max() > 115
    grey = np.full((SIDE, SIDE, 3), 90, np.uint8)
    assert (views_of(grey, AugmentConfig(saturation=1)) == 90).all()


def test_brightness_contrast_and_saturation_together_by_hand():
    """b = 1.2, c = 0.5, s = 0.5 on (100, 50, 0), mean grey 59.25: b x = (120, 60, 0), towards its mean
    71.1 by half: (95.55, 65.55, 35.55), towards its grey 71.1 by half: (83.3, 68.3, 53.3)."""
    middle = dict.fromkeys(augment._Draws._fields, 0.5)
    draws = augment._Draws(**{**middle, "brightness": 0.7, "contrast": 0.0, "saturation": 0.0})
    picture = augment.Image.new("RGB", (4, 4), (100, 50, 0))
    relit = augment._relit(picture, draws, AugmentConfig(brightness=0.5, contrast=0.5, saturation=0.5))
    assert np.abs(np.array(relit.getpixel((0, 0))) - [83.3, 68.3, 53.3]).max() <= 0.8


def test_erasing_fills_one_rectangle_with_noise_in_so_many_pictures():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    views = views_of(picture, AugmentConfig(erase=0.5), 400)
    changed = views.any(-1)
    assert 160 < changed.any((1, 2)).sum() < 240
    for one in changed[changed.any((1, 2))]:
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert one.sum() >= 0.95 * area  # Whole, and one: of noise, black is one in 16 million.
        assert 0.01 * SIDE**2 < area < 0.43 * SIDE**2
    assert 100 < views[changed].mean() < 155


def test_the_key_knows_what_changes_pixels_and_no_more():
    assert key(AugmentConfig(views=3, seed=2)) == ""
    base = AugmentConfig(rotation_deg=10)
    assert key(base) == key(AugmentConfig(rotation_deg=10.0, views=0))
    strengths = {"horizontal_flip": True, "rotation_deg": 11, "zoom": 0.1, "shift": 0.1, "brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "invert": 0.1, "erase": 0.1, "seed": 1}
    assert {*strengths, "views"} == set(AugmentConfig.model_fields)
    others = [key(base.model_copy(update={name: value})) for name, value in strengths.items()]
    assert len({key(base), *others}) == len(strengths) + 1


def test_fixed_views_are_taken_in_turn_and_none_means_one_of_its_own_an_epoch():
    assert [view_of(epoch, AugmentConfig(views=3)) for epoch in range(1, 8)] == [0, 1, 2, 0, 1, 2, 0]
    assert [view_of(epoch, AugmentConfig(views=0)) for epoch in range(1, 8)] == list(range(7))


def test_presets_grow_and_the_first_is_none():
    assert not PRESETS["none"].enabled
    assert all(preset.enabled for name, preset in PRESETS.items() if name != "none")
    assert next(iter(PRESETS)) == "none"


def test_a_picture_of_96_px_takes_well_below_the_time_of_its_network():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 96, 3), np.uint8)
    fastest = min(_seconds(pixels) for _ in range(3))
    assert fastest / len(pixels) < 0.002  # 0.4 ms on an idle 2-core machine.


def _seconds(pixels: np.ndarray) -> float:
    began = time.process_time()
    augmented(pixels, ids(len(pixels)), STRONG, 0)
    return time.process_time() - began

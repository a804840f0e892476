"""Augmentation on Train: presets, single changes, the preview of real pictures, links, YAML, clones, several runs."""

from __future__ import annotations

import io
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
import yaml
from PIL import Image

from pages.ui import augmentation, forms
from pages.ui.launch import variants
from tests.pages.conftest import texts
from tlcore import config, jobs
from tlcore.augment import PRESETS, augmented
from tlcore.config import AugmentConfig
from tlcore.datasets.dataset import Dataset
from tlcore.images import to_pixels

WANTED = {"dataset": "digits", "augment": {"horizontal_flip": True, "rotation_deg": 12.5, "erase": 0.25, "views": 2, "seed": 3}}


def shown(app) -> dict:
    return yaml.safe_load(app.code[0].value)["augment"]


def test_at_first_nothing_is_changed_and_there_is_no_preview(digits, open_page):
    app = open_page("train.py", dataset="digits")
    assert app.get_by_key("augment_preset").value == "none"
    assert "No changes" in texts(app)
    assert not app.image
    assert shown(app) == AugmentConfig().model_dump()


@pytest.mark.parametrize("name", ["light", "standard", "strong"])
def test_a_preset_fills_the_widgets_and_shows_pictures(digits, open_page, name):
    app = open_page("train.py", dataset="digits", augment__views="3")
    app.get_by_key("augment_preset").set_value(name).run()
    assert shown(app) == PRESETS[name].model_dump() | {"views": 3}
    assert len(app.image) == augmentation.PICTURES
    assert "3 fixed views: the frozen layers see each training picture 3 times" in texts(app)
    app.get_by_key("augment_preset").set_value("none").run()
    assert not app.image
    assert shown(app) == AugmentConfig(views=3).model_dump()


def test_a_single_change_makes_the_strength_ones_own(digits, open_page):
    app = open_page("train.py", dataset="digits")
    app.get_by_key("augment_preset").set_value("standard").run()
    app.toggle(key="augment.horizontal_flip").set_value(False).run()
    assert app.get_by_key("augment_preset").value == "own"
    assert shown(app) == PRESETS["standard"].model_dump() | {"horizontal_flip": False}
    app.toggle(key="augment.horizontal_flip").set_value(True).run()
    assert app.get_by_key("augment_preset").value == "standard"


def test_the_preview_shows_the_original_and_the_very_views_of_the_training(digits, open_page):
    folder = next(digits.root.glob("datasets/*"))
    dataset, settings = Dataset.open(folder), AugmentConfig(rotation_deg=30, views=2)
    strip = np.asarray(Image.open(io.BytesIO(augmentation._strip(str(folder), folder.name, 5, 32, settings.model_dump_json(), 2))))
    pixels = to_pixels(dataset.image(5), 32)
    expected = [pixels, *(augmented(pixels[None], [dataset.content_ids[5]], settings, view)[0] for view in (0, 1))]
    for place, cell in enumerate(expected):
        left = place * (augmentation.CELL_PX + augmentation.GAP_PX)
        assert np.array_equal(strip[1::3, left + 1 : left + augmentation.CELL_PX : 3, :3], cell)
    assert strip.shape[:2] == (96, 3 * 96 + 2 * 8)


def test_the_preview_takes_the_chosen_classes():
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5])
    assert augmentation.example_rows(labels, []) == [0, 5, 7, 8]
    assert augmentation.example_rows(labels, [1, 0]) == [5, 0, 6, 1]
    assert augmentation.example_rows(labels, [2, 0]) == [7, 0, 1]
    assert augmentation.example_rows(labels, [5, 1, 0]) == [10, 5, 0, 6]


def test_the_classes_and_views_shown_are_named(digits, open_page):
    app = open_page("train.py", dataset="digits", classes=["7", "1"], augment__shift="0.2", augment__views="0")
    assert "epochs 1 to 5" in texts(app)
    assert "Through pixels" in texts(app)
    app.number_input(key="augment.views").set_value(1).run()
    assert "then view 1, at 32 px" in texts(app)
    assert "see each training picture once" in texts(app)


def test_where_nothing_is_frozen_the_cost_says_so():
    assert "Nothing is frozen" in augmentation.cost(AugmentConfig(shift=0.1), frozen=False)
    assert "Nothing is frozen" in augmentation.cost(AugmentConfig(shift=0.1, views=0), frozen=False)


@pytest.mark.parametrize(("name", "value"), [("rotation_deg", 200.0), ("zoom", -1.0), ("views", 65), ("seed", -1)])
def test_a_strength_out_of_its_range_is_one_sentence_and_no_preview(digits, open_page, name, value):
    app = open_page("train.py", dataset="digits", augment__brightness="0.5")
    app.number_input(key=f"augment.{name}").set_value(value).run()
    assert not app.exception
    assert app.button(key="start").disabled
    (error,) = app.error
    assert f"augment.{name}" in error.value.replace("\\", "")
    assert not app.image


def test_a_wrong_input_size_is_the_panels_to_name(digits, open_page):
    app = open_page("train.py", dataset="digits", augment__brightness="0.5", backbone__input_size="1000000000")
    assert not app.image
    (error,) = app.error
    assert "backbone.input_size" in error.value.replace("\\", "")


def test_a_link_carries_the_changes_there_and_back(digits, open_page):
    wanted = config.parse(WANTED)
    link = parse_qs(urlencode(forms.address(wanted), doseq=True))
    assert link["augment.horizontal_flip"] == ["true"]
    app = open_page("train.py", **{name.replace(".", "__"): value for name, value in link.items()})
    assert config.parse(yaml.safe_load(app.code[0].value)) == wanted
    assert not app.warning


@pytest.mark.parametrize("link", [{"augment__horizontal_flip": "maybe"}, {"augment__zoom": "much"}])
def test_a_link_with_a_change_that_cannot_be_read_is_named(digits, open_page, link):
    (warning,) = open_page("train.py", dataset="digits", **link).warning
    assert "The link asks" in warning.value
    assert next(iter(link.values())) in warning.value


def test_yaml_and_a_clone_fill_the_changes(digits, store, open_page):
    wanted = config.parse(WANTED)
    app = open_page("train.py", dataset="digits")
    app.text_area(key="yaml_text").set_value(wanted.to_yaml())
    app.button(key="yaml_apply").click().run()
    assert config.parse(yaml.safe_load(app.code[0].value)) == wanted
    run = jobs.submit_run(store, digits, wanted)
    clone = open_page("train.py", clone=str(run))
    assert config.parse(yaml.safe_load(clone.code[0].value)) == wanted


def test_settings_stored_before_there_were_changes_are_still_read(digits, store, open_page):
    run = jobs.submit_run(store, digits, config.parse({"dataset": "digits"}))
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET payload = json_set(payload, '$.config.augment', json('{}'))")
    assert store.job(run).payload["config"]["augment"] == {}
    assert shown(open_page("train.py", clone=str(run))) == AugmentConfig().model_dump()


def test_several_runs_all_get_the_changes():
    runs, _ = variants(config.parse(WANTED), ["ResNet20", "MobileNetV2"], [0, 1])
    assert len(runs) == 4
    assert {run.augment for run in runs} == {config.parse(WANTED).augment}

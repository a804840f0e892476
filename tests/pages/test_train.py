"""Train: widgets from settings, warnings, start, several at once, YAML, clones, links."""

from __future__ import annotations

import dataclasses

import pytest

from pages.ui import forms
from pages.ui.launch import variants
from pages.ui.outlook_view import between
from tests.pages.conftest import settings_shown, texts
from tlcore import config, devices, jobs, machine
from tlcore.forecast import outlook
from tlcore.forecast.outlook import expected_of


def plain(app) -> list[str]:
    """The warnings as they are read."""
    return [warning.value.replace("\\", "").replace("\u2060", "") for warning in app.warning]


def test_without_data_the_page_leads_to_data(empty, open_page):
    app = open_page("train.py")
    assert "A run needs a dataset" in texts(app)
    assert any(link.value == "Add a dataset" for link in app.page_link)


def test_the_untouched_form_is_the_default_configuration(digits, open_page):
    app = open_page("train.py", dataset="digits")
    assert settings_shown(app) == config.parse({"dataset": "digits"}).model_dump(mode="json")


@pytest.fixture
def two_cards(monkeypatch):
    found = (devices.Card("0", "NVIDIA T4"), devices.Card("1", "NVIDIA T4"))
    monkeypatch.setattr(devices, "plan", lambda: devices.Plan(found, libraries=True))


def test_every_setting_has_a_widget_with_its_help(digits, open_page, two_cards):
    app = open_page("train.py", dataset="digits", source__dataset="digits")  # One that is divided has a setting more.
    for dotted in forms.LABELS.keys() - forms.ONLY_WITH.keys():
        widget = app.get_by_key(dotted)
        assert widget.help == forms.setting(dotted).description, dotted


def test_a_link_sets_settings_as_the_command_line_does(digits, open_page):
    app = open_page("train.py", dataset="digits", classes=["1", "7"], train__epochs="4", head__hidden="64, 32", optimizer__name="sgd", freeze__trainable_blocks="2")
    shown = settings_shown(app)
    assert shown["classes"] == ["1", "7"]
    assert (shown["train"]["epochs"], shown["head"]["hidden"], shown["optimizer"]["name"]) == (4, [64, 32], "sgd")
    assert shown["freeze"]["trainable_blocks"] == 2


def test_cards_used_together_are_asked_for_where_there_are_two(digits, open_page, two_cards):
    app = open_page("train.py", dataset="digits")
    app.number_input(key="train.devices").set_value(2).run()
    assert settings_shown(app)["train"]["devices"] == 2 and not app.error
    app.number_input(key="train.devices").set_value(3).run()
    assert "this machine has 2 graphics cards" in app.error[0].value
    assert app.button(key="start").disabled


def test_without_cards_they_are_asked_for_only_to_be_set_back(digits, open_page):
    def shown(app) -> bool:
        return any(widget.key == "train.devices" for widget in app.number_input)

    assert not shown(open_page("train.py", dataset="digits"))
    app = open_page("train.py", dataset="digits", train__devices="2")
    assert "this machine has no graphics card" in app.error[0].value
    app.number_input(key="train.devices").set_value(1).run()
    assert not app.error and not app.button(key="start").disabled
    app.run()
    assert not shown(app)


def test_the_suggested_name_is_plain_text(digits, open_page):
    app = open_page("train.py", dataset="digits", backbone__name="MobileNet_0.25")
    assert app.text_input(key="name").placeholder == "digits · MobileNet_0.25"


def test_start_queues_what_is_shown_and_goes_to_the_run(digits, store, open_page):
    app = open_page("train.py", dataset="digits", train__epochs="4")
    shown = settings_shown(app)
    app.button(key="start").click().run()
    (run,) = store.jobs(kind="train")
    assert run.config.model_dump(mode="json") == shown
    assert app.query_params["run"] == str(run.id)


def test_start_is_off_while_a_setting_is_wrong_and_the_sentence_names_it(digits, store, open_page):
    app = open_page("train.py", dataset="digits", classes=["3"])
    assert app.button(key="start").disabled
    assert "two or more" in app.error[0].value
    app = open_page("train.py", dataset="digits", backbone__name="Xception", backbone__input_size="32")
    assert app.button(key="start").disabled
    assert "71" in app.error[0].value


@pytest.mark.parametrize(
    ("key", "value"),
    [("train.epochs", 0), ("train.batch_size", 99999999), ("backbone.input_size", 3), ("backbone.input_size", 10**15), ("head.dropout", 1.5), ("split.val_fraction", 0.0), ("train.seed", -1)],
)
def test_a_number_out_of_its_range_is_one_sentence_typed_or_in_a_link(digits, open_page, key, value):
    app = open_page("train.py", dataset="digits")
    app.number_input(key=key).set_value(value).run()
    linked = open_page("train.py", dataset="digits", **{key.replace(".", "__"): str(value)})
    for shown in (app, linked):
        assert not shown.exception
        assert shown.button(key="start").disabled
        (error,) = shown.error
        assert key in error.value.replace("\\", "")


@pytest.mark.parametrize("text", ["abc", "-5", "2.5", "64, x", "64;32", "9" * 900, "0", "99999", "1, 1, 1, 1, 1"])
def test_hidden_layers_that_are_no_list_of_numbers_are_one_sentence(digits, open_page, text):
    for app in (open_page("train.py", dataset="digits"), open_page("train.py", dataset="digits", head__hidden=text)):
        app.text_input(key="head.hidden").set_value(text).run()
        assert not app.exception
        assert app.button(key="start").disabled
        (error,) = app.error
        assert "head.hidden" in error.value.replace("\\", "")


@pytest.mark.parametrize("text", ["", " ", "64, 32", "64 32", "64,"])
def test_hidden_layers_with_commas_or_spaces_are_fine(digits, open_page, text):
    app = open_page("train.py", dataset="digits")
    app.text_input(key="head.hidden").set_value(text).run()
    assert not app.error
    assert settings_shown(app)["head"]["hidden"] == forms.numbers(text)


def test_another_backbone_brings_its_own_weights_and_blocks(digits, open_page):
    app = open_page("train.py", dataset="digits", freeze__trainable_blocks="4")
    app.selectbox(key="backbone.name").set_value("VGG16").run()
    shown = settings_shown(app)
    assert shown["backbone"]["weights"] == "imagenet"
    app.slider(key="freeze.trainable_blocks").set_value(5).run()
    app.selectbox(key="backbone.name").set_value("ResNet20").run()
    shown = settings_shown(app)
    assert shown["backbone"]["weights"] == "bundled"
    assert shown["freeze"]["trainable_blocks"] == 4
    assert not app.button(key="start").disabled


def test_missing_weights_and_few_pictures_are_warned_of(digits, open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    app = open_page("train.py", dataset="digits", backbone__name="MobileNetV2", split__train_fraction="0.01")
    said = " ".join(warning.value for warning in app.warning)
    assert "downloads" in said and "Fewer than 10" in said


def test_several_runs_are_queued_at_once(digits, store, open_page):
    app = open_page("train.py", dataset="digits")
    app.text_input(key="several_depths").set_value("0, 2, 4, 9").run()
    app.button(key="queue_several").click().run()
    assert sorted(run.config.freeze.trainable_blocks for run in store.jobs(kind="train")) == [0, 2, 4]


def test_what_several_runs_leave_out_is_said_with_the_reason(digits, open_page):
    app = open_page("train.py", dataset="digits")
    assert not app.warning
    app.text_input(key="several_depths").set_value("0, 9, abc, 1, -1").run()
    (warning,) = plain(app)
    assert warning == "Left out: 9: ResNet20 has 4 blocks; 'abc' is no number; '-1' is no whole number."
    assert app.button(key="queue_several").label == "Queue 2 runs"


def test_variants_give_each_backbone_weights_that_it_has():
    base = config.parse({"dataset": "digits", "name": "base", "backbone": {"input_size": 32}})
    runs, _ = variants(base, ["ResNet20", "InceptionV3"], [0, 6])
    assert [(run.backbone.name, run.backbone.weights, run.backbone.input_size, run.freeze.trainable_blocks) for run in runs] == [
        ("ResNet20", "bundled", 32, 0),
        ("InceptionV3", "imagenet", None, 0),
        ("InceptionV3", "imagenet", None, 6),
    ]
    assert all(run.name == "" for run in runs)


def test_yaml_fills_the_widgets(digits, open_page):
    app = open_page("train.py", dataset="digits")
    wanted = config.parse({"dataset": "digits", "name": "from a file", "classes": ["1", "2"], "head": {"hidden": [16]}, "train": {"epochs": 7, "early_stopping_patience": None}})
    app.text_area(key="yaml_text").set_value(wanted.to_yaml())
    app.button(key="yaml_apply").click().run()
    assert config.parse(settings_shown(app)) == wanted


@pytest.mark.parametrize(
    ("text", "named"),
    [("dataset: digits\ntrain: {epochs: -1}", "train.epochs"), ("a: [", "YAML"), ("dataset: nothing", "nothing"), ("dataset: digits\nlearning: 3", "learning"), ("dataset: digits\nclasses: [x, y]", "'x'")],
)
def test_wrong_yaml_is_one_sentence_and_changes_nothing(digits, open_page, text, named):
    app = open_page("train.py", dataset="digits")
    before = settings_shown(app)
    app.text_area(key="yaml_text").set_value(text)
    app.button(key="yaml_apply").click().run()
    assert named in app.error[0].value.replace("\\", "")
    assert settings_shown(app) == before


def test_a_clone_has_the_settings_of_its_run(digits, store, open_page):
    wanted = config.parse({"dataset": "digits", "classes": ["4", "9"], "freeze": {"trainable_blocks": 3}, "optimizer": {"learning_rate": 0.02}})
    run = jobs.submit_run(store, digits, wanted)
    app = open_page("train.py", clone=str(run))
    assert config.parse(settings_shown(app)) == wanted
    assert "clone" not in app.query_params


@pytest.mark.parametrize("number", ["999", "../x", "1;DROP TABLE jobs", "9" * 5000])
def test_a_clone_of_nothing_is_answered_calmly(digits, open_page, number):
    app = open_page("train.py", clone=number, dataset="digits")
    assert app.warning
    assert not app.button(key="start").disabled


def test_a_clone_that_is_no_number_is_called_so(digits, open_page):
    app = open_page("train.py", clone="abc", dataset="digits")
    (warning,) = app.warning
    assert warning.value == "The link names no run to clone."


def test_what_a_link_asks_for_and_is_not_here_is_named_once(digits, open_page):
    wrong = {"dataset": "none", "classes": ["1", "zebra"], "backbone__name": "Nope", "train__epochs": "abc", "freeze__trainable_blocks": "99", "optimizer__name": "magic"}
    app = open_page("train.py", **wrong)
    (warning,) = plain(app)
    for named in ("dataset 'none'", "classes 'zebra'", "backbone.name 'Nope'", "train.epochs 'abc'", "freeze.trainable_blocks '99'", "optimizer.name 'magic'"):
        assert named in warning
    assert "'1'" not in warning
    app.number_input(key="train.epochs").set_value(5).run()
    assert not app.warning


@pytest.mark.parametrize("link", [{"new": "1", "dataset": "none"}, {"dataset": "digits", "new": "1", "classes": ["1", "none"]}, {"dataset": "digits", "backbone__name": "VGG16", "backbone__weights": "none_such"}])
def test_links_of_other_pages_are_looked_at_too(digits, open_page, link):
    (warning,) = [sentence for sentence in plain(open_page("train.py", **link)) if "The link asks" in sentence]
    assert "'none" in warning


def test_a_clone_whose_dataset_is_gone_says_so(digits, store, open_page):
    run = jobs.submit_run(store, digits, config.parse({"dataset": "digits", "classes": ["4", "9"]}))
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE datasets SET name = 'other'")
    (warning,) = plain(open_page("train.py", clone=str(run)))
    assert "dataset 'digits'" in warning


def test_a_link_that_can_be_followed_is_not_warned_of(digits, open_page):
    right = {"dataset": "digits", "classes": ["1", "7"], "train__epochs": "4", "head__hidden": "64, 32", "backbone__name": "VGG16", "freeze__trainable_blocks": "5", "backbone__weights": "none", "train__early_stopping_patience": ""}
    app = open_page("train.py", **right)
    assert "The link asks" not in " ".join(plain(app))
    app.selectbox(key="backbone.name").set_value("ResNet20").run()
    assert "The link asks" not in " ".join(plain(app))


def figures(app) -> dict[str, str]:
    """The table beside the settings."""
    (table,) = app.table
    return {str(name): str(value) for name, value in zip(table.value.index, table.value.iloc[:, 0], strict=True)}


def test_the_forecast_stands_beside_the_settings_and_goes_with_the_run(digits, store, open_page, monkeypatch):
    monkeypatch.setattr(machine, "stretch", lambda own_busy=0.0: 1.0)  # Load changes from one look to the next.
    app = open_page("train.py", dataset="digits", train__epochs="4")
    shown = figures(app)
    assert "to" in shown["Time, about"] and "features" in shown["Of it"]
    assert shown["Stored already"] == "0 of 1,797 pictures"
    assert shown["Memory at the peak, about"].endswith("MB") and shown["Disk, about"].endswith("MB")
    assert "nothing was measured here yet" in texts(app)
    app.button(key="start").click().run()
    (run,) = store.jobs(kind="train")
    kept = expected_of(run)
    assert between(kept.seconds) == shown["Time, about"]
    app = open_page("train.py", dataset="digits")
    assert "1 run goes first" in texts(app)


def test_more_epochs_take_longer_and_a_lack_of_memory_is_warned_of(digits, open_page, monkeypatch):
    few, many = (open_page("train.py", dataset="digits", train__epochs=epochs, train__early_stopping_patience="1000") for epochs in ("2", "900"))
    assert "training" in figures(many)["Of it"] and figures(few)["Time, about"] != figures(many)["Time, about"]
    assert not few.warning
    snapshot = machine.snapshot(digits)
    monkeypatch.setattr(machine, "snapshot", lambda workspace: dataclasses.replace(snapshot, memory_free_bytes=10**8))
    assert any("of memory" in warning for warning in plain(open_page("train.py", dataset="digits")))


def test_runs_queued_together_have_a_forecast_each(digits, store, open_page):
    app = open_page("train.py", dataset="digits")
    app.text_input(key="several_depths").set_value("0, 2").run()
    app.button(key="queue_several").click().run()
    learning, frozen = (expected_of(run) for run in store.jobs(kind="train"))
    assert learning.phases["train"].likely > frozen.phases["train"].likely


def test_how_right_forecasts_were_is_said(digits, open_page, monkeypatch):
    monkeypatch.setattr(outlook, "accuracy_so_far", lambda store: (1.4, 5))
    assert "The last 5 runs took 1\\.40 times what was forecast" in texts(open_page("train.py", dataset="digits"))

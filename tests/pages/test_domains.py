"""Train: strategy with its own settings, source and target with counts, and the shift between them."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from pages.ui import forms
from tests.pages.conftest import settings_shown, texts
from tlcore import demo, jobs
from tlcore.config import RunConfig, parse
from tlcore.shift import Shift
from tlcore.store import JobState, Store
from tlcore.strategies import STRATEGIES
from tlcore.workspace import Workspace

BOTH = {"dataset": "digits-textures", "source__dataset": "digits", "freeze__trainable_blocks": "1"}  # Most strategies want blocks that learn.


@pytest.fixture(scope="module")
def ready(prepared, tmp_path_factory) -> Path:
    """A workspace with the digits and the same on textures, to be copied."""
    root = shutil.copytree(prepared, tmp_path_factory.mktemp("domains") / "workspace")
    store = Store.open(Workspace(root))
    demo.ensure_built_in("digits-textures", store, store.workspace)
    store.close()
    return root


@pytest.fixture
def two(there):
    """Both, as the pages' own."""
    return there


def alerts(app) -> str:
    return " ".join(each.value.replace("\\", "") for each in (*app.error, *app.warning, *app.info))


def unusual(name: str) -> RunConfig:
    """A run with every setting of a strategy unlike its default."""
    kind = STRATEGIES[name]
    changed = {field: other(info.default) for field, info in kind.model_fields.items() if field != "name"}
    return parse({
        "dataset": "digits-textures", "source": {"dataset": "digits"}, "target": {"label_fraction": 0.3, "balanced": False, "seed": 4},
        "strategy": {"name": name, **changed}, "loss": {"class_weights": "balanced", "label_smoothing": 0.1, "mixup": 0.2},
        "optimizer": {"schedule": "cosine", "warmup_epochs": 1.5, "clip_norm": 2.0}, "freeze": {"trainable_blocks": 1}, "train": {"sampling": "balanced", "monitor": "val_macro_f1"},
    })


def other(value):
    """Another value of the same kind, within all ranges."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return {"inference": "training"}[value]
    return value + 1 if isinstance(value, int) else value / 2


def test_all_settings_of_strategies_have_a_label_and_mean_the_same_everywhere():
    fields = {field for kind in STRATEGIES.values() for field in kind.model_fields if field != "name"}
    assert {f"strategy.{field}" for field in fields} == set(forms.STRATEGY_LABELS)
    for field in fields:
        said = {(info.default, info.description) for kind in STRATEGIES.values() if (info := kind.model_fields.get(field))}
        assert len(said) == 1, field


def test_another_strategy_shows_its_paragraph_and_its_settings_only(two, open_page):
    app = open_page("train.py", **BOTH)
    assert STRATEGIES["frozen"].help in texts(app)
    for name, kind in STRATEGIES.items():
        app.selectbox(key="strategy.name").set_value(name).run()
        assert not app.exception
        assert f"**{kind.title}.** {kind.help}" in texts(app)
        shown = {key for key in forms.STRATEGY_LABELS for widget in app.main if getattr(widget, "key", None) == key}
        assert shown == set(forms.of_strategy(name))
        for key in shown:
            assert app.get_by_key(key).help == forms.setting(key).description
        assert settings_shown(app)["strategy"] == kind().model_dump(mode="json")


def test_a_strategy_without_the_source_it_needs_says_what_to_do(two, open_page):
    app = open_page("train.py", dataset="digits-textures", strategy__name="coral", freeze__trainable_blocks="1")
    assert "'CORAL' needs a source" in alerts(app) and "Choose a dataset under" in alerts(app)
    assert app.button(key="start").disabled
    app.selectbox(key="source.dataset").set_value("digits").run()
    assert not app.error and not app.info and not app.button(key="start").disabled


def test_a_strategy_that_has_nothing_to_move_says_what_to_set(two, open_page):
    for name, wanted in (("fine_tune", "freeze.trainable_blocks to 1 or more"), ("mmd", "or head.hidden to [256]")):
        app = open_page("train.py", **{**BOTH, "freeze__trainable_blocks": "0"}, strategy__name=name)
        assert wanted in alerts(app) and app.button(key="start").disabled


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_link_and_a_clone_keep_every_setting_of_every_strategy(two, store, open_page, name):
    wanted = unusual(name)
    linked = open_page("train.py", **{key.replace(".", "__"): value for key, value in forms.address(wanted).items()})
    assert parse(settings_shown(linked)) == wanted and not linked.error
    app = open_page("train.py", clone=str(jobs.submit_run(store, two, wanted)))
    assert parse(settings_shown(app)) == wanted
    assert app.query_params["strategy.name"] == name if name != "frozen" else "strategy.name" not in app.query_params


def test_yaml_goes_in_and_the_run_that_starts_has_it(two, store, open_page):
    app = open_page("train.py", dataset="digits")
    wanted = unusual("pseudo_label")
    app.text_area(key="yaml_text").set_value(wanted.to_yaml())
    app.button(key="yaml_apply").click().run()
    assert parse(settings_shown(app)) == wanted
    app.button(key="start").click().run()
    (run,) = store.jobs(kind="train")
    assert run.config == wanted and run.payload["source_id"] == store.dataset("digits").id
    assert run.payload["forecast"]["pictures"] > 1797


def test_several_runs_keep_strategy_and_source(two, store, open_page):
    app = open_page("train.py", **BOTH, strategy__name="mixed", strategy__source_share="0.25")
    app.text_input(key="several_depths").set_value("0, 2").run()
    app.button(key="queue_several").click().run()
    runs = store.jobs(kind="train")
    assert [(run.config.strategy.source_share, run.config.source.dataset) for run in runs] == [(0.25, "digits")] * 2


def counts(app) -> dict[str, int]:
    """Sums by role in the table below the chart."""
    (table,) = [each.value for each in app.dataframe if "unlabelled" in each.value]
    return {name: int(table[name].sum()) for name in table.columns if name != "class"}


def test_pictures_by_role_are_shown_before_anything_runs(two, open_page):
    app = open_page("train.py", **BOTH, target__label_fraction="0.2", strategy__name="pseudo_label")
    found = counts(app)
    assert found["source"] + found["source_val"] + found["test"] == pytest.approx(1797, abs=2)
    assert found["labelled"] == pytest.approx(0.2 * found["source"], abs=10)
    assert found["labelled"] + found["labelled_val"] + found["unlabelled"] + found["test"] == 1797
    assert f"{found['source']:,} training pictures of the source digits" in texts(app).replace("\\", "")
    app.selectbox(key="strategy.name").set_value("coral").run()
    assert counts(app)["labelled"] == 0 and counts(app)["unlabelled"] == 1797 - found["test"]


def test_one_dataset_is_divided_by_a_share_that_is_asked_for_only_then(two, open_page):
    app = open_page("train.py", **BOTH)
    assert not any(each.key == "target.fraction" for each in app.number_input)
    app.selectbox(key="source.dataset").set_value("digits-textures").run()
    app.number_input(key="target.fraction").set_value(0.25).run()
    found = counts(app)
    assert found["labelled"] == pytest.approx(found["source"] / 3, abs=10)
    assert settings_shown(app)["target"]["fraction"] == 0.25
    app.selectbox(key="source.dataset").set_value("digits").run()
    assert settings_shown(app)["target"]["fraction"] == 0.4


def test_without_domains_there_is_nothing_more_to_see(two, open_page):
    app = open_page("train.py", dataset="digits")
    assert not any("unlabelled" in each.value for each in app.dataframe)
    assert not any(each.key == "measure_shift" for each in app.button)


def test_classes_that_the_source_lacks_are_one_sentence(two, store, open_page):
    with store._writing() as connection:
        connection.exec_driver_sql("UPDATE datasets SET classes = '[\"0\", \"1\", \"2\"]' WHERE name = 'digits'")
    app = open_page("train.py", **BOTH)
    assert not app.exception and app.button(key="start").disabled
    assert "source 'digits' has no class '3', which the target 'digits-textures' has" in alerts(app)


def test_a_link_to_a_source_or_strategy_that_is_not_here_is_named(two, open_page):
    app = open_page("train.py", dataset="digits", source__dataset="gone", strategy__name="magic", strategy__gamma="much")
    for named in ("source.dataset 'gone'", "strategy.name 'magic'", "strategy.gamma 'much'"):
        assert named in alerts(app)
    assert settings_shown(app)["source"]["dataset"] is None and settings_shown(app)["strategy"] == {"name": "frozen"}


def test_a_number_of_a_strategy_out_of_its_range_is_one_sentence(two, open_page):
    app = open_page("train.py", **BOTH, strategy__name="mixed", strategy__source_share="1.5")
    assert app.button(key="start").disabled and "'strategy.source_share' can't be '1.5'" in alerts(app)
    assert not app.exception


def test_the_shift_is_measured_on_demand_and_shown_with_its_meaning(two, store, open_page):
    app = open_page("train.py", **BOTH)
    app.button(key="measure_shift").click().run()
    (job,) = store.jobs("shift")
    assert job.title == "Shift from digits to digits-textures" and app.button(key="measure_shift").disabled
    store.finish(store.claim("w", "shift"), JobState.failed, error="There is no room.")
    app.run()
    assert "There is no room" in alerts(app)
    app.button(key="measure_shift").click().run()
    found = Shift(1.84, 0.04, 1000, 999, "ResNet20")
    store.finish(store.claim("w", "shift"), JobState.done, result=dataclasses.asdict(found))
    app.run()
    assert [metric.value for metric in app.metric if metric.label == "Shift"] == ["1.84 of 2"]
    assert "96% of unseen pictures" in texts(app).replace("\\", "") and "1,000 pictures of the source, 999 of the target" in texts(app)
    again = open_page("train.py", **BOTH, strategy__name="coral", train__epochs="3")
    assert any(metric.label == "Shift" for metric in again.metric)
    assert not any(metric.label == "Shift" for metric in open_page("train.py", **BOTH, classes=["1", "2"]).metric)

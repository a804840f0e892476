"""What a run learned from and was tested on, and whether it had seen its test pictures: the Data tab."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from pages.ui import gap_chart, run_data_chart
from pages.ui.text import WORD_JOINER
from tests.datasets.photos import CHANGES, photo, photos_dataset
from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore import jobs
from tlcore.gap import gaps, in_words
from tlcore.leakage import load_twins
from tlcore.store import Store
from tlcore.workspace import Workspace

ALONE, LEAKY, TWO, FEW = 1, 2, 3, 4
TRAINED = 24


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    """Runs on the digits, on photographs that are partly tested in another encoding, on two domains, and with few labels."""
    root = tmp_path_factory.mktemp("data") / "workspace"
    shutil.copytree(prepared, root)
    workspace = Workspace(root)
    store = Store.open(workspace)
    pictures = [photo(i) for i in range(TRAINED)] + [change(photo(i)) for i, change in enumerate(CHANGES.values())] + [photo(TRAINED + i) for i in range(8)]
    labels = ["palace" if i % 2 == 0 else ":red[flower]" for i in [*range(TRAINED), *range(len(CHANGES)), *range(8)]]
    leaky = photos_dataset(workspace, pictures, labels, ["train"] * TRAINED + ["test"] * (len(CHANGES) + 8))
    store.add_dataset(jobs.dataset_record(leaky, workspace))
    made = [
        finished_run(store, workspace, train__epochs=1),
        finished_run(store, workspace, dataset="photos", train__epochs=1),
        finished_run(store, workspace, dataset="digits-textures", source__dataset="digits", head__hidden=[8], train__epochs=1, strategy__name="coral"),
        finished_run(store, workspace, train__epochs=1, target__label_fraction=0.5),
    ]
    assert made == [ALONE, LEAKY, TWO, FEW]
    store.close()
    return root


def said(at) -> str:
    return texts(at).replace("\\", "").replace(WORD_JOINER, "")


def test_parts_are_counted_by_class_in_words_chart_and_table(there, store, open_page):
    at = open_page("runs.py", run=str(ALONE), tab="Data")
    result = store.job(ALONE).result
    assert f"{result['train_images']:,} training, {result['val_images']} validation, {result['test_images']} test" in said(at)
    (chart,) = at.get("vega_lite_chart")
    assert f"{result['test_images']} test" in chart.proto.alt
    table = at.dataframe[0].value
    assert table["target_train"].sum() == result["train_images"] and table["learned_share"].sum() == pytest.approx(1)
    assert "no more than chance would show" in said(at)
    assert f"None** of the {result['test_images']} test pictures is" in said(at) and not at.metric


def test_source_and_target_stand_side_by_side_with_their_distance(there, open_page):
    at = open_page("runs.py", run=str(TWO), tab="Data")
    alts = [chart.proto.alt for chart in at.get("vega_lite_chart")]
    assert ["of the target" in alts[0], "of the source" in alts[1], "differ by" in alts[2]] == [True] * 3
    assert "without labels" in alts[0] and "Source and target differ in their class shares by" in said(at)
    assert {"target_unlabelled", "source_train", "source_test"} <= set(at.dataframe[0].value.columns)
    at.segmented_control(key="run_domain").set_value("source").run()
    assert "test pictures of the source is" in said(at)


def test_pictures_that_were_not_used_are_named(there, open_page):
    assert "of the target (without labels) were not used: their labels were withheld" in said(open_page("runs.py", run=str(FEW), tab="Data"))


def test_near_duplicates_are_looked_for_once_and_shown_with_the_accuracy_without_them(there, open_page):
    at = open_page("runs.py", run=str(LEAKY), tab="Data")
    assert not at.metric and not at.get("image")
    at.button(key="look_for_twins").click().run()
    assert at.metric[0].value == f"{len(CHANGES)} of {len(CHANGES) + 8}"
    assert [card.label for card in at.metric] == ["Test pictures seen before", "Accuracy on all", "Without them", "On them alone"]
    assert len(at.get("image")) == 2 * len(CHANGES) and r"\:red\[flower\]" in texts(at)
    kept = load_twins(there.run(LEAKY), "target")
    assert (kept.likeness >= kept.alike_from).sum() == len(CHANGES)
    again = open_page("runs.py", run=str(LEAKY), tab="Data")
    assert again.metric[0].value == at.metric[0].value and "look_for_twins" not in [button.key for button in again.button]
    again.slider[0].set_value(1.0).run()
    assert again.metric[0].value == f"0 of {len(CHANGES) + 8}" and not again.get("image")


def test_equal_pictures_in_an_old_split_are_told_at_once(there, open_page):
    path = there.run(ALONE) / "split.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["train"] = np.sort(np.append(arrays["train"], arrays["test"][:2]))
    np.savez(path, **arrays)
    at = open_page("runs.py", run=str(ALONE), tab="Data")
    assert "2 of the" in at.warning[0].value and at.metric[0].value.startswith("2 of ")


def test_a_split_that_is_gone_is_one_sentence(there, open_page):
    (there.run(ALONE) / "split.npz").unlink()
    assert "split.npz is missing" in open_page("runs.py", run=str(ALONE), tab="Data").error[0].value.replace("\\", "")


def test_the_generalisation_gap_of_the_best_epoch_is_told_with_what_it_is_measured_under(there, store, open_page):
    at = open_page("runs.py", run=str(ALONE), tab="Curves")
    (sentence,) = in_words(gaps(store.epochs(ALONE)), store.job(ALONE).result["best_epoch"])
    assert sentence in said(at) and "with dropout at work" in said(at)
    at = open_page("runs.py", run=str(TWO), tab="Curves")
    assert "than the source validation pictures" in said(at), "no label of the target is read"


def test_charts_hold_no_data_and_are_built_once():
    for draw in (
        lambda: gap_chart.spec("loss", "epoch", True, ("validation", "source validation")),
        lambda: run_data_chart.roles(100, ("train", "val", "test")),
        lambda: run_data_chart.shares(2),
    ):
        assert draw() is draw()
        parts = [draw(), *draw().get("layer", ())]
        assert not any({"data", "datasets"} & set(part) for part in parts)
    assert run_data_chart.roles(100, ("train",))["height"] < 4 * run_data_chart.roles(30, ("train",))["height"]

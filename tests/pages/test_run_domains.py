"""A finished run on two domains: figures, matrices, mistakes and curves of both, with the pictures of each."""

from __future__ import annotations

import shutil

import pytest

from pages.ui import answer_gallery
from pages.ui import gallery as shown_pictures
from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore.results import load_predictions
from tlcore.store import Store
from tlcore.workspace import Workspace

BOTH = {"dataset": "digits-textures", "source__dataset": "digits", "head__hidden": [8], "train__epochs": 4}
ADAPTED, JOINED, DIVIDED = 1, 2, 3


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    """A workspace with three runs: without labels of the target, with them, and on one dataset that is divided."""
    root = tmp_path_factory.mktemp("domains") / "workspace"
    shutil.copytree(prepared, root)
    workspace = Workspace(root)
    store = Store.open(workspace)
    made = [
        finished_run(store, workspace, **BOTH, strategy__name="dann"),
        finished_run(store, workspace, **BOTH, strategy__name="mixed", train__monitor="val_macro_f1"),
        finished_run(store, workspace, **{**BOTH, "dataset": "digits"}, strategy__name="mixed"),
    ]
    assert made == [ADAPTED, JOINED, DIVIDED]
    store.close()
    return root


@pytest.fixture
def both(empty, ready) -> Workspace:
    shutil.copytree(ready, empty.root, dirs_exist_ok=True)
    return empty


@pytest.fixture
def datasets_shown(monkeypatch) -> list[str]:
    """Ids of the datasets whose pictures a page shows."""
    seen: list[str] = []
    thumbnails = shown_pictures.thumbnails
    monkeypatch.setattr(shown_pictures, "thumbnails", lambda dataset, rows, side: seen.append(dataset) or thumbnails(dataset, rows, side))
    return seen


def alts(at) -> list[str]:
    return [chart.proto.alt for chart in at.get("vega_lite_chart") if not chart.proto.alt.startswith("Gap in")]


def test_the_summary_has_target_and_source_side_by_side(both, store, open_page):
    at = open_page("runs.py", run=str(ADAPTED))
    result = store.job(ADAPTED).result
    table = at.dataframe[0].value.set_index("figure")
    assert table.index.tolist() == ["Accuracy", "Balanced accuracy", "Macro F1", "Weighted F1", "Precision", "Recall", "AUC", "Log loss (nats)", "ECE"]
    for column, key in (("target", "test"), ("source", "source_test")):
        assert table.loc["Accuracy", column] == f"{result[key]['accuracy']:.1%}"
        assert table.loc["Log loss (nats)", column] == f"{result[key]['log_loss']:.3f}"
    assert table.loc["Accuracy", "target"] != table.loc["Accuracy", "source"]
    said = texts(at).replace("\\", "")
    assert f"Target digits-textures: **It recognises {result['test']['accuracy']:.1%} of {result['test_images']} test pictures that" in said
    assert f"Source digits: **It recognises {result['source_test']['accuracy']:.1%} of {result['source_test_images']} test pictures of the source that" in said
    assert "no label of the target may choose" in said and "still getting better" not in said


@pytest.mark.parametrize("run", [ADAPTED, pytest.param(DIVIDED, marks=pytest.mark.slow)])
def test_one_control_switches_all_tabs_to_the_source(both, store, open_page, datasets_shown, run):
    source = load_predictions(both.run(run), "source_test")
    at = open_page("runs.py", run=str(run), tab="Confusion")
    (matrix,) = alts(at)
    assert "of the source" not in matrix and at.segmented_control(key="run_domain").value == "target"
    at.segmented_control(key="run_domain").set_value("source").run()
    wrong = int((source.predicted != source.labels).sum())
    assert f"{wrong} of {len(source)} test pictures of the source mistaken" in alts(at)[0]
    assert at.query_params["domain"] in ("source", ["source"])
    tested_on = store.job(run).payload["source_id"]
    cell = source.confusion_cells().iloc[0]
    at.session_state["confusion_source"] = {"selection": {"cell": [{"true": cell["true"], "predicted": cell["predicted"]}]}}
    datasets_shown.clear()
    assert f"**{cell['count']} picture" in texts(at.run()) and set(datasets_shown) == {tested_on}
    table = open_page("runs.py", run=str(run), tab="Classes", domain="source").dataframe[0].value
    assert table["support"].sum() == len(source)
    datasets_shown.clear()
    at = open_page("runs.py", run=str(run), tab="Mistakes", domain="source")
    assert len(at.get("image")) == min(wrong, 24) and (set(datasets_shown) == {tested_on} if wrong else not datasets_shown)


def test_the_control_is_there_only_with_two_domains_and_odd_links_mean_the_target(both, store, open_page):
    alone = finished_run(store, both, train__epochs=1)
    at = open_page("runs.py", run=str(alone), tab="Classes", domain="source")
    assert "Domain" not in [control.label for control in at.segmented_control] and at.dataframe[0].value["support"].sum() == store.job(alone).result["test_images"]
    at = open_page("runs.py", run=str(ADAPTED), tab="Classes", domain="../x")
    assert at.segmented_control(key="run_domain").value == "target"


def test_without_target_labels_the_curves_are_the_sources_and_the_strategys_own(both, open_page):
    at = open_page("runs.py", run=str(ADAPTED), tab="Curves")
    assert all("of training and source validation over 4 epochs" in alt for alt in alts(at)) and len(alts(at)) == 2
    assert "Domain accuracy" in at.pills[0].options and "Domain loss" in at.pills[0].options
    at.pills[0].set_value(["domain_accuracy"])
    assert alts(at.run())[2].startswith("Domain accuracy of training over 4 epochs")
    said = texts(at)
    assert "can't tell the domains apart" in said
    assert "by loss on the validation pictures of the source" in said and "of source pictures." in said


def test_with_target_labels_both_domains_have_their_validation_curve_and_the_chosen_epoch_is_marked(both, store, open_page):
    at = open_page("runs.py", run=str(JOINED), tab="Curves")
    assert [alt.split(" over ")[0] for alt in alts(at)] == [
        "Accuracy of training and validation and source validation", "Loss of training and validation and source validation", "Macro F1 of validation and source validation"
    ]
    best = store.job(JOINED).result["best_epoch"]
    assert best == int(store.epochs(JOINED)["val_macro_f1"].idxmax()) + 1
    assert f"marks epoch {best}, the best by macro F1 on the validation pictures." in texts(at)
    (told,) = [each.value for each in at.markdown if each.value.startswith("Validation, epoch")]
    figures = store.epochs(JOINED).set_index("epoch").loc[best]
    for part, prefix in (("Validation", "val_"), ("Source validation", "source_val_")):
        assert f"{part}, epoch {best} (best): accuracy **{figures[f'{prefix}accuracy']:.1%}**" in told


def test_runs_are_compared_on_the_source_too_and_whose_curves_one_sees_is_told(both, store, open_page):
    at = open_page("compare.py", runs=f"{ADAPTED},{JOINED}", domain="source")
    assert not at.error
    accuracies = [store.job(run).result["source_test"]["accuracy"] for run in (ADAPTED, JOINED)]
    assert at.dataframe[0].value["accuracy"].tolist() == pytest.approx(accuracies)
    assert "test pictures of the source" in at.subheader[0].value
    at.segmented_control(key="run_domain").set_value("target").run()
    assert at.dataframe[0].value["accuracy"].tolist() == [store.job(run).result["test"]["accuracy"] for run in (ADAPTED, JOINED)]
    at = open_page("compare.py", runs=f"{ADAPTED},{JOINED}", tab="Curves")
    assert at.segmented_control(key="compare_part").options == ["validation", "source validation", "training", "all"]
    assert "have no such curve" in texts(at)
    at.segmented_control(key="compare_part").set_value("source validation").run()
    assert "have no such curve" not in texts(at)


def test_pictures_of_a_comparison_on_the_source_are_the_sources(both, store, open_page, monkeypatch):
    seen: list[str] = []
    thumbnails = answer_gallery.thumbnails
    monkeypatch.setattr(answer_gallery, "thumbnails", lambda dataset, rows, side: seen.append(dataset) or thumbnails(dataset, rows, side))
    for domain, key in (("source", "source_id"), ("target", "dataset_id")):
        seen.clear()
        at = open_page("compare.py", runs=f"{ADAPTED},{JOINED}", tab="Pictures", domain=domain)
        assert set(seen) == {store.job(ADAPTED).payload[key]}, texts(at)

"""The map of a run's pictures and the gallery of what is chosen on it, and what a mistake was nearest to."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from pages.ui import map_chart
from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore import run_jobs
from tlcore.embedding import EMBEDDING, load_embedding
from tlcore.results import load_predictions
from tlcore.store import JobState, Store
from tlcore.tsne import MAP
from tlcore.workspace import Workspace

ALONE, TWO = 1, 2


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    """A run on the digits, and one on two domains."""
    root = tmp_path_factory.mktemp("map") / "workspace"
    shutil.copytree(prepared, root)
    store = Store.open(Workspace(root))
    assert finished_run(store, store.workspace, train__epochs=1) == ALONE
    assert finished_run(store, store.workspace, dataset="digits-textures", source__dataset="digits", head__hidden=[8], train__epochs=1, strategy__name="mixed") == TWO
    store.close()
    return root


@pytest.fixture
def options(monkeypatch) -> list[tuple[list[map_chart.Series], dict]]:
    """What the map is drawn from, each time it is."""
    drawn: list[tuple[list[map_chart.Series], dict]] = []
    option = map_chart.option

    def noted(series, *rest):
        drawn.append((series, option(series, *rest)))
        return drawn[-1][1]

    monkeypatch.setattr(map_chart, "option", noted)
    return drawn


def choose(at, what: str, run: int, groups: list[dict]) -> None:
    """As if somebody had drawn a lasso around these points."""
    at.session_state[f"map_{run}_{what}"] = {"selection": {"selected": groups, "areas": []}}
    at.run()


ALL = "principal components-class-test,validation,training"


def test_a_lasso_shows_its_pictures_mistaken_ones_first(there, open_page, options):
    at = open_page("runs.py", run=str(ALONE), tab="Map")
    assert not at.error and not at.get("image")
    series, option = options[-1]
    assert [each["name"] for each in option["series"]] == [str(digit) for digit in range(10)]
    assert sum(len(each["source"]) for each in option["dataset"]) == len(load_embedding(there.run(ALONE)))
    choose(at, ALL, ALONE, [{"series_index": 3, "data_indices": [0, 1, 2]}, {"series_index": 8, "data_indices": [0, 10_000]}, {"series_index": 77, "data_indices": [0]}])
    assert "**4 pictures** chosen" in texts(at) and len(at.get("image")) == 4
    answers = load_predictions(there.run(ALONE))
    wrong = answers.rows[answers.predicted != answers.labels]
    points = series[3].points
    mistaken = np.flatnonzero(points["row"].isin(wrong) & (points["kind"] == "test"))
    right = np.flatnonzero(points["outcome"] == "right")
    choose(at, ALL, ALONE, [{"series_index": 3, "data_indices": [int(right[0]), int(mistaken[0])]}])
    below = [each.value for each in at.markdown if each.value.startswith("**3**")]
    assert "→" in below[0] and "→" not in below[1] and "1 of 2 with an answer mistaken" in texts(at)


def test_points_are_coloured_by_part_or_outcome_and_parts_can_be_left_out(there, open_page, options):
    at = open_page("runs.py", run=str(ALONE), tab="Map", colour="right or wrong")
    assert [each["name"] for each in options[-1][1]["series"]] == ["not asked", "right", "wrong"], "what is there for comparison lies behind"
    at.segmented_control(key="map_color").set_value("part").run()
    assert {each["name"] for each in options[-1][1]["series"]} == {"test", "validation", "training"} and at.query_params["colour"] in ("part", ["part"])
    at.pills(key="map_kinds").set_value(["test"]).run()
    assert [each["name"] for each in options[-1][1]["series"]] == ["test"]
    at.pills(key="map_kinds").set_value([]).run()
    assert "Choose other ones" in at.info[0].value and not at.error


def test_two_domains_are_filled_and_hollow_in_one_colour(there, open_page, options):
    at = open_page("runs.py", run=str(TWO), tab="Map")
    series, option = options[-1]
    zeros = [(part.points["domain"].iloc[0], drawn["itemStyle"], drawn["symbol"]) for part, drawn in zip(series, option["series"], strict=True) if drawn["name"] == "0"]
    styles = {domain: style for domain, style, _ in zeros}
    assert styles["source"]["color"] == "transparent" and styles["source"]["borderColor"] == styles["target"]["color"]
    assert "hollow: source" in texts(at)
    at_source = next(i for i, part in enumerate(series) if part.points["domain"].iloc[0] == "source")
    choose(at, ALL, TWO, [{"series_index": at_source, "data_indices": [0]}])
    assert len(at.get("image")) == 1 and not at.error


def test_the_tsne_map_is_asked_for_and_then_one_of_two_layouts(there, open_page, store, options):
    at = open_page("runs.py", run=str(ALONE), tab="Map")
    assert "map_layout" not in [control.key for control in at.segmented_control]
    at.button(key="ask_map").click().run()
    assert run_jobs.latest(store, "map", ALONE).state is JobState.queued and at.button(key="ask_map").disabled
    positions = np.arange(20)
    np.savez(there.run(ALONE) / MAP, positions=positions, xy=np.stack([positions, positions], 1).astype(np.float32))
    store.finish(store.claim("w", "map"), JobState.done)
    at.run()
    assert at.segmented_control(key="map_layout").value == "t-SNE"  # It was asked for.
    assert sum(len(each["source"]) for each in options[-1][1]["dataset"]) == 20
    assert "how far apart two clusters lie says little" in texts(at)
    at.segmented_control(key="map_layout").set_value("principal components").run()
    assert "principal components" in str(at.query_params["map"]) and "how far apart two clusters lie says little" not in texts(at)


def test_a_run_that_kept_no_map_says_so(there, open_page):
    (there.run(ALONE) / EMBEDDING).unlink()
    assert "kept no map of its pictures" in open_page("runs.py", run=str(ALONE), tab="Map").error[0].value.replace("\\", "")
    worst = load_predictions(there.run(ALONE)).worst_mistakes(1)
    at = open_page("runs.py", run=str(ALONE), tab="Mistakes", mistake=str(worst["row"][0]))
    assert not at.error and "kept no map of its pictures" in texts(at).replace("\\", "") and at.get("image")


def test_of_very_many_classes_some_are_in_colour():
    import pandas as pd

    def group(name: str, faint: bool = False) -> map_chart.Group:
        return map_chart.Group(name, pd.DataFrame({"x": [0.0], "y": [0.0], "domain": ["target"], "picture": ["test 1"], "label": [name], "answer": [name]}), faint)

    many = [group(f"class {i}") for i in range(21)]
    assert map_chart.option(map_chart.series(many), many, ["#000000"], (0, 1, 0, 1))["legend"] == {"show": False}
    few = [group("cat"), group("other classes", True)]
    option = map_chart.option(map_chart.series(few), few, ["#111111", "#222222"], (0, 1, 0, 1))
    assert [each["name"] for each in option["series"]] == ["other classes", "cat"] and option["legend"]["data"] == ["cat", "other classes"]
    assert [each["itemStyle"]["color"] for each in option["series"]] == [map_chart.FAINT, "#111111"]
    assert option["dataset"][1]["source"].columns.tolist() == ["x", "y", "Picture", "Class", "Answer"]


def test_beside_a_mistake_stand_the_training_pictures_nearest_to_it(there, open_page):
    worst = load_predictions(there.run(ALONE)).worst_mistakes(24)
    at = open_page("runs.py", run=str(ALONE), tab="Mistakes")
    assert "reminded of" not in texts(at) and len(at.get("image")) == len(worst)
    at.button(key=f"why_{worst['row'][2]}").click().run()
    assert f"Picture {worst['row'][2]:,}, **{worst['label'][2]}**, was taken for **{worst['predicted'][2]}**. Of the 6 training pictures nearest to it" in texts(at)
    assert len(at.get("image")) == len(worst) + 7
    assert at.query_params["mistake"] in (str(worst["row"][2]), [str(worst["row"][2])])
    at = open_page("runs.py", run=str(TWO), tab="Mistakes", domain="source", mistake="99999")
    assert not at.error and "Worst mistakes" in texts(at) and "reminded of" not in texts(at)

"""Rank backbones on Tune: what is asked, what is shown of it as it comes, and what the finished runs say to it."""

from __future__ import annotations

import pytest

from pages.ui import rank_chart
from tests.pages.conftest import settings_shown, texts
from tlcore.config import BackboneConfig
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking.agreement import Reached
from tlcore.ranking.table import Ranking, Row
from tlcore.store import JobState

SCORES = {
    "ResNet20": {"regression": 0.81, "neighbours": 0.7, "log_me": 0.4, "h_score": 3.0},
    "MobileNet": {"regression": 0.95, "neighbours": 0.9, "log_me": 0.9, "h_score": 5.5, "leep": -0.9, "nce": -0.8},
    "MobileNetV2": {"regression": 0.93, "neighbours": 0.92, "log_me": 0.8, "h_score": 5.0},
}


@pytest.fixture
def keras_home(monkeypatch, tmp_path):
    """No ImageNet weights at all."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def measured(store, *titles: str) -> Ranking:
    record = store.dataset("digits")
    rows = [Row({**BackboneConfig(name=title, weights="bundled" if title == "ResNet20" else "imagenet").model_dump(mode="json")}, title, 96, SCORES[title], 2.5, 500, None if title == "MobileNet" else "No LEEP and NCE: because.") for title in titles]
    rows.append(Row(BackboneConfig(name="VGG16", weights="imagenet").model_dump(mode="json"), "VGG16", 224, why_not="The ImageNet weights can't be downloaded."))
    return Ranking(record.id, record.name, ("1", "7", "9"), 500, tuple(rows))


def done(store, ranking: Ranking) -> int:
    job_id = rank_jobs.submit(store, "digits", rank_jobs.named(store, ["ResNet20", "MobileNet", "MobileNetV2", "VGG16"]), ["1", "7", "9"])
    assert store.claim("tests").id == job_id
    store.finish(store.job(job_id), JobState.done, result=ranking.to_json())
    return job_id


def finished(store, title: str, accuracy: float) -> None:
    record = store.dataset("digits")
    config = {"dataset": "digits", "strategy": {"name": "frozen"}, "backbone": {"name": title, "weights": "bundled" if title == "ResNet20" else "imagenet"}}
    store.add_job("train", "run", {"config": config, "dataset_id": record.id}, dataset_id=record.id)
    store.finish(store.claim("tests"), JobState.done, result={"test_accuracy": accuracy, "test_macro_f1": accuracy, "best_val_accuracy": 0.5, "classes": ["1", "7", "9"], "test_ids_hash": "t", "train_images": 80})


def test_what_is_on_this_machine_is_ranked_at_first_and_the_job_can_be_cancelled(digits, store, open_page, keras_home):
    at = open_page("tune.py", tab="rank", dataset="digits", classes=["1", "7"])
    backbones = at.multiselect("rank_backbones")
    assert backbones.value == ["ResNet20"]
    backbones.set_value(["ResNet20", "MobileNet"]).run()
    assert "To be downloaded first: MobileNet (13 MB)" in texts(at).replace("\\", "")
    at.button("ask_rank").click().run()
    (job,) = store.jobs("rank")
    assert [each["title"] for each in job.payload["candidates"]] == ["ResNet20", "MobileNet"] and job.payload["classes"] == ["1", "7"]
    assert at.query_params["rank"] == str(job.id) and at.query_params["backbones"] == ["ResNet20", "MobileNet"]
    assert at.get("progress")
    store.claim("tests")
    digits.run(job.id).mkdir(parents=True, exist_ok=True)
    measured(store, "ResNet20").save(digits.run(job.id))
    at.run()
    assert "2 backbones of 2 so far" in texts(at) and at.dataframe[0].value["backbone"].tolist() == ["ResNet20"]
    at.button("cancel_rank").click().run()
    assert store.job(job.id).cancel_requested


def test_a_ranking_is_shown_in_order_with_reasons_and_opens_train(digits, store, open_page):
    job_id = done(store, measured(store, "ResNet20", "MobileNet", "MobileNetV2"))
    at = open_page("tune.py", rank=str(job_id))
    said = texts(at).replace("\\", "")
    assert at.session_state["tune_tab"] == "Rank backbones"
    assert "**MobileNet comes first by logistic regression (95.0%), LogME, H-score, LEEP, NCE.**" in said and "MobileNetV2 comes first by nearest neighbours (92.0%)." in said
    assert "**VGG16**: The ImageNet weights can't be downloaded" in said and "No LEEP and NCE: because." in said
    assert at.dataframe[0].value["backbone"].tolist() == ["MobileNet", "MobileNetV2", "ResNet20"]
    assert "Once frozen runs with these backbones" in said
    by = open_page("tune.py", rank=str(job_id), by="Nearest neighbours")
    assert by.dataframe[0].value["backbone"].tolist() == ["MobileNetV2", "MobileNet", "ResNet20"]
    at.button("train_first").click().run()
    assert not at.exception
    shown = settings_shown(at)
    assert shown["backbone"]["name"] == "MobileNet" and shown["backbone"]["weights"] == "imagenet" and shown["classes"] == ["1", "7", "9"]


def test_finished_frozen_runs_say_how_well_each_score_foretold_them(digits, store, open_page):
    job_id = done(store, measured(store, "ResNet20", "MobileNet", "MobileNetV2"))
    finished(store, "ResNet20", 0.8)
    finished(store, "MobileNetV2", 0.97)
    at = open_page("tune.py", rank=str(job_id))
    assert "2 backbones of these have a finished frozen run on the same pictures; it takes 3" in texts(at).replace("\\", "")
    finished(store, "MobileNet", 0.9)
    at = open_page("tune.py", rank=str(job_id))
    scores, taus = (frame.value for frame in at.dataframe)
    assert scores["reached"].tolist() == [0.9, 0.97, 0.8]
    assert taus.loc[0, "measure"] == "Nearest neighbours" and taus.loc[0, "tau"] == 1
    by_measure = dict(zip(taus["measure"], taus["tau"], strict=True))
    assert by_measure["LogME"] == pytest.approx(1 / 3) and by_measure["Parameters (baseline)"] == pytest.approx(1 / 3) and "LEEP" not in by_measure


def test_a_ranking_in_which_nothing_could_be_ranked_is_no_trouble(digits, store, open_page):
    at = open_page("tune.py", rank=str(done(store, measured(store))))
    assert "No backbone could be ranked" in texts(at) and not at.exception and not at.error


def test_without_pictures_and_with_odd_links_the_page_stays_calm(empty, open_page):
    at = open_page("tune.py", tab="rank", rank="7")
    assert "Add a dataset first" in texts(at) and not at.button


@pytest.mark.parametrize("given", [{"dataset": "none"}, {"classes": ["x"]}, {"backbones": ["VGG99"]}, {"px": "huge"}, {"by": "luck"}, {"rank": "../x"}])
def test_what_the_link_asks_for_in_vain_is_left_out(digits, store, open_page, given):
    done(store, measured(store, "ResNet20", "MobileNet"))
    at = open_page("tune.py", tab="rank", **given)
    assert not at.exception and not at.error and at.button("ask_rank").label == "Rank them"


def test_charts_draw_what_was_measured(digits, store):
    ranking = measured(store, "ResNet20", "MobileNet", "MobileNetV2")
    reached = {"MobileNet": Reached(3, 0.9)}
    table = rank_chart.rows(ranking, "regression", reached)
    assert table["kind"].tolist() == [rank_chart.KINDS[0], rank_chart.KINDS[1], rank_chart.KINDS[0], rank_chart.KINDS[0]]
    assert rank_chart.alt_text(table, "regression").endswith("MobileNet: 95.0%; MobileNetV2: 93.0%; ResNet20: 81.0%")
    assert len(rank_chart.rows(ranking, "top1", reached)) == 2 and len(rank_chart.rows(ranking, "leep", reached)) == 1
    assert rank_chart.spec(("MobileNet",), "regression", True, False)["layer"] and rank_chart.pairs_spec("params", True)["layer"]
    assert rank_chart.pairs_alt_text(rank_chart.pairs(ranking, "params", reached), "params").endswith("MobileNet: 3.2 M, 90.0%")

"""How well a ranking foretold finished runs: which runs count, and Kendall's tau by hand."""

from __future__ import annotations

import pytest

from tlcore.ranking.agreement import Agreement, Reached, agreements, reached
from tlcore.ranking.table import Ranking, Row, in_words
from tlcore.store import DatasetRecord, JobState

CLASSES = ["1", "7"]


def row(name: str, **scores: float) -> Row:
    return Row({"name": name, "weights": "bundled" if name == "ResNet20" else "imagenet", "weight_set": None, "run": None, "input_size": None}, name, 224, scores)


def ranking(*rows: Row) -> Ranking:
    return Ranking("d1", "digits", tuple(CLASSES), 500, rows)


FOUR = ranking(
    row("MobileNet_0.25", regression=0.6, log_me=4.0), row("MobileNet_0.5", regression=0.7, log_me=3.0),
    row("MobileNet", regression=0.8, log_me=2.0), row("MobileNetV2", regression=0.9, log_me=1.0), Row({"name": "VGG16", "weights": "imagenet"}, "VGG16", 224, why_not="No network."),
)  # fmt: skip


def test_tau_by_hand():
    # Of six pairs of backbones one is the other way round: (5 - 1) / 6. ImageNet's accuracies and sizes rise in the order of the rows too.
    found = agreements(FOUR, {"MobileNet_0.25": 0.5, "MobileNet_0.5": 0.7, "MobileNet": 0.6, "MobileNetV2": 0.9})
    by_measure = {each.measure: each for each in found}
    assert by_measure["regression"] == Agreement("regression", pytest.approx(4 / 6), pytest.approx(1 / 3), 4)
    assert by_measure["top1"].tau == pytest.approx(4 / 6) and by_measure["log_me"].tau == pytest.approx(-4 / 6)
    assert by_measure["params"].tau == pytest.approx(2 / 6)  # MobileNet has the most and comes third.
    assert found[-1].measure == "log_me" and "leep" not in by_measure


def test_two_backbones_are_too_few_and_equal_figures_have_no_tau():
    assert not agreements(FOUR, {"MobileNet": 0.5, "MobileNetV2": 0.6})
    equal = ranking(*(row(each.title, regression=1.0) for each in FOUR.rows[:3]))
    assert agreements(equal, {each.title: n / 10 for n, each in enumerate(equal.rows)})[-1] == Agreement("regression", None, None, 3)


@pytest.fixture
def finish(store, no_supervisor):
    """`finish(0.8, backbone={"name": "MobileNet"})`: a finished run with that test accuracy; returns its number."""
    store.add_dataset(DatasetRecord("d1", "digits", tuple(CLASSES), 1000, "tests", "2026", {}, 1))

    def finished(accuracy: float, config=None, **result) -> int:
        config = {"dataset": "digits", "strategy": {"name": "frozen"}, "backbone": {"name": "MobileNet", "weights": "imagenet"}, **(config or {})}
        store.add_job("train", "run", {"config": config, "dataset_id": "d1"}, dataset_id="d1")
        job = store.claim("tests")
        usual = {"test_accuracy": accuracy, "best_val_accuracy": 0.5, "classes": CLASSES, "test_ids_hash": "t", "train_images": 800}
        store.finish(job, JobState.done, result=usual | result)
        return job.id

    return finished


def test_of_several_runs_the_best_on_validation_counts_and_others_do_not(store, finish):
    assert reached(store, FOUR) == {}
    finish(0.9)
    best = finish(0.8, best_val_accuracy=0.6)
    finish(0.99, {"freeze": {"trainable_blocks": 1}}, best_val_accuracy=0.9)
    finish(0.99, {"strategy": {"name": "fine_tune"}, "freeze": {"trainable_blocks": 1}}, best_val_accuracy=0.9)
    finish(0.99, {"backbone": {"name": "MobileNet", "weights": "none"}}, best_val_accuracy=0.9)
    finish(0.99, {"backbone": {"name": "MobileNet", "weights": "imagenet", "input_size": 96}}, best_val_accuracy=0.9)
    finish(0.99, {"backbone": {"name": "VGG16", "weights": "imagenet"}}, best_val_accuracy=0.9)
    finish(0.99, best_val_accuracy=0.9, classes=["1", "7", "9"])
    finish(0.99, best_val_accuracy=0.9, judged_on="val")
    assert reached(store, FOUR) == {"MobileNet": Reached(best, 0.8)}
    same = finish(0.7, {"backbone": {"name": "MobileNetV2", "weights": "imagenet", "input_size": 224}})
    assert reached(store, FOUR) == {"MobileNet": Reached(best, 0.8), "MobileNetV2": Reached(same, 0.7)}


def test_runs_on_other_pictures_are_not_mixed(store, finish):
    one = finish(0.8)
    two = finish(0.7, {"backbone": {"name": "MobileNetV2", "weights": "imagenet"}})
    finish(0.6, {"backbone": {"name": "MobileNet_0.5", "weights": "imagenet"}}, test_ids_hash="other")
    finish(0.9, {"backbone": {"name": "MobileNet", "weights": "imagenet"}}, train_images=80)
    assert reached(store, FOUR) == {"MobileNet": Reached(one, 0.8), "MobileNetV2": Reached(two, 0.7)}


def test_a_ranking_is_told_in_words_and_comes_back_from_its_file(tmp_path):
    assert in_words(FOUR) == ["MobileNetV2 comes first by logistic regression (90.0%).", "MobileNet_0.25 comes first by LogME."]
    assert in_words(ranking(FOUR.rows[-1])) == ["No backbone could be ranked."]
    assert [each.title for each in FOUR.ordered("params")] == ["MobileNet", "MobileNetV2", "MobileNet_0.5", "MobileNet_0.25", "VGG16"]
    assert Ranking.of(FOUR.to_json()) == FOUR
    table = FOUR.table("log_me")
    assert table["backbone"].tolist()[0] == "MobileNet_0.25" and table["note"].tolist()[-1] == "No network." and table["nce"].isna().all()

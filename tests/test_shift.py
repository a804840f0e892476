"""The distance of two domains: hand-made clouds, which pictures are compared, and that nothing is measured twice."""

import dataclasses

import numpy as np
import pytest

from tests.datasets.samples import small_dataset
from tlcore import demo, jobs, shift
from tlcore.config import parse
from tlcore.errors import InputError, NotFoundError
from tlcore.shift import Shift, latest_shift, pictures, proxy_a_distance, question, submit_shift
from tlcore.store import JobState


def cloud(count: int, center: float = 0.0, seed: int = 0, features: int = 16) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 1, (count, features)).astype(np.float32)
    values[:, 0] += center
    return values


def test_clouds_of_one_kind_are_about_nothing_apart():
    score, error = proxy_a_distance(cloud(600), cloud(600, seed=1))
    assert score < 0.25 and error == pytest.approx(0.5, abs=0.07)


def test_the_very_same_pictures_are_nothing_apart():
    score, error = proxy_a_distance(cloud(300), cloud(300))
    assert score == 0.0 and error >= 0.5, "each picture's twin in the other domain is what it was learnt to be"


def test_separate_clouds_are_about_two_apart():
    score, error = proxy_a_distance(cloud(200), cloud(200, center=20.0, seed=1))
    assert score == 2.0 and error == 0.0


def test_half_overlapping_clouds_are_as_far_apart_as_their_formula_says():
    # Two normal clouds at distance 2: the best line errs for Φ(-1) = 0.159 of the points, so 2 (1 - 2 · 0.159) = 1.37.
    score, _ = proxy_a_distance(cloud(2000), cloud(2000, center=2.0, seed=1))
    assert score == pytest.approx(1.37, abs=0.1)


def test_a_domain_with_few_pictures_counts_as_much_as_one_with_many():
    score, error = proxy_a_distance(cloud(900), cloud(45, seed=1))
    assert score < 0.5, "a classifier that says source to all is right for 95 %, and has learnt nothing"
    assert error > 0.35
    score, _ = proxy_a_distance(cloud(2000), cloud(100, center=2.0, seed=1))
    assert score == pytest.approx(1.37, abs=0.2), "as with equally many"


def test_the_sentence_fits_the_number():
    said = [Shift(score, 0.5 - score / 4, 100, 200, "VGG16").meaning for score in (0.1, 1.0, 2.0)]
    assert "VGG16's features" in said[0] and "52%" in said[0] and "nearly alike" in said[0]
    assert "differ" in said[1] and "75%" in said[1]
    assert "very different" in said[2] and "100%" in said[2]


def domains(workspace, count: int = 40):
    pets = small_dataset(workspace, list(range(2 * count)), ["a"] * count + ["b"] * count)
    photos = small_dataset(workspace, list(range(500, 500 + 2 * count)), ["a"] * count + ["b"] * count, name="photos")
    return pets, photos


CONFIG = parse({"dataset": "pets", "source": {"dataset": "photos"}, "strategy": {"name": "coral"}, "head": {"hidden": [16]}, "target": {"label_fraction": 0.1}})


def test_training_pictures_are_compared_and_no_others(workspace):
    pets, photos = domains(workspace)
    ours, others = pictures(CONFIG, pets, photos)[1], pictures(CONFIG, pets, photos)[0]
    assert len(ours) == len(others) == 2 * 28
    tested = shift.pictures(CONFIG.model_copy(update={"classes": ("a", "b")}), pets, photos)[1]
    assert tested.tolist() == ours.tolist()


def test_at_most_so_many_different_pictures_are_compared(workspace, monkeypatch):
    monkeypatch.setattr(shift, "MOST_PICTURES", 20)
    doubled = small_dataset(workspace, [i % 60 for i in range(120)], (["a"] * 30 + ["b"] * 30) * 2)
    _, photos = domains(workspace)
    source, target = pictures(CONFIG, doubled, photos)
    assert len(source) == len(target) == len(set(doubled.content_ids[target])) == 20


def test_too_few_pictures_are_named(workspace):
    pets, photos = domains(workspace, 5)
    with pytest.raises(InputError, match="photos: 6 training pictures are too few"):
        pictures(CONFIG, pets, photos)


def test_only_what_matters_is_asked():
    other = parse({"dataset": "pets", "source": {"dataset": "photos"}, "strategy": {"name": "mixed"}, "train": {"epochs": 3, "seed": 5}, "head": {"pooling": "flatten"}})
    assert question(CONFIG).hash() == question(other).hash()
    assert question(CONFIG).hash() != question(parse({**other.model_dump(), "backbone": {"name": "VGG16", "weights": "none"}})).hash()


@pytest.fixture
def two(store, workspace, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    for dataset in domains(workspace):
        store.add_dataset(jobs.dataset_record(dataset, workspace))
    return store


def test_one_measurement_serves_all_who_ask(two):
    first = submit_shift(two, CONFIG)
    assert submit_shift(two, CONFIG) == first and latest_shift(two, CONFIG).id == first
    two.finish(two.claim("w", "shift"), JobState.done, result=dataclasses.asdict(Shift(1.0, 0.25, 5, 6, "ResNet20")))
    assert submit_shift(two, CONFIG) == first
    assert Shift.of(latest_shift(two, CONFIG).result).score == 1.0
    other = CONFIG.model_copy(update={"split": CONFIG.split.model_copy(update={"seed": 3})})
    assert latest_shift(two, other) is None and submit_shift(two, other) != first


def test_one_that_failed_is_measured_again(two):
    first = submit_shift(two, CONFIG)
    two.finish(two.claim("w", "shift"), JobState.failed, error="no room")
    assert latest_shift(two, CONFIG).error == "no room"
    assert submit_shift(two, CONFIG) != first


def test_a_figure_keeps_no_dataset(two, workspace):
    submit_shift(two, CONFIG)
    jobs.delete_dataset(two, workspace, "photos")
    with pytest.raises(NotFoundError, match="photos"):
        submit_shift(two, CONFIG)


def test_without_a_source_there_is_nothing_to_measure(two):
    with pytest.raises(InputError, match="Choose a source"):
        submit_shift(two, parse({"dataset": "pets"}))
    assert latest_shift(two, parse({"dataset": "pets"})) is None


def test_built_in_domains_differ_and_their_features_stay_in_the_cache(store, workspace, monkeypatch):
    from tlcore.datasets.dataset import Dataset
    from tlcore.nn.shift import measure
    from tlcore.reporter import NullReporter

    monkeypatch.setattr(shift, "MOST_PICTURES", 150)
    target, source = (opened(name, store, workspace, Dataset) for name in ("digits-textures", "digits"))
    settings = parse({"dataset": "digits-textures", "source": {"dataset": "digits"}})
    found = measure(settings, target, source, workspace, NullReporter())
    assert found.score > 1.5 and (found.source_pictures, found.target_pictures) == (150, 150)
    kept = sorted(path.name for path in workspace.activations.rglob("*.rows"))
    assert measure(settings, target, source, workspace, NullReporter()) == found
    assert sorted(path.name for path in workspace.activations.rglob("*.rows")) == kept
    halves = measure(parse({"dataset": "digits", "source": {"dataset": "digits"}}), source, source, workspace, NullReporter())
    assert halves.score < 0.5


def opened(name, store, workspace, kind):
    demo.ensure_built_in(name, store, workspace)
    return kind.open(workspace.dataset(store.dataset(name).id))

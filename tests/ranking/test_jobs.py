"""Asking for a ranking: which backbones, at which size, and what makes a place doubtful."""

from __future__ import annotations

import pytest

from tlcore.errors import InputError
from tlcore.ranking import jobs as rank_jobs
from tlcore.store import DatasetRecord


@pytest.fixture
def record(store, no_supervisor) -> DatasetRecord:
    record = DatasetRecord("d1", "my cifar10", ("cat", "dog"), 100, "cifar10.zip", "2026", {}, 1)
    store.add_dataset(record)
    return record


def asked(store, job_id: int) -> dict[str, dict]:
    return {each["title"]: each for each in store.job(job_id).payload["candidates"]}


def test_sizes_are_the_usual_ones_or_no_larger_than_asked_for_as_far_as_a_backbone_can(store, record):
    chosen = rank_jobs.named(store, ["ResNet20", "MobileNet", "InceptionV3"])
    usual = asked(store, rank_jobs.submit(store, record.name, chosen))
    assert {title: (each["side_px"], each["backbone"]["input_size"]) for title, each in usual.items()} == {"ResNet20": (32, None), "MobileNet": (224, None), "InceptionV3": (299, None)}
    small = asked(store, rank_jobs.submit(store, record.name, chosen, at_most_px=64))
    assert {title: each["side_px"] for title, each in small.items()} == {"ResNet20": 32, "MobileNet": 64, "InceptionV3": 75}


@pytest.mark.parametrize("side_px", [0, -5])
def test_a_size_that_no_picture_has_is_refused(store, record, side_px):
    with pytest.raises(InputError, match=f"at most {side_px} px"):
        rank_jobs.submit(store, record.name, rank_jobs.named(store, ["ResNet20"]), at_most_px=side_px)
    assert not store.jobs("rank")


def test_weights_that_have_seen_the_dataset_carry_a_caution(store, record):
    every = rank_jobs.candidates(store)
    assert rank_jobs.is_here(every["ResNet20"]) and len(every) > 15
    rows = asked(store, rank_jobs.submit(store, record.name, rank_jobs.named(store, ["ResNet20", "MobileNet"])))
    assert rows["ResNet20"]["caution"] == "It has been trained on CIFAR-10 itself, so its place says little about transfer."
    assert rows["MobileNet"]["caution"] is None


def test_weights_that_are_not_on_this_machine_are_known_to_be_missing(store, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    every = rank_jobs.candidates(store)
    assert [title for title, config in every.items() if rank_jobs.is_here(config)] == ["ResNet20"]

"""The pictures of finished runs by class, domain and part, and which of them were not used."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets.samples import small_dataset
from tlcore.config import parse
from tlcore.datasets.domains import divide
from tlcore.errors import NotFoundError
from tlcore.run_data import run_data


def run_of(tmp_path, ours, others=None, **settings):
    config = parse({"dataset": "pets", "split": {"val_fraction": 0.2, "test_fraction": 0.2}, **settings})
    divide(config, ours, others).save(tmp_path / "split.npz")
    return run_data(tmp_path, config.strategy, ours)


def test_one_domain_is_counted_by_class_and_part(workspace, tmp_path):
    pets = small_dataset(workspace, list(range(30)), ["cat"] * 20 + ["dog"] * 10)
    found = run_of(tmp_path, pets)
    assert found.domains == ("target",) and found.between_domains is None and found.idle == {}
    assert [found.of("target", role).tolist() for role in ("train", "val", "test", "unlabelled")] == [[12, 6], [4, 2], [4, 2], [0, 0]]
    assert found.learnt.tolist() == [12, 6]
    assert found.table.columns.tolist() == ["class", "target_train", "target_val", "target_test", "learned_share", "tested_share"]
    assert found.table["learned_share"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert found.to_tested.distance == pytest.approx(0)


def test_pictures_whose_labels_may_not_be_used_are_counted_and_idle_unless_the_way_reads_them(workspace, tmp_path):
    pets = small_dataset(workspace, list(range(60)), ["cat"] * 40 + ["dog"] * 20)
    few = run_of(tmp_path, pets, target={"label_fraction": 0.5})
    hidden = few.total("target", "unlabelled")
    assert hidden == 60 - few.total("target", "train") - few.total("target", "val") - few.total("target", "test") > 0
    assert few.idle == {("target", "unlabelled"): hidden}
    assert run_of(tmp_path, pets, target={"label_fraction": 0.5}, strategy={"name": "pseudo_label"}).idle == {}


def test_two_domains_are_told_apart_and_compared(workspace, tmp_path):
    pets = small_dataset(workspace, list(range(40)), ["cat"] * 20 + ["dog"] * 20)
    photos = small_dataset(workspace, list(range(500, 540)), ["cat"] * 30 + ["dog"] * 10, name="photos")
    settings = {"source": {"dataset": "photos"}, "head": {"hidden": [8]}}
    found = run_of(tmp_path, pets, photos, strategy={"name": "coral"}, **settings)
    assert found.domains == ("target", "source")
    assert found.of("source").tolist() == [30, 10] and found.of("target").tolist() == [20, 20]
    assert found.between_domains.distance == pytest.approx(0.25) and found.between_domains.largest == "cat"
    assert found.learnt.tolist() == found.of("source", "train").tolist(), "no label of the target is read"
    assert found.total("target", "train") == 0 and found.total("target", "unlabelled") == 32 and found.idle == {}
    shares = found.shares.set_index(["domain", "class"])["share"]
    assert shares["source", "cat"] == 0.75 and shares["target", "dog"] == 0.5
    alone = run_of(tmp_path, pets, photos, strategy={"name": "target_only"}, **settings)
    assert alone.idle == {("source", "train"): found.total("source", "train")} and np.array_equal(alone.learnt, alone.of("target", "train"))


def test_a_run_without_its_split_says_so(workspace, tmp_path):
    with pytest.raises(NotFoundError, match="split.npz"):
        run_data(tmp_path, parse({"dataset": "pets"}).strategy, small_dataset(workspace, list(range(10)), ["a", "b"] * 5))

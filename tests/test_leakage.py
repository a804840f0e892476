"""Pictures seen before are found, whether equal, saved again or changed a little; others are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets.photos import CHANGES, photo, photos_dataset
from tests.datasets.samples import small_dataset
from tlcore import leakage
from tlcore.config import parse
from tlcore.datasets.domains import divide
from tlcore.leakage import (
    ALIKE,
    Seen,
    exact_twins,
    find_twins,
    load_twins,
    save_twins,
    seen_parts,
)
from tlcore.likeness import likeness, reduced

TRAINED, ALONE = 24, 8  # Pictures that are learned from; test pictures that have no twin.


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """Training pictures, then test pictures: some of them changed, and others that were never seen."""
    from tlcore.workspace import Workspace

    workspace = Workspace(tmp_path_factory.mktemp("leaky") / "workspace").create()
    pictures = [photo(i) for i in range(TRAINED)] + [change(photo(i)) for i, change in enumerate(CHANGES.values())] + [photo(TRAINED + i) for i in range(ALONE)]
    labels = ["palace" if i % 2 == 0 else "flower" for i in [*range(TRAINED), *range(len(CHANGES)), *range(ALONE)]]
    return photos_dataset(workspace, pictures, labels, ["train"] * TRAINED + ["test"] * (len(CHANGES) + ALONE))


def of(dataset):
    test = np.arange(TRAINED, len(dataset))
    return test, [Seen("train", "target", np.arange(TRAINED))], {"target": dataset}


def test_changed_pictures_are_found_and_others_are_not(leaky):
    test, seen, datasets = of(leaky)
    heard = []
    twins = find_twins(test, leaky, seen, datasets, heard.append)
    found = twins.from_(twins.alike_from).set_index("test_row")["row"]
    assert found.sort_index().to_dict() == {TRAINED + i: i for i in range(len(CHANGES))}
    assert twins.alike_from == ALIKE and (twins.compared, twins.seen) == (TRAINED, TRAINED)
    assert heard == sorted(heard) and heard[-1] == 1.0
    assert twins.likeness.tolist() == sorted(twins.likeness, reverse=True)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_leaves_the_likeness(leaky, change):
    at = list(CHANGES).index(change)
    own, other = (float(likeness(reduced(leaky, np.array([TRAINED + at])), reduced(leaky, np.array([row])))[0]) for row in (at, at + 2))
    assert own > ALIKE > other


def test_equal_pictures_are_as_alike_as_can_be_and_those_without_structure_not_at_all():
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16)).astype(np.float32)
    plain = np.full((1, 16, 16), 128, np.float32)
    assert likeness(picture, picture)[0] == pytest.approx(1) and likeness(picture, picture * 0.5 + 20)[0] > 0.98
    assert likeness(plain, plain)[0] == likeness(plain, picture)[0] == 0
    assert likeness(picture, 255 - picture)[0] == 0


def test_where_all_pictures_of_a_class_are_alike_only_more_than_that_counts(workspace):
    digits = small_dataset(workspace, list(range(400)), [str(i % 10) for i in range(400)])
    twins = find_twins(np.arange(300, 400), digits, [Seen("train", "target", np.arange(300))], {"target": digits})
    assert twins.usual > 0.6 and twins.alike_from == pytest.approx((1 + twins.usual) / 2)
    assert len(twins.from_(ALIKE)) > 50 > len(twins.from_(twins.alike_from))


def test_of_too_many_pixels_some_seen_pictures_are_left_out_and_counted(leaky, monkeypatch):
    test, seen, datasets = of(leaky)
    monkeypatch.setattr(leakage, "MOST_PIXELS", (len(test) + TRAINED // 2) * 100 * 100)
    twins = find_twins(test, leaky, seen, datasets)
    assert (twins.compared, twins.seen) == (TRAINED // 2, TRAINED)


def test_what_was_found_is_kept_and_a_damaged_file_is_looked_for_again(leaky, tmp_path):
    test, seen, datasets = of(leaky)
    twins = find_twins(test, leaky, seen, datasets)
    assert load_twins(tmp_path, "target") is None
    save_twins(tmp_path, "target", twins)
    again = load_twins(tmp_path, "target")
    assert again.from_(0.5).equals(twins.from_(0.5)) and again.usual == twins.usual and again.seen == twins.seen
    assert load_twins(tmp_path, "source") is None
    (tmp_path / "twins-target.npz").write_bytes(b"x")
    assert load_twins(tmp_path, "target") is None


def test_equal_pictures_are_found_in_every_part(workspace):
    pets = small_dataset(workspace, [0, 1, 2, 3, 4, 5, 1, 3, 9], ["cat", "dog", "cat"] * 3)
    seen = [Seen("train", "target", np.array([0, 1, 2])), Seen("val", "target", np.array([3, 4])), Seen("unlabelled", "target", np.array([5]))]
    found = exact_twins(np.array([6, 7, 8]), pets, seen, {"target": pets})
    assert found.values.tolist() == [[6, "train", "target", 1], [7, "val", "target", 3]]
    assert exact_twins(np.array([8]), pets, seen, {"target": pets}).empty and exact_twins(np.array([8]), pets, [], {}).empty


def test_a_run_has_seen_what_its_strategy_reads(workspace):
    pets = small_dataset(workspace, list(range(60)), ["cat", "dog"] * 30)
    photos = small_dataset(workspace, list(range(500, 560)), ["cat", "dog"] * 30, name="photos")

    def parts(source=None, **settings) -> list[str]:
        config = parse({"dataset": "pets", **({"source": {"dataset": "photos"}, "head": {"hidden": [8]}} if source else {}), **settings})
        return [each.part for each in seen_parts(divide(config, pets, source), config.strategy)]

    assert parts() == ["train", "val"] == parts(target={"label_fraction": 0.5})
    assert parts(target={"label_fraction": 0.5}, strategy={"name": "pseudo_label"}) == ["train", "val", "unlabelled"]
    assert parts(photos, strategy={"name": "coral"}) == ["unlabelled", "source_train", "source_val"]
    assert parts(photos, strategy={"name": "mixed"}) == ["train", "val", "source_train"]
    assert parts(photos, strategy={"name": "source_only"}) == ["source_train", "source_val"]

"""Source and target, and whose labels may be used, depend on contents and settings alone, and hidden labels are nowhere."""

import numpy as np
import pytest

from tests.datasets.samples import small_dataset
from tlcore.config import RunConfig, SplitConfig
from tlcore.datasets.domains import Domains, counts_of, divide, learnt_counts, read_by
from tlcore.datasets.splits import PARTS, Split, make_split
from tlcore.errors import InputError, NotFoundError
from tlcore.strategies import STRATEGIES


def config(strategy: str = "frozen", source: str | None = None, classes=None, **target) -> RunConfig:
    return RunConfig.model_validate(
        {"dataset": "pets", "source": {"dataset": source}, "target": target, "classes": classes, "strategy": {"name": strategy}, "head": {"hidden": [8]}}
    )


def letters(count_a: int, count_b: int, first: int = 0) -> tuple[list[int], list[str]]:
    return list(range(first, first + count_a + count_b)), ["a"] * count_a + ["b"] * count_b


def contents(dataset, rows) -> set[str]:
    return set(dataset.content_ids[rows].tolist())


def same_arrays(one: Split, other: Split) -> bool:
    names = (*PARTS, "known_rows", "known_labels")
    return one.classes == other.classes and all(
        np.array_equal(getattr(one, n), getattr(other, n)) and getattr(one, n).dtype == np.int64 for n in names
    )


@pytest.fixture
def pets(workspace):
    return small_dataset(workspace, *letters(100, 50))


def test_without_a_source_and_with_all_labels_it_is_the_split_of_old(pets):
    found = divide(config(), pets, None)
    assert same_arrays(found.target, make_split(pets, None, SplitConfig()))
    assert found.source is None and found.unlabelled.dtype == np.int64 and len(found.unlabelled) == 0


def test_one_dataset_is_divided_in_every_class_and_part(pets):
    found = divide(config(source="pets"), pets, pets)
    # The whole: a has 70, 10, 20 pictures and b 35, 5, 10; four tenths of each go to the target.
    assert found.target.counts()[["train", "val", "test"]].to_numpy().tolist() == [[28, 4, 8], [14, 2, 4]]
    assert found.source.counts()[["train", "val", "test"]].to_numpy().tolist() == [[42, 6, 12], [21, 3, 6]]
    whole = make_split(pets, None, SplitConfig())
    for part in PARTS:
        both = np.concatenate([getattr(found.target, part), getattr(found.source, part)])
        assert np.sort(both).tolist() == getattr(whole, part).tolist()
    assert same_arrays(found.target, divide(config(source="pets"), pets, None).target)


def test_bursts_stay_in_one_domain_and_are_labelled_together(workspace):
    bursts = np.arange(120) // 3
    pets = small_dataset(workspace, *letters(60, 60), bursts=bursts.tolist())
    for source in (None, "pets"):
        found = divide(config(source=source, label_fraction=0.5), pets, pets if source else None)
        given = [getattr(found.source, part) for part in PARTS] if found.source else []
        sides = [set(bursts[rows].tolist()) for rows in (*(getattr(found.target, part) for part in PARTS), found.unlabelled, *given)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 40


def test_the_division_follows_contents_and_seed_and_not_the_order_of_rows(workspace):
    pictures, labels = letters(60, 60)
    mixed = np.random.default_rng(1).permutation(120)
    one = small_dataset(workspace, pictures, labels)
    other = small_dataset(workspace, [pictures[i] for i in mixed], [labels[i] for i in mixed])
    settings = config(source="pets", label_fraction=0.5)
    first, second, third = divide(settings, one, one), divide(settings, other, other), divide(config(source="pets", label_fraction=0.5, seed=1), one, one)
    assert contents(one, first.unlabelled) == contents(other, second.unlabelled) != contents(one, third.unlabelled)
    assert contents(one, first.source.train) == contents(other, second.source.train) != contents(one, third.source.train)


def test_equal_pictures_are_never_in_both_domains_nor_both_hidden_and_labelled(workspace):
    pictures = [i % 40 for i in range(160)] + [*range(10), *range(200, 260)]
    dataset = small_dataset(workspace, pictures, ["a"] * 160 + ["b"] * 70)
    for seed in range(5):
        found = divide(config(source="pets", label_fraction=0.5, seed=seed), dataset, dataset)
        target, source = (contents(dataset, s.known_rows) for s in (found.target, found.source))
        hidden = contents(dataset, found.unlabelled)
        assert hidden and not (target & source or target & hidden or source & hidden)


def test_another_source_is_matched_by_the_names_of_its_classes(workspace, pets):
    # Its classes are sorted by name too, so the one more at the front shifts all others.
    photos = small_dataset(workspace, list(range(200, 260)), ["0"] * 20 + ["a"] * 20 + ["b"] * 20, name="photos")
    found = divide(config(source="photos"), pets, photos)
    assert found.source.classes == found.target.classes == ("a", "b")
    assert found.source.counts()[["train", "val", "test"]].to_numpy().tolist() == [[14, 2, 4]] * 2
    assert all((found.source.labels(found.source.train) == 0) == (found.source.train < 40))
    assert same_arrays(found.target, make_split(pets, None, SplitConfig()))


def test_the_order_of_classes_is_the_targets(workspace, pets):
    photos = small_dataset(workspace, *letters(20, 20, 200), name="photos")
    photos = photos.__class__(**{**photos.__dict__, "classes": ("b", "a")})  # Now rows 0 to 19 are b.
    found = divide(config(source="photos"), pets, photos)
    assert found.source.classes == ("a", "b")
    assert (found.source.labels(found.source.known_rows) == np.repeat([1, 0], 20)).all()


def test_only_the_chosen_classes_are_asked_of_the_source(workspace):
    pets = small_dataset(workspace, list(range(60)), ["a"] * 20 + ["b"] * 20 + ["c"] * 20)
    photos = small_dataset(workspace, list(range(200, 240)), ["b"] * 20 + ["c"] * 20, name="photos")
    found = divide(config(source="photos", classes=["c", "b"]), pets, photos)
    assert found.source.classes == ("b", "c") and len(found.source.known_rows) == 40
    with pytest.raises(InputError, match=r"source 'photos' has no class 'a', which the target 'pets' has\. Its classes: b, c\."):
        divide(config(source="photos"), pets, photos)


def test_pictures_that_the_target_has_are_no_sources(workspace, pets):
    pictures = [*range(5), *range(200, 250), *range(100, 105), *range(300, 350)]
    photos = small_dataset(workspace, pictures, ["a"] * 55 + ["b"] * 55, name="photos")
    found = divide(config(source="photos"), pets, photos)
    assert not contents(photos, found.source.known_rows) & set(pets.content_ids.tolist())
    assert len(found.source.known_rows) == 100


def test_a_copy_of_the_target_is_no_source(workspace, pets):
    copy = small_dataset(workspace, *letters(100, 50), name="copy")
    with pytest.raises(InputError, match="source 'copy': class 'a' has no image in the train part once pictures that 'pets' has too are left out"):
        divide(config(source="copy"), pets, copy)


def test_a_balanced_share_of_labels_is_equal_for_all_classes(pets):
    found = divide(config(label_fraction=0.2), pets, None)
    # 0.2 · 105 = 21 of the training pictures: 10 or 11 each; 0.2 · 15 = 3 of the others: 1 or 2 each, and 1 makes less of a class's few.
    assert found.target.counts()[["train", "val", "test"]].to_numpy().tolist() == [[10, 1, 20], [10, 1, 10]]
    assert len(found.unlabelled) == 105 - 20 + 15 - 2


def test_a_balanced_share_takes_what_a_rare_class_has(workspace):
    dataset = small_dataset(workspace, *letters(100, 10))
    found = divide(config(label_fraction=0.5), dataset, None)
    # 77 training pictures, 70 and 7; half of them are 38.5: all 7 of the rare one and 31 of the other.
    assert found.target.counts()["train"].tolist() == [31, 7]


def test_the_same_share_of_each_class(pets):
    found = divide(config(label_fraction=0.2, balanced=False), pets, None)
    assert found.target.counts()[["train", "val", "test"]].to_numpy().tolist() == [[14, 2, 20], [7, 1, 10]]
    least = divide(config(label_fraction=0.001, balanced=False), pets, None)
    assert least.target.counts()[["train", "val"]].to_numpy().tolist() == [[1, 1]] * 2


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("source", [None, "pets"])
def test_a_larger_share_keeps_the_labels_of_a_smaller_one(balanced, source, pets):
    before: set[int] = set()
    for fraction in (0.01, 0.05, 0.1, 0.3, 0.31, 0.8, 0.99, 1.0):
        found = divide(config(source=source, label_fraction=fraction, balanced=balanced), pets, None)
        labelled = {*found.target.train, *found.target.val}
        assert before <= labelled and not labelled & {*found.unlabelled}
        assert len(labelled) + len(found.unlabelled) == (48 if source else 120)
        before = labelled


def test_a_hidden_label_cannot_be_asked_for(pets):
    found = divide(config(label_fraction=0.2), pets, None)
    assert set(found.target.known_rows) == {*found.target.train, *found.target.val, *found.target.test}
    for row in found.unlabelled:
        with pytest.raises(AssertionError, match=f"label of row {row} is not for use"):
            found.target.labels(np.array([found.target.test[0], row]))
    with pytest.raises(AssertionError):
        found.target.labels(np.array([10**6]))


@pytest.mark.parametrize("strategy", [name for name, kind in STRATEGIES.items() if not kind().reads_target_labels])
def test_where_no_target_label_is_read_none_is_there(strategy, pets):
    found = divide(config(strategy, source="pets", label_fraction=0.2), pets, None)
    assert len(found.target.train) == len(found.target.val) == 0
    assert len(found.unlabelled) == 28 + 14 + 4 + 2
    assert found.target.known_rows.tolist() == found.target.test.tolist()
    counts = counts_of(found, pets)
    assert counts["labelled"].tolist() == [0, 0] and counts["unlabelled"].tolist() == [32, 16]


def test_official_folders_are_kept_in_both_domains(workspace):
    pictures, labels = letters(40, 40)
    dataset = small_dataset(workspace, pictures, labels, (["train"] * 30 + ["test"] * 10) * 2)
    found = divide(config(source="pets"), dataset, None)
    assert set(dataset.official[np.concatenate([found.target.test, found.source.test])]) == {"test"}
    assert found.target.counts()["test"].tolist() == [4, 4] and found.source.counts()["test"].tolist() == [6, 6]


def test_a_class_that_is_too_small_to_be_divided_is_named(workspace):
    dataset = small_dataset(workspace, *letters(60, 6))
    with pytest.raises(InputError, match=r"pets: class 'b' has 1 different image in the val part; to be divided into source and target it needs 2\."):
        divide(config(source="pets"), dataset, None)


def test_pictures_are_counted_by_class_and_role(pets):
    counts = counts_of(divide(config(source="pets", label_fraction=0.5), pets, None), pets)
    assert list(counts.columns) == ["class", "source", "source_val", "labelled", "labelled_val", "unlabelled", "test"]
    assert counts.to_numpy().tolist() == [["a", 42, 6, 10, 1, 21, 8], ["b", 21, 3, 10, 1, 5, 4]]


@pytest.mark.parametrize(
    ("strategy", "train", "val", "test", "by_class"),
    [
        # Of one dataset: source 42 + 21 and 6 + 3, labelled 10 + 10 and 1 + 1, unlabelled 26, test 8 + 4.
        ("frozen", 20, 2, 12, [10, 10]), ("target_only", 20, 2, 12, [10, 10]), ("mixed", 83, 2, 12, [52, 31]), ("pseudo_label", 109, 2, 12, [52, 31]),
        # Without target labels all 48 training and validation pictures are unlabelled.
        ("source_only", 63, 9, 12, [42, 21]), ("coral", 63 + 48, 9, 12, [42, 21]),
    ],
)
def test_what_a_strategy_reads_is_known_before_it_does(strategy, train, val, test, by_class, pets):
    settings = config(strategy, source="pets", label_fraction=0.5)
    found = divide(settings, pets, None)
    assert [len(ids) for ids in read_by(settings.strategy, found, pets, None)] == [train, val, test]
    learnt = learnt_counts(counts_of(found, pets), settings.strategy)
    assert learnt["train"].tolist() == by_class and learnt[["val", "test"]].sum().tolist() == [val, test]


@pytest.mark.parametrize("source", [None, "pets"])
def test_saved_domains_come_back_equal(source, pets, tmp_path):
    found = divide(config(source=source, label_fraction=0.5), pets, None)
    found.save(tmp_path / "split.npz")
    again = Domains.load(tmp_path / "split.npz")
    assert same_arrays(again.target, found.target) and np.array_equal(again.unlabelled, found.unlabelled)
    assert (again.source is None) == (source is None) and (source is None or same_arrays(again.source, found.source))
    assert same_arrays(Split.load(tmp_path / "split.npz"), found.target)
    assert [p.name for p in tmp_path.glob("*.npz")] == ["split.npz"]


def test_the_split_of_an_older_run_is_read(pets, tmp_path):
    split = make_split(pets, None, SplitConfig())
    split.save(tmp_path / "split.npz")
    again = Domains.load(tmp_path / "split.npz")
    assert same_arrays(again.target, split) and again.source is None and len(again.unlabelled) == 0
    (tmp_path / "split.npz").write_bytes(b"PK\3\4 broken")
    with pytest.raises(NotFoundError, match="split.npz is missing or damaged"):
        Domains.load(tmp_path / "split.npz")

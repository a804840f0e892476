"""Splits depend on content, labels, seed and fractions, and on nothing else."""

import numpy as np
import pyarrow as pa
import pytest

from tests.datasets.samples import small_dataset
from tlcore.config import SplitConfig
from tlcore.datasets.dataset import NO_BURST, TABLE_FILE, Dataset
from tlcore.datasets.revision import revise
from tlcore.datasets.splits import PARTS, Split, make_split
from tlcore.errors import InputError, NotFoundError
from tlcore.reporter import NullReporter
from tlcore.workspace import whole_file

CONFIG = SplitConfig()


def parts(dataset, split) -> dict[str, set[str]]:
    return {part: set(dataset.content_ids[getattr(split, part)].tolist()) for part in ("train", "val", "test")}


def letters(count_a: int, count_b: int) -> tuple[list[int], list[str]]:
    return list(range(count_a + count_b)), ["a"] * count_a + ["b"] * count_b


def test_the_fractions_hold_in_every_class(workspace):
    split = make_split(small_dataset(workspace, *letters(100, 30)), None, CONFIG)
    assert split.counts().to_dict("list") == {"class": ["a", "b"], "train": [70, 21], "val": [10, 3], "test": [20, 6]}
    assert len(set(split.train) | set(split.val) | set(split.test)) == 130
    assert all((np.diff(rows) > 0).all() and rows.dtype == np.int64 for rows in (split.train, split.val, split.test))


def test_the_order_of_the_rows_makes_no_difference(workspace):
    pictures, labels = letters(40, 40)
    mixed = np.random.default_rng(1).permutation(80)
    one = small_dataset(workspace, pictures, labels)
    other = small_dataset(workspace, [pictures[i] for i in mixed], [labels[i] for i in mixed])
    assert parts(one, make_split(one, None, CONFIG)) == parts(other, make_split(other, None, CONFIG))


def test_another_seed_gives_another_division(workspace):
    dataset = small_dataset(workspace, *letters(40, 40))
    one, same, other = (make_split(dataset, None, SplitConfig(seed=seed)) for seed in (0, 0, 1))
    assert one.test.tolist() == same.test.tolist() != other.test.tolist()


def test_a_class_is_divided_alike_whatever_other_classes_are_chosen(workspace):
    dataset = small_dataset(workspace, list(range(60)), ["a"] * 20 + ["b"] * 20 + ["c"] * 20)
    whole, some = make_split(dataset, None, CONFIG), make_split(dataset, ["c", "b"], CONFIG)
    assert some.classes == ("b", "c")
    assert some.test.tolist() == whole.test[whole.labels(whole.test) > 0].tolist()
    assert some.labels(some.test).tolist() == [0] * 4 + [1] * 4


def test_a_smaller_train_fraction_takes_a_subset_and_leaves_the_rest_alone(workspace):
    dataset = small_dataset(workspace, *letters(100, 50))
    whole, tenth = (make_split(dataset, None, SplitConfig(train_fraction=f)) for f in (1.0, 0.1))
    assert tenth.counts()["train"].tolist() == [7, 4]  # 10 % of 70 and of 35, half up.
    assert set(tenth.train) <= set(whole.train)
    assert tenth.test.tolist() == whole.test.tolist() and tenth.val.tolist() == whole.val.tolist()
    least = make_split(dataset, None, SplitConfig(train_fraction=0.001))
    assert least.counts()["train"].tolist() == [1, 1]


def test_equal_pictures_stay_on_one_side_even_with_other_labels(workspace):
    pictures = [i % 25 for i in range(100)] + list(range(10)) + list(range(200, 230))
    dataset = small_dataset(workspace, pictures, ["a"] * 100 + ["b"] * 40)
    for seed in range(5):
        sides = parts(dataset, make_split(dataset, None, SplitConfig(seed=seed)))
        assert not (sides["train"] & sides["test"] or sides["train"] & sides["val"] or sides["val"] & sides["test"])
    assert dataset.report.duplicates == 85 and dataset.report.conflicts == 10
    assert dataset.report.conflicting[0] == ("'b/100' (b)", "'a/0' (a)")


def test_an_official_test_folder_is_kept_and_equal_training_pictures_left_out(workspace):
    pictures = [*range(20), *range(100, 120), 0, 1, 200, *range(100, 103)]
    labels = ["a"] * 20 + ["b"] * 20 + ["a"] * 3 + ["b"] * 3
    dataset = small_dataset(workspace, pictures, labels, ["train"] * 40 + ["test"] * 6)
    split = make_split(dataset, None, CONFIG)
    assert split.test.tolist() == list(range(40, 46))
    assert not {0, 1, 20, 21, 22} & {*split.train, *split.val}
    assert split.counts().to_dict("list") == {"class": ["a", "b"], "train": [16, 15], "val": [2, 2], "test": [3, 3]}


def test_official_validation_and_test_folders_leave_the_rest_to_training(workspace):
    official = (["train"] * 8 + ["val"] * 1 + ["test"] * 1) * 2
    split = make_split(small_dataset(workspace, *letters(10, 10), official), None, CONFIG)
    assert split.counts()[["train", "val", "test"]].to_numpy().tolist() == [[8, 1, 1]] * 2
    assert split.val.tolist() == [8, 18] and split.test.tolist() == [9, 19]


def test_an_official_validation_folder_alone_leaves_the_test_to_the_fraction(workspace):
    split = make_split(small_dataset(workspace, *letters(12, 12), (["train"] * 10 + ["val"] * 2) * 2), None, CONFIG)
    assert split.counts()[["train", "val", "test"]].to_numpy().tolist() == [[8, 2, 2]] * 2


def test_three_pictures_are_enough_for_three_parts(workspace):
    split = make_split(small_dataset(workspace, *letters(3, 3)), None, SplitConfig(val_fraction=0.5, test_fraction=0.3))
    assert split.counts()[["train", "val", "test"]].to_numpy().tolist() == [[1, 1, 1]] * 2


def test_pictures_of_a_burst_stay_on_one_side(workspace):
    bursts = [row // 5 for row in range(120)]  # 12 of class a, 12 of class b.
    dataset = small_dataset(workspace, *letters(60, 60), bursts=bursts)
    for seed in range(5):
        split = make_split(dataset, None, SplitConfig(seed=seed))
        sides = [{bursts[row] for row in getattr(split, part)} for part in PARTS]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert split.counts()[["train", "val", "test"]].to_numpy().tolist() == [[45, 5, 10]] * 2  # 9, 1 and 2 bursts of a class.
    assert "They were taken in 24 bursts" in " ".join(dataset.report.sentences())


def test_bursts_that_share_a_picture_stay_together(workspace):
    # Bursts 0, 1 and 2 of class a: picture 4 is in the first two, picture 8 in the last two.
    pictures = [0, 1, 4, 4, 5, 8, 8, 9, *range(20, 32)]
    bursts = [0, 0, 0, 1, 1, 1, 2, 2, *(3 + place // 2 for place in range(12))]
    dataset = small_dataset(workspace, pictures, ["a"] * 14 + ["b"] * 6, bursts=bursts)
    assert len(set(dataset.together[:8])) == 1 and dataset.together[0] == min(dataset.content_ids[:8])
    assert len(set(dataset.together)) == 1 + 6
    split = make_split(dataset, None, CONFIG)
    assert sum(bool({*range(8)} & {*getattr(split, part)}) for part in PARTS) == 1


def test_without_bursts_what_stays_together_are_equal_pictures(workspace):
    dataset = small_dataset(workspace, [3, 4, 3, 5, 6, 7], ["a"] * 3 + ["b"] * 3)
    assert dataset.together.tolist() == dataset.content_ids.tolist()
    assert (dataset.bursts == NO_BURST).all() and dataset.report.bursts == 0


def test_a_dataset_of_an_earlier_version_is_divided_as_before(workspace):
    dataset = small_dataset(workspace, *letters(10, 10))
    before = make_split(dataset, None, CONFIG)
    table = dataset.table.drop_columns("burst")
    with whole_file(dataset.folder / TABLE_FILE) as path, pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    earlier = Dataset.open(dataset.folder)
    assert "burst" not in earlier.table.column_names and make_split(earlier, None, CONFIG).test.tolist() == before.test.tolist()


def test_a_revision_keeps_the_bursts(workspace):
    dataset = small_dataset(workspace, *letters(12, 12), bursts=[row // 3 for row in range(24)])
    revised = revise(dataset, {dataset.content_ids[0]}, "fewer", workspace, NullReporter())
    assert revised.bursts.tolist() == dataset.bursts.tolist()[1:]


def test_one_long_burst_is_no_three_parts(workspace):
    dataset = small_dataset(workspace, *letters(30, 30), bursts=[0] * 15 + [1] * 15 + [2 + row // 10 for row in range(30)])
    with pytest.raises(InputError, match=r"class 'a' has 2 bursts; a three-way split needs 3"):
        make_split(dataset, None, CONFIG)


@pytest.mark.parametrize(
    ("pictures", "labels", "official", "classes", "said"),
    [
        (*letters(2, 5), None, None, "pets: class 'a' has 2 usable images; a three-way split needs 3. Add images or drop the class."),
        ([1, 1, 1, 1, 7, 8, 9], ["a"] * 4 + ["b"] * 3, None, None, "class 'a' has 1 usable image; a three-way split needs 3"),
        (*letters(3, 4), ["train", "test", "test", "train", "train", "train", "test"], None, "class 'a' has 1 usable image; a split into 2"),
        (*letters(5, 5), ["train"] * 9 + ["test"], None, "class 'a' has no image in the test part"),
        (*letters(5, 5), None, ["a"], "1 class chosen; two or more"),
        (*letters(5, 5), None, ["a", "a"], "1 class chosen; two or more"),
        (*letters(5, 5), None, ["a", "z"], "has no class 'z'. Its classes: a, b."),
    ],
)
def test_what_cannot_be_split_is_said_in_one_sentence(pictures, labels, official, classes, said, workspace):
    with pytest.raises(InputError) as caught:
        make_split(small_dataset(workspace, pictures, labels, official), classes, CONFIG)
    assert said in str(caught.value)


def test_the_label_of_a_picture_outside_the_split_is_refused(workspace):
    dataset = small_dataset(workspace, list(range(60)), ["a"] * 20 + ["b"] * 20 + ["c"] * 20)
    split = make_split(dataset, ["a", "c"], CONFIG)
    assert split.labels(np.array([59, 0])).tolist() == [1, 0] and split.labels(np.array([], int)).tolist() == []
    for row in (20, 39, 60, -1):
        with pytest.raises(AssertionError, match=f"label of row {row} is not for use"):
            split.labels(np.array([0, row]))


def test_a_saved_split_comes_back_equal(workspace, tmp_path):
    split = make_split(small_dataset(workspace, *letters(9, 12)), None, CONFIG)
    split.save(tmp_path / "split.npz")
    again = Split.load(tmp_path / "split.npz")
    assert [p.name for p in tmp_path.glob("*.npz")] == ["split.npz"]
    assert again.classes == split.classes
    assert again.counts().equals(split.counts())
    assert again.labels(again.val).tolist() == split.labels(split.val).tolist()


def test_a_damaged_split_file_is_named(tmp_path):
    (tmp_path / "split.npz").write_bytes(b"PK\3\4 broken")
    with pytest.raises(NotFoundError, match="split.npz is missing or damaged"):
        Split.load(tmp_path / "split.npz")

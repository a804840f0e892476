"""A collection becomes a dataset whose bursts stay together, and a run that learns it."""

import pytest

from tests.collecting.frames import shots
from tlcore import jobs
from tlcore.collecting import start
from tlcore.collecting.collection import Collection
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import PARTS, make_split
from tlcore.errors import InputError
from tlcore.store import JobState

PATIENCE_S = 120


@pytest.fixture
def collection(workspace) -> Collection:
    """Two classes, three bursts of each, ten pictures a class."""
    return filled(Collection.start(workspace, "stripes"))


def filled(collection: Collection) -> Collection:
    collection.name_class(1, "upright")
    collection.name_class(2, "level")
    for label in (1, 2):
        for burst, count in enumerate((4, 3, 3)):
            collection.take(label, shots(label, burst, count, at_s=5 * burst))
    return collection


def test_the_dataset_holds_the_pictures_by_class_and_burst(collection, store, workspace, no_supervisor):
    run = store.job(start.train(collection, "ResNet20", store, workspace))
    record = store.dataset("stripes")
    dataset = Dataset.open(workspace.dataset(record.id))
    assert dataset.classes == ("level", "upright") and len(dataset) == 20 and dataset.source.startswith("Camera: stripes")
    assert dataset.report.counts == {"level": 10, "upright": 10} and dataset.report.bursts == 6
    split = make_split(dataset, None, run.config.split)
    sides = [set(dataset.bursts[getattr(split, part)].tolist()) for part in PARTS]
    assert [len(side) for side in sides] == [2, 2, 2] and len(set.union(*sides)) == 6
    assert collection.about().run == run.id and run.config.backbone.name == "ResNet20" and run.config.freeze.trainable_blocks == 0


def test_unchanged_pictures_are_the_same_dataset_and_others_a_new_one(collection, store, workspace, no_supervisor):
    first = start.train(collection, "ResNet20", store, workspace)
    jobs.cancel(store, first)
    second = start.train(collection, "ResNet20", store, workspace)
    assert first != second and [record.name for record in store.datasets()] == ["stripes"]
    collection.remove([collection.pictures(1)[0].key])
    third = start.train(collection, "ResNet20", store, workspace)
    assert store.job(third).config.dataset == "stripes 2" and len(store.datasets()) == 2
    collection.name_class(1, "standing")
    start.train(collection, "ResNet20", store, workspace)
    assert store.dataset("stripes 3").classes == ("level", "standing")


def test_two_clicks_make_one_run(collection, store, workspace, no_supervisor):
    assert start.train(collection, "ResNet20", store, workspace, "click") == start.train(collection, "ResNet20", store, workspace, "click")


def test_an_impatient_click_finds_the_run_under_way(collection, store, workspace, no_supervisor):
    first = start.train(collection, "ResNet20", store, workspace, "click")
    assert start.train(collection, "ResNet20", store, workspace, "half a second later") == first
    collection.remove([collection.pictures(1)[0].key])
    assert start.train(collection, "ResNet20", store, workspace, "of other pictures") != first


def test_what_is_lacking_is_said_before_anything_is_made(workspace, store, no_supervisor):
    collection = Collection.start(workspace, "little")
    collection.take(1, shots(1, 0, 2))
    with pytest.raises(InputError, match=r"Take 2 more bursts of 'Class 1'. Take pictures of 'Class 2'."):
        start.train(collection, "ResNet20", store, workspace)
    assert store.datasets() == [] and list(workspace.datasets.iterdir()) == []


def test_the_better_network_is_usual_where_its_weights_are(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert start.usual_preset() == "ResNet20"
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / name).write_bytes(b"here")
    assert start.usual_preset() == "MobileNetV2"


def test_ten_pictures_of_two_classes_are_learnt_by_a_real_worker(collection, store, workspace):
    run = jobs.wait(store, start.train(collection, "ResNet20", store, workspace), PATIENCE_S)
    assert run.state is JobState.done and run.result["test"]["accuracy"] == 1.0

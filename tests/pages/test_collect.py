"""The Collect page without a browser: classes, pictures, what is lacking, training; tests/browser/test_collect.py has the camera."""

from __future__ import annotations

import base64
import math

import pytest

from pages.ui import camera
from tests.collecting.frames import frame, shots
from tests.finished_run import png
from tests.pages.conftest import texts
from tests.pages.test_predict import Linear, link
from tlcore.collecting.collection import Collection
from tlcore.errors import InputError
from tlcore.store import JobState


def fill(collection: Collection, bursts: int = 3, labels: tuple[int, ...] = (1, 2)) -> Collection:
    """Two pictures a burst, the bursts five seconds apart."""
    for label in labels:
        for burst in range(bursts):
            collection.take(label, shots(label, burst, 2, at_s=5 * burst))
    return collection


@pytest.fixture
def collection(empty) -> Collection:
    return Collection.start(empty, "cups and pens")


@pytest.fixture
def opened(collection, open_page):
    return lambda **parameters: open_page("collect.py", collection=collection.id, **parameters)


def test_a_collection_is_started_and_found_again(empty, open_page):
    app = open_page("collect.py")
    app.text_input(key="collection_name").set_value("  cups ")
    next(button for button in app.button if button.label == "Start a collection").click().run()
    (made,) = Collection.all(empty)
    assert made.about().name == "cups" and link(app, "collection") == made.id and app.title[0].value == "cups"
    app = open_page("collect.py")
    app.button(key=f"open_{made.id}").click().run()
    assert app.title[0].value == "cups"


def test_a_name_that_can_not_be_is_one_sentence(empty, open_page):
    app = open_page("collect.py")
    app.text_input(key="collection_name").set_value("   ")
    next(button for button in app.button if button.label == "Start a collection").click().run()
    assert "1 to 80 printable characters" in app.error[0].value and Collection.all(empty) == []


@pytest.mark.parametrize("asked", ["nonsense", "0123456789ab", "../runs"])
def test_a_link_to_none_says_so_and_shows_the_others(asked, collection, open_page):
    app = open_page("collect.py", collection=asked)
    assert "no such collection" in app.warning[0].value and f"open_{collection.id}" in [button.key for button in app.button]


def test_a_damaged_collection_is_one_sentence(collection, opened, open_page):
    (collection.folder / "collection.json").write_text("{}")
    assert "gone or damaged" in opened().error[0].value
    assert "gone or damaged" in open_page("collect.py").error[0].value


def test_classes_are_renamed_added_and_removed(collection, opened):
    app = opened()
    app.text_input(key="class_name_1").set_value("*cup*").run()
    app.button(key="add_class").click().run()
    assert link(app, "class") == "3" and collection.about().classes == {1: "*cup*", 2: "Class 2", 3: "Class 3"}
    app.text_input(key="class_name_3").set_value("*CUP*").run()
    assert "Another class is called '\\*cup\\*'" in app.error[0].value and app.text_input(key="class_name_3").value == "Class 3"
    app.button(key="remove_class_confirmed").click().run()
    assert not app.exception and list(collection.about().classes) == [1, 2] and "class" not in app.query_params


@pytest.mark.parametrize("asked", ["9", "x", "-1"])
def test_a_class_of_the_link_that_is_none_is_the_first(asked, opened):
    assert opened(**{"class": asked}).pills(key="collect_class").value == 1


def test_bad_pictures_and_whole_bursts_are_removed(collection, opened):
    fill(collection)
    app = opened()
    assert "**Class 1**: 6 pictures in 3 bursts" in texts(app)
    first = collection.pictures(1)[0]
    app.button(key=f"drop_{first.key}").click().run()
    assert "5 pictures in 3 bursts" in texts(app) and not first.path.exists()
    app.button(key="drop_burst").click().run()
    assert "3 pictures in 2 bursts" in texts(app) and len(collection.pictures(2)) == 6


def test_many_pictures_come_in_pages(collection, opened):
    fill(collection, bursts=15, labels=(1,))
    app = opened()
    assert "30 pictures in 15 bursts" in texts(app) and sum(button.label == "Remove" for button in app.button) == 24


def test_what_is_lacking_is_said_and_then_it_trains(collection, opened, store, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    fill(collection, bursts=2)
    app = opened()
    assert "Take 1 more burst of 'Class 1'\\. Take 1 more burst of 'Class 2'\\." in texts(app) and app.button(key="train_collection").disabled
    collection.take(1, shots(1, 5, 1, at_s=1_000))
    collection.take(2, shots(2, 5, 1, at_s=1_000))
    app = opened()
    app.button(key="train_collection").click().run()
    (run,) = store.jobs(kind="train")
    assert not app.exception and run.config.backbone.name == "ResNet20" and run.config.dataset == "cups and pens"
    assert collection.about().run == run.id and app.get("progress")
    assert "try_live" not in [button.key for button in app.button]


def test_trying_it_live_needs_a_network(opened):
    assert "No network has learnt from these pictures yet" in opened(do="try it live").info[0].value


@pytest.mark.parametrize(("end", "said"), [(None, "still learning"), (JobState.failed, "did not end")])
def test_trying_it_live_says_how_the_training_stands(end, said, collection, opened, store):
    fill(collection)
    opened().button(key="train_collection").click().run()
    if end is not None:
        store.finish(store.claim("w", "train"), end, error="The disk is full.")
    app = opened(do="try it live")
    assert not app.exception and said in app.info[0].value
    assert [error.value for error in app.error] == ([] if end is None else ["The disk is full\\."])


def test_a_frame_is_answered_live(collection, opened, store, digits, monkeypatch):
    import numpy as np

    from pages.ui import live_answers, predict_models
    from tests.finished_run import finished_run
    from tlcore.datasets.dataset import Dataset
    from tlcore.grounds import Grounds
    from tlcore.predict import Model

    run = finished_run(store, digits, name="mine", train__epochs=1)
    dataset = Dataset.open(digits.dataset(store.dataset("digits").id))
    answering = Linear(tuple(range(10)))
    answering.learn(dataset.pixels(np.arange(len(dataset)), 8)[..., 0].reshape(-1, 64) / 255, dataset.labels)
    monkeypatch.setattr(predict_models, "model", lambda root, run_id, attempt: Model(answering, Grounds.of(digits.run(run_id))))
    collection.learnt_by(run)
    app = opened(do="try it live")
    assert "Turn on the camera" in texts(app)
    seen = np.flatnonzero(dataset.labels == 3)[0]
    monkeypatch.setattr(live_answers, "_forget", lambda: None)
    app.session_state["live_shot"] = camera.Shot(png(dataset.image(seen)), 0)
    app.run()
    assert not app.exception and any(element.value.startswith("### 3, ") for element in app.markdown)
    app.session_state["live_shot"] = camera.Shot(b"no picture", 0)
    app.run()
    assert "not a picture" in app.error[0].value


def test_a_deleted_collection_leaves_its_runs(collection, opened, store, empty):
    fill(collection)
    app = opened()
    app.button(key="train_collection").click().run()
    app.button(key="delete_collection_confirmed").click().run()
    assert not app.exception and Collection.all(empty) == [] and "collection" not in app.query_params
    assert [run.state for run in store.jobs(kind="train")] == [JobState.queued] and store.dataset("cups and pens").count == 12


def test_the_tab_camera_of_data_leads_there(empty, open_page):
    assert any("Collect pictures with the camera" in link.label for link in open_page("data.py").page_link)


def test_what_the_browser_sends_becomes_frames():
    data = frame(0, 0, 0)
    found = camera.sent({"id": "a", "subject": 2, "frames": [{"jpeg": base64.b64encode(data).decode(), "at_ms": 1_700_000_000_000.5}]})
    assert found == (2, [camera.Shot(data, 1_700_000_000_000)])


GOOD = {"jpeg": "YQ==", "at_ms": 0}


@pytest.mark.parametrize(
    "sent",
    [
        None, "text", 7, [], {}, {"subject": 1, "frames": []}, {"subject": 1, "frames": "abc"}, {"subject": 1, "frames": [None]},
        {"subject": 1, "frames": [{"jpeg": "abcd"}]}, {"subject": 1, "frames": [{"jpeg": 5, "at_ms": 0}]}, {"subject": 1, "frames": [{"jpeg": "no base64!", "at_ms": 0}]},
        {"subject": 1, "frames": [{"jpeg": "YQ==", "at_ms": "x"}]}, {"subject": 1, "frames": [{"jpeg": "YQ==", "at_ms": math.nan}]},
        {"subject": 1, "frames": [GOOD] * 17}, {"subject": 1, "frames": [{"jpeg": "YQ==", "at_ms": 10**400}]},
        {"subject": 1, "frames": [{"jpeg": "Y" * (5 << 20), "at_ms": 0}]}, {"frames": [GOOD]}, {"subject": "1", "frames": [GOOD]},
    ],
    ids=range(18),
)  # fmt: skip
def test_anything_else_is_one_sentence(sent):
    with pytest.raises(InputError, match="no picture of its camera"):
        camera.sent(sent)

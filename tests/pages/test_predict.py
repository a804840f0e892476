"""The Predict page over a linear classifier of digits; tests/browser/test_predict.py asks real networks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pages.ui import predict_models
from pages.ui.text import literal
from tests.finished_run import finished_run, png
from tests.pages.conftest import texts
from tests.strange_pictures import REFUSED, TAKEN
from tests.test_predict import Linear
from tlcore.answers import answers_document, answers_table
from tlcore.datasets.dataset import Dataset
from tlcore.grounds import Grounds
from tlcore.predict import Model
from tlcore.store import Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def dataset(store, workspace) -> Dataset:
    return Dataset.open(workspace.dataset(store.dataset("digits").id))


@pytest.fixture
def run(store, workspace, dataset, monkeypatch) -> int:
    """A finished run whose network is a linear classifier, so that OpenVINO has no part here; what it tells is its own."""
    number = finished_run(store, workspace, name="mine", train__epochs=1)
    answering = Linear(tuple(range(10)))
    answering.learn(dataset.pixels(np.arange(len(dataset)), 8)[..., 0].reshape(-1, 64) / 255, dataset.labels)
    monkeypatch.setattr(predict_models, "model", lambda root, run_id, attempt: Model(answering, Grounds.of(workspace.run(run_id))))
    return number


@pytest.fixture
def digit(dataset) -> Callable[..., bytes]:
    """A picture of the dataset as a file's content: `digit(3, 1)` is the second 3."""
    return lambda shown, at=0: png(dataset.image(np.flatnonzero(dataset.labels == shown)[at]))


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def link(at, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


@pytest.fixture
def folders(digit) -> bytes:
    """Five pictures each of 3 and 8 in folders of their names, the last 8 in the folder of 3; and one that is none."""
    right = {f"{shown}/{at}.png": digit(shown, at) for shown in (3, 8) for at in range(5)}
    return zipped(**right, **{"3/misfiled.png": digit(8, 1), "3/broken.png": b"no", "notes.txt": b""})


def test_without_finished_runs_the_page_names_the_next_step(store, open_page):
    assert "No finished run yet" in open_page("predict.py").info[0].value


def test_finished_runs_are_the_models_and_the_link_chooses(run, open_page):
    at = open_page("predict.py", runs=str(run))
    assert at.multiselect[0].value == [run]
    assert at.multiselect[0].options[0].startswith(f"{run} · mine")
    assert "Add one picture or several" in at.info[0].value


def test_a_run_whose_model_is_gone_is_one_sentence(store, workspace, open_page):
    number = finished_run(store, workspace, train__epochs=1)  # Leaves figures but no network.
    assert len(open_page("predict.py", runs=str(number)).error) == 1


def test_of_few_pictures_each_is_told_closely_and_a_bad_one_is_one_sentence(run, digit, open_page):
    at = open_page("predict.py", runs=str(run))
    for name, data in (("three.png", digit(3, 4)), ("bad.png", b"no picture")):
        at.file_uploader[0].upload(name, data)
    at.run()
    [error] = at.error
    assert error.value == literal("bad.png: not a picture, whatever its name says. Use JPEG, PNG, WebP, GIF or BMP.")
    assert "##### **3**" in texts(at) and "At 90% it may be: **3**" in texts(at) and "Nearest training pictures" in texts(at)
    assert [box.label for box in at.selectbox] == ["What speaks for"] and at.selectbox[0].options[0] == "3"
    at.selectbox[0].set_value("8").run()
    assert not at.exception and "1 picture looked at, 1 file that can't be used" in texts(at)


def test_every_kind_of_file_is_answered_or_one_sentence(run, open_page):
    at = open_page("predict.py", runs=str(run))
    for place, (data, _) in enumerate(REFUSED):
        at.file_uploader[0].upload(f"refused {place}.jpg", data)
    for kind, data in TAKEN.items():
        at.file_uploader[0].upload(f"{kind}.png", data)
    at.run()
    assert not at.exception and f"{len(TAKEN)} pictures looked at, {len(REFUSED)} files that can't be used" in texts(at)
    batch = at.session_state["predict_batch"][1]
    for (_, said), answer in zip(REFUSED, batch.answers, strict=False):
        assert said in answer.error and "\n" not in answer.error
    assert all(answer.verdicts for answer in batch.answers[len(REFUSED) :])
    assert len(at.error) == 5 and f"{len(REFUSED) - 5} more files can't be used" in texts(at)


def test_what_is_like_no_digit_is_called_so_beside_the_class_that_it_would_have_to_be(run, open_page):
    at = open_page("predict.py", runs=str(run))
    at.file_uploader[0].upload("noise.png", png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)))).run()
    assert "Unlike anything it was trained on" in texts(at) and "If it has to be one of its classes" in texts(at)
    assert "beyond the limit" in texts(at)


def test_folders_in_a_zip_judge_the_answers_and_the_doubtful_ones_are_found(run, folders, open_page):
    at = open_page("predict.py", runs=str(run))
    at.file_uploader[0].upload("digits.zip", folders).run()
    assert "**90.9%** of 11 pictures are called by the name of their folder" in texts(at)
    assert literal("3/broken.png: not a picture") in at.error[0].value and "1 file in ZIPs left out" in texts(at)
    [table] = at.dataframe
    assert len(table.value) == 11 and table.value["picture"].iloc[0].startswith("data:image/jpeg;base64,")
    at.pills(key="answers_only").set_value(["mistaken"]).run()
    assert link(at, "only") == "mistaken"
    assert at.dataframe[0].value["file"].tolist() == ["3/misfiled.png"] and "✗ :small[is 3]" in texts(at)
    at.slider(key="answers_sure").set_value((0, 1)).run()
    assert "No picture is left" in at.info[0].value


def test_a_cell_of_the_matrix_shows_its_pictures_alone(run, folders, open_page):
    at = open_page("predict.py", runs=str(run), show="confusion matrix", cell="3 → 8")
    at.file_uploader[0].upload("digits.zip", folders).run()
    assert "Pictures of **3** taken for **8**" in texts(at)
    assert at.dataframe[0].value["file"].tolist() == ["3/misfiled.png"]
    at.session_state["answers_confusion"] = {"selection": {"cell": [{"true": "8", "predicted": "8"}]}}
    at.run()
    assert link(at, "cell") == "8 → 8" and len(at.dataframe[0].value) == 5


def test_the_same_answers_come_as_table_and_as_document(run, folders, open_page):
    at = open_page("predict.py", runs=str(run))
    at.file_uploader[0].upload("digits.zip", folders).run()
    assert [button.label for button in at.get("download_button")] == ["Download CSV", "Download JSON"]
    batch = at.session_state["predict_batch"][1]
    grounds = {name: model.grounds for name, model in batch.models.items()}
    table, document = answers_table(batch.answers, grounds), json.loads(json.dumps(answers_document(batch.answers, grounds)))
    assert table["file"].tolist() == [picture["file"] for picture in document["pictures"]] and len(table) == 12


def test_examples_are_test_pictures_and_the_link_names_the_chosen_one(run, open_page):
    at = open_page("predict.py", runs=str(run), **{"from": "examples"})
    tries = [button for button in at.button if button.label == "Try it"]
    assert len(tries) == 8
    tries[2].click().run()
    chosen = link(at, "example")
    assert tries[2].key == f"try_{chosen}" and "1 picture looked at" in texts(at) and "##### **" in texts(at)
    again = open_page("predict.py", runs=str(run), **{"from": "examples", "example": chosen})
    assert "1 picture looked at" in texts(again)
    shown = {button.key for button in again.button if button.label in ("Try it", "Chosen")}
    again.button(key="other_examples").click().run()
    assert not shown & {button.key for button in again.button if button.label in ("Try it", "Chosen")}


@pytest.mark.parametrize("link", [{"example": "../1"}, {"example": "999999"}, {"turn": "x"}, {"turn": "9" * 15}, {"coverage": "1000"}, {"coverage": "x"}, {"from": "<b>"}, {"show": "x", "cell": "' OR 1"}])
def test_silly_links_are_no_fault(run, open_page, link):
    at = open_page("predict.py", runs=str(run), **{"from": "examples", **link})
    assert not at.exception and not at.error
    if "example" in link:
        named = "Picture 999999" if link["example"] == "999999" else "The link's example"
        assert f"{named} is no test picture of run" in at.warning[0].value


def test_the_coverage_widens_the_possible_classes(run, digit, open_page):
    at = open_page("predict.py", runs=str(run), coverage="99")
    at.file_uploader[0].upload("three.png", digit(3)).run()
    assert at.slider(key="predict_coverage").value == 99 and "At 99% it may be: **" in texts(at)
    at.slider(key="predict_coverage").set_value(60).run()
    assert link(at, "coverage") == "60" and "At 60% it may be: **3**" in texts(at)


@pytest.mark.parametrize("said", ["x", "1000", "0", "nan"])
def test_a_coverage_that_is_none_is_the_usual_one(run, digit, open_page, said):
    at = open_page("predict.py", runs=str(run), coverage=said)
    at.file_uploader[0].upload("three.png", digit(3)).run()
    assert at.slider(key="predict_coverage").value == 90 and "At 90% it may be" in texts(at)


def test_answers_outlive_a_new_name_of_the_run(run, digit, open_page, store):
    at = open_page("predict.py", runs=str(run))
    at.file_uploader[0].upload("three.png", digit(3)).run()
    store.rename(run, "yours")
    at.run()
    assert not at.exception and not at.error and "##### **3**" in texts(at)

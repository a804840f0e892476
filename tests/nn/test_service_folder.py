"""A folder that serves a real run's model, started as a process that knows nothing of this project."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests import bare_environment
from tests.strange_pictures import REFUSED, TAKEN
from tlcore.config import parse
from tlcore.datasets.sources import add_dataset
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.grounds import Grounds
from tlcore.images import to_pixels
from tlcore.nn import inference, training
from tlcore.predict import Model, predict
from tlcore.reporter import NullReporter
from tlcore.results import load_predictions
from tlcore.service.answering import About
from tlcore.service.folder import NEEDED, write_folder
from tlcore.workspace import Workspace

MOST_GROWTH_BYTES = 300 << 20
ABOUT = About(1, "digits")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a finished run, and its dataset."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    dataset = add_dataset("digits", None, workspace, NullReporter())
    config = parse({"dataset": "digits", "classes": ["1", "4", "7"], "backbone": {"name": "ResNet20"}, "optimizer": {"learning_rate": 0.01}, "train": {"epochs": 4}})
    training.run(config, dataset, workspace, workspace.run(1), NullReporter())
    return workspace.run(1), dataset


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory):
    """Port and process of the folder's own service, in an environment that holds what its requirements bring and no more."""
    folder = write_folder(trained[0], ABOUT, lambda: "# Card\n", tmp_path_factory.mktemp("elsewhere") / "service")
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "TLCORE"))}
    process = subprocess.Popen([sys.executable, Path(bare_environment.__file__), "requirements.txt", "serve.py", "--port", "0"], cwd=folder, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r":(\d+)/predict", line)
    assert found, line + process.stdout.read()
    yield int(found[1]), process
    process.terminate()
    said = process.communicate(timeout=30)[0]
    assert "Traceback" not in said, said


def ask(port: int, body: bytes) -> tuple[int, dict]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/predict", body)
    answer = connection.getresponse()
    status, said = answer.status, json.loads(answer.read())
    connection.close()
    return status, said


def test_one_picture_gets_one_answer_in_the_evaluation_on_the_page_and_from_the_folder(trained, served):
    run_dir, dataset = trained
    stored, network = load_predictions(run_dir, "test"), inference.load(run_dir)
    rows = range(0, len(stored), 9)
    files = [(str(row), dataset.image_bytes(int(stored.rows[row]))) for row in rows]
    page = list(predict({"m": Model(network, Grounds.of(run_dir))}, files, closely=True))
    for row, (_, data), answer in zip(rows, files, page, strict=True):
        said = ask(served[0], data)[1]
        np.testing.assert_allclose(answer.verdicts["m"].given, stored.probabilities[row], atol=1e-4)
        np.testing.assert_allclose([said["probabilities"][name] for name in stored.classes], stored.probabilities[row], atol=1e-4)
        assert said["distance"] == pytest.approx(answer.verdicts["m"].distance, abs=1e-4) and said["unlike"] == answer.verdicts["m"].unlike
    np.testing.assert_allclose(network.probabilities(np.stack([to_pixels(dataset.image(int(stored.rows[row])), network.side_px) for row in rows])), stored.probabilities[rows], atol=1e-4)


def test_all_kinds_of_pictures_leave_its_memory_as_it_is(served):
    port, process = served
    ask(port, TAKEN["grey"])
    before = psutil.Process(process.pid).memory_info().rss
    for data, said in REFUSED:
        status, answer = ask(port, data)
        assert status == 422 and said in answer["error"]
    for data in TAKEN.values():
        assert ask(port, data)[0] == 200
    assert psutil.Process(process.pid).memory_info().rss - before < MOST_GROWTH_BYTES


def test_it_needs_neither_tensorflow_nor_the_pages(served):
    _, process = served
    loaded = {path.path for path in psutil.Process(process.pid).memory_maps() if "site-packages" in path.path}
    packages = {Path(path).parts[Path(path).parts.index("site-packages") + 1].split(".")[0] for path in loaded}
    assert not packages & {"tensorflow", "keras", "streamlit"}
    requirements = {line.split("==")[0].lower() for line in (Path(psutil.Process(process.pid).cwd()) / "requirements.txt").read_text().splitlines() if "==" in line}
    assert requirements == {name.lower() for name in NEEDED}


def test_an_occupied_folder_and_a_run_without_a_model_are_refused(trained, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ConflictError, match="is there already"):
        write_folder(trained[0], ABOUT, lambda: "", tmp_path / "mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match=r"has no model\.xml"):
        write_folder(tmp_path / "empty", ABOUT, lambda: "", tmp_path / "new")


def test_what_fails_leaves_no_half_folder(trained, tmp_path, monkeypatch):
    def no_card() -> str:
        raise NotFoundError("no result yet")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NotFoundError, match="no result yet"):
        write_folder(trained[0], ABOUT, no_card, tmp_path / "service")
    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(InputError, match="No space left"):
        write_folder(trained[0], ABOUT, lambda: "", tmp_path / "service")
    assert not (tmp_path / "service").exists()

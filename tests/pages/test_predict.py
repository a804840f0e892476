"""The Predict page without a model; tests/browser/test_predict.py asks a real one."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.finished_run import finished_run, png
from tlcore.store import Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


def test_without_finished_runs_the_page_names_the_next_step(store, open_page):
    assert "No finished run yet" in open_page("predict.py").info[0].value


def test_finished_runs_are_the_models_and_the_link_chooses(store, workspace, open_page):
    run = finished_run(store, workspace, name="mine", train__epochs=1)
    at = open_page("predict.py", runs=str(run))
    assert at.multiselect[0].value == [run]
    assert at.multiselect[0].options[0].startswith(f"{run} · mine")
    assert at.info[0].value == "Add one picture or several."


def test_a_run_whose_model_is_gone_is_one_sentence(store, workspace, open_page):
    run = finished_run(store, workspace, train__epochs=1)  # Leaves figures but no network.
    at = open_page("predict.py", runs=str(run))
    at.file_uploader[0].upload("digit.png", png(Image.new("RGB", (8, 8), "white")))
    assert len(at.run().error) == 1

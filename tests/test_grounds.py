"""What a finished run tells about its answers, and what it says where it can't."""

from __future__ import annotations

import numpy as np
import pytest

from tests.finished_run import finished_run
from tlcore.calibration import fit_temperature
from tlcore.embedding import EMBEDDING, load_embedding, save_embedding
from tlcore.grounds import Grounds
from tlcore.results import load_predictions


@pytest.fixture
def folder(store, workspace):
    return workspace.run(finished_run(store, workspace, train__epochs=2))


def test_a_finished_run_tells_all_from_its_validation_pictures(folder):
    given, val = Grounds.of(folder), load_predictions(folder, "val")
    assert given.missing == () and not given.elsewhere
    assert given.temperature == pytest.approx(fit_temperature(val.labels, val.probabilities))
    assert len(given.conformal.scores) == len(val)
    assert (given.familiarity.known > given.familiarity.limit).mean() <= 0.05


def test_what_a_run_left_no_files_for_is_said_plainly(folder):
    embedding = load_embedding(folder)
    save_embedding(folder, type(embedding)(embedding.vectors, embedding.part, embedding.rows, embedding.labels, embedding.explained))
    assert "before new pictures could be placed" in Grounds.of(folder).missing[0]
    (folder / EMBEDDING).unlink()
    (folder / "predictions.parquet").unlink()
    given = Grounds.of(folder)
    assert given.temperature is given.conformal is given.familiarity is None
    assert ["no answers to validation pictures" in given.missing[0], "kept nothing" in given.missing[1]] == [True, True]


def test_without_a_mistake_no_temperature_fits(folder, monkeypatch):
    monkeypatch.setattr("tlcore.grounds.validation_of", lambda folder: _all_right(load_predictions(folder, "val")))
    given = Grounds.of(folder)
    assert given.temperature is None and "No temperature fits" in given.missing[0] and given.conformal is not None


def _all_right(val):
    return type(val)(val.split, val.rows, val.content_ids, val.labels, np.eye(10, dtype=np.float32)[val.labels], val.classes)

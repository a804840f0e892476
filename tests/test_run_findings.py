"""What a run's page says beside its figures is there as JSON too."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.finished_run import finished_run
from tlcore import jobs, leakage
from tlcore.cli import main
from tlcore.datasets.dataset import Dataset
from tlcore.label_errors import LABEL_ERRORS
from tlcore.results import load_predictions
from tlcore.store import Store


@pytest.fixture
def store(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    store = Store.open(workspace)
    yield store
    store.close()


def shown(run: int, capsys) -> dict:
    assert main(["runs", "show", str(run), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_gap_pictures_duplicates_and_suspects_are_told(store, workspace, capsys):
    run = finished_run(store, workspace, train__epochs=3)
    document = shown(run, capsys)
    found, split = document["findings"], leakage.domains_of(workspace.run(run)).target
    best = found["learning"]["best_epoch"]
    (epoch,) = (each for each in document["history"] if each["epoch"] == best)
    gap = {each["metric"]: each["value"] for each in found["learning"]["gap"]}
    assert gap["accuracy"] == pytest.approx(epoch["accuracy"] - epoch["val_accuracy"]) and gap["loss"] == pytest.approx(epoch["val_loss"] - epoch["loss"])
    assert sum(row["target_train"] for row in found["data"]["classes"]) == len(split.train) and found["data"]["source_to_target"] is None
    assert found["label_errors"] is None and found["duplicates"]["test"]["equal_or_alike"] is None
    equal = found["duplicates"]["test"]["equal"]
    assert equal["pictures"] == 0 and equal["on_these"] is None and equal["on_all"]["accuracy"] == pytest.approx(document["test_accuracy"])

    (workspace.run(run) / LABEL_ERRORS).write_text(json.dumps({"pictures": 1797, "accuracy": 0.9, "table": {}}))
    dataset, seen = Dataset.open(workspace.dataset(store.job(run).payload["dataset_id"])), leakage.seen_parts(leakage.domains_of(workspace.run(run)), store.job(run).config.strategy)
    given = load_predictions(workspace.run(run))
    twins = leakage.find_twins(given.rows, dataset, seen, {"target": dataset, "source": dataset})
    leakage.save_twins(workspace.run(run), "target", twins)
    found = shown(run, capsys)["findings"]
    assert found["label_errors"] == {"pictures": 1797, "accuracy": 0.9, "suspects": 0}
    near = found["duplicates"]["test"]["equal_or_alike"]
    alike = np.unique(twins.from_(twins.alike_from)["test_row"])
    assert near["pictures"] == len(alike) and near["without_them"]["pictures"] == len(given) - len(alike)


def test_both_domains_are_told_apart(store, workspace, capsys):
    run = finished_run(store, workspace, dataset="digits-textures", source__dataset="digits", strategy__name="mixed", target__label_fraction=0.5, train__epochs=2)
    found = shown(run, capsys)["findings"]
    assert set(found["duplicates"]) == {"test", "source_test"} and 0 <= found["data"]["source_to_target"]["distance"] < 0.2


def test_without_its_split_the_figures_still_stand(store, workspace, capsys):
    run = finished_run(store, workspace, train__epochs=2)
    (workspace.run(run) / "split.npz").unlink()
    document = shown(run, capsys)
    assert document["findings"] is None and document["evaluation"]["test"]["figures"]

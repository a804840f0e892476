"""The model card: true figures, every part, and names from outside that stay names."""

from __future__ import annotations

import dataclasses
import re
import shutil

import pytest
import yaml

from tests.finished_run import finished_run
from tlcore import exports
from tlcore.datasets.dataset import Dataset
from tlcore.evaluation import evaluate_run
from tlcore.limits import limits
from tlcore.markdown import inline
from tlcore.model_card import model_card
from tlcore.store import Store
from tlcore.workspace import Workspace

ODD = "<b>*bold*</b> [x](http://evil.example) | `code` :red[y] www.evil.example"


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A store with one finished run, read only."""
    workspace = Workspace(tmp_path_factory.mktemp("card") / "workspace").create()
    store = Store.open(workspace)
    return store, finished_run(store, workspace, name="seven of ten", train__epochs=4)


@pytest.fixture(scope="module")
def card(ready):
    store, run = ready
    check = exports.Check("onnx", "test", 100, 3e-6, 1.0, 0.93, 0.93, 0.64, 1_105_622, {"onnxruntime": "1.23.2"})
    return model_card(store.job(run), store, {exports.kind_of("onnx"): check})


def test_the_head_is_yaml_with_the_figures_of_the_run(ready, card):
    store, run = ready
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["datasets"] == ["digits"] and head["base_model"] == "ResNet20" and head["pipeline_tag"] == "image-classification"
    (result,) = head["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "accuracy", "value": round(store.job(run).result["test_accuracy"], 4)}


def test_every_part_is_there(ready, card):
    store, run = ready
    found, job = evaluate_run(store.workspace.run(run))["test"], store.job(run)
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == ["Use", "Data", "Network", "Figures", "Limits", "Cost", "Files", "Settings", "Made with"]
    assert found.in_words in card and found.calibration.in_words in card
    assert f"| Accuracy | {job.result['test_accuracy']:.1%} |" in card and "95 % interval | Majority class |" in card
    learnt, tested = (job.result[f"{part}_images"] for part in ("train", "test"))
    assert re.search(rf"^\| all \| {learnt:,} \| \d+ \| {tested:,} \|$", card, re.MULTILINE)
    assert len(re.findall(r"^\| \d \| [\d.]+ \([\d.]+–[\d.]+\) \|", card, re.MULTILINE)) == 10, "one row a class with intervals"
    assert "Apache-2.0 (trained by this project)" in card and "**Trained before on:** CIFAR-10" in card
    assert "- **ONNX:** 1.1 MB, 0.6 ms a picture, same class on all 100 test pictures" in card and "onnxruntime 1.23.2" in card
    assert yaml.safe_load(card.split("```yaml\n")[1].split("```")[0]) == job.config.model_dump(mode="json")
    assert not re.search(r"\n\n\n|undefined|None", card)


def test_names_from_outside_stay_names(ready):
    store, run = ready
    job = store.job(run)
    odd = model_card(dataclasses.replace(job, title=ODD), store)
    assert f"# {inline(ODD)}\n" in odd
    assert not re.search(r"(?<!\\)[<\[|`]", inline(ODD)) and "www.evil" not in inline(ODD) and "http://" not in inline(ODD)
    assert yaml.safe_load(odd.split("---\n")[1])["model-index"][0]["name"] == ODD
    assert inline("A–Z, 3.5 % (of 2)") == "A–Z, 3.5 % (of 2)", "nothing that means nothing is escaped"


def test_limits_name_weak_classes_confusions_and_what_was_seen(ready):
    store, run = ready
    found = evaluate_run(store.workspace.run(run))["test"]
    said = limits(found, None, ["digits"])
    weakest = found.per_class.sort_values("recall").iloc[0]
    assert said[0].startswith("It knows 10 classes") and said[1] == "Its backbone had been trained on digits itself, so these figures say little about transfer."
    if weakest["recall_high"] < found.figures["balanced_accuracy"]:
        assert f"{weakest['class']} ({weakest['recall']:.0%})" in said[2]
    assert said[-1].startswith("Taken for each other most often: ")


def test_where_files_lay_on_this_machine_is_not_passed_on(ready, monkeypatch):
    (store, run), opened = ready, Dataset.open
    for source, told in (("/home/ann/secret/pets.zip", "from pets.zip,"), (r"C:\Users\ann\pets.zip", "from pets.zip,"), ("uploaded 'a/b.zip'", "from uploaded 'a/b.zip',")):
        with monkeypatch.context() as patch:
            patch.setattr("tlcore.model_card.Dataset.open", lambda folder, source=source: dataclasses.replace(opened(folder), source=source))
            card = model_card(store.job(run), store, {})
        assert told in card and "ann" not in card


def test_without_its_dataset_the_card_says_so(ready, tmp_path):
    store, run = ready
    job, folder = store.job(run), store.workspace.dataset(store.job(run).payload["dataset_id"])
    shutil.move(folder, tmp_path / "away")
    try:
        card = model_card(job, store)
    finally:
        shutil.move(tmp_path / "away", folder)
    assert f"The dataset is no longer there. Of its pictures {job.result['train_images']:,} were learnt from" in card and "## Limits" in card

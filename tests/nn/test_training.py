"""A whole run on real pictures: what it leaves behind, and that it goes on where it was stopped."""

import errno
import hashlib
import json
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.reloaded import reloaded
from tlcore.backbones import spec
from tlcore.config import parse, read_config, with_changes
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.sources import add_dataset
from tlcore.datasets.splits import Split, make_split
from tlcore.embedding import load_embedding, nearest
from tlcore.errors import Cancelled, InputError, ResourceError
from tlcore.evaluation import evaluate_run
from tlcore.nn import checkpoints, inference, training, warming
from tlcore.nn.models import hash_of
from tlcore.nn.strategies import frozen
from tlcore.reporter import Committed, NullReporter
from tlcore.weights import ASSETS
from tlcore.workspace import Workspace

SMALL = {
    "dataset": "digits", "classes": ["1", "4", "7"], "backbone": {"name": "ResNet20", "weights": "none"},
    "split": {"train_fraction": 0.6}, "train": {"epochs": 4, "batch_size": 32}, "optimizer": {"learning_rate": 0.01},
}
SUMMARY = {
    "test_accuracy", "test_macro_f1", "test", "epochs", "best_epoch", "best_val_accuracy", "best_val_loss", "seconds", "phases", "trainable_params",
    "total_params", "engine", "cache", "train_images", "val_images", "test_images", "classes", "config_hash", "test_ids_hash", "model_bytes",
    "weights_file", "weights_sha256", "earlier_seconds", "rates", "baselines", "latency_ms", "best",
}
EPOCH = {"epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auc", "learning_rate"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A workspace with the digits, used by all tests here so that activations are computed once."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    return workspace, add_dataset("digits", None, workspace, NullReporter())


@pytest.fixture
def carry_out(shared, tmp_path):
    def go(changes=None, reporter=None, resume_from=None, folder="run"):
        config = parse(with_changes(SMALL, changes or {}))
        workspace, dataset = shared
        return training.run(config, dataset, workspace, tmp_path / folder, reporter or NullReporter(), resume_from)

    return go


def test_a_run_that_is_not_tested_never_looks_at_its_test_pictures(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "workspace").create()
    dataset, looked_at = add_dataset("digits", None, workspace, NullReporter()), []
    plain = Dataset.pixels
    monkeypatch.setattr(Dataset, "pixels", lambda self, rows, side_px: looked_at.extend(rows.tolist()) or plain(self, rows, side_px))
    config, run_dir, reporter = parse(SMALL), tmp_path / "run", NullReporter()
    summary = training.run(config, dataset, workspace, run_dir, reporter, tested=False)
    split = make_split(dataset, config.classes, config.split)
    assert set(looked_at) == {*split.train.tolist(), *split.val.tolist()}
    assert set(summary) == SUMMARY - {"test_accuracy", "test_macro_f1", "test", "test_images", "test_ids_hash"} | {"judged_on", "val"}
    assert summary["judged_on"] == "val" and summary["val"]["accuracy"] == summary["best_val_accuracy"] == summary["best"]["val_accuracy"]
    assert set(pd.read_parquet(run_dir / "predictions.parquet")["split"]) == {"val"}
    assert set(load_embedding(run_dir).part) == {"train", "val"} and list(summary["baselines"]) == ["val"]
    evaluation, = evaluate_run(run_dir).values()
    assert "validation pictures" in evaluation.in_words
    assert evaluation.calibration is None, "no pictures are left to fit a temperature on"
    tested = training.run(config, dataset, workspace, tmp_path / "tested", NullReporter())
    assert {name: tested[name] for name in ("best", "epochs", "best_epoch")} == {name: summary[name] for name in ("best", "epochs", "best_epoch")}


DEPTHS = [{}, {"head.pooling": "flatten", "head.hidden": [12]}, {"freeze.trainable_blocks": 1, "train.epochs": 1}]


@pytest.mark.parametrize("changes", DEPTHS, ids=["pooled", "flat", "tail"])
def test_a_run_leaves_a_model_that_repeats_its_stored_predictions(carry_out, shared, tmp_path, changes):
    reporter = NullReporter()
    summary = carry_out(changes, reporter)
    run_dir, dataset = tmp_path / "run", shared[1]
    assert set(summary) == SUMMARY and json.loads((run_dir / "summary.json").read_text()) == summary
    assert summary["earlier_seconds"] == 0.0
    assert summary["classes"] == ["1", "4", "7"] and summary["engine"] == "openvino"
    assert set(summary["phases"]) == {"prepare", "features", "train", "evaluate", "export"}
    assert all(set(epoch) == EPOCH for epoch in reporter.epochs) and len(reporter.epochs) == summary["epochs"]

    stored = pd.read_parquet(run_dir / "predictions.parquet")
    assert list(stored.columns) == ["split", "row", "content_id", "label", "p0", "p1", "p2"]
    test = stored[stored["split"] == "test"]
    probabilities = test[["p0", "p1", "p2"]].to_numpy()
    assert (probabilities.argmax(1) == test["label"]).mean() == summary["test_accuracy"]
    assert (dataset.content_ids[test["row"]] == test["content_id"]).all()

    pixels = dataset.pixels(test["row"].to_numpy(), 32)
    predictor = inference.load(run_dir)
    assert predictor.classes == ("1", "4", "7") and predictor.side_px == 32
    np.testing.assert_allclose(predictor.probabilities(pixels), probabilities, atol=1e-4)
    np.testing.assert_allclose(predictor.probabilities(pixels[:3]), probabilities[:3], atol=1e-4)
    assert predictor.head is not None and predictor.head.is_linear == ("head.hidden" not in changes)
    assert predictor.look(pixels[:1], closely=True).maps
    assert not (run_dir / "model.keras").exists(), "written when it is asked for"
    model = reloaded(run_dir)
    assert model.input.dtype == "uint8" and model.input.shape == (None, 32, 32, 3)
    np.testing.assert_allclose(model(pixels), probabilities, atol=1e-4)
    assert summary["model_bytes"] == sum((run_dir / f"model.{ending}").stat().st_size for ending in ("xml", "bin"))
    assert 0 < summary["latency_ms"] < 1000
    seen = load_embedding(run_dir)
    test_at, train_at = seen.at("test"), seen.at("train")
    assert np.array_equal(seen.rows[test_at], test["row"]) and np.array_equal(dataset.labels[seen.rows[train_at]], np.array([1, 4, 7])[seen.labels[train_at]])
    assert len(train_at) == summary["train_images"] and seen.vectors.shape[1] == (12 if "head.hidden" in changes else 64)
    vectors, rest = seen.place(predictor.look(pixels).representations)
    np.testing.assert_allclose(vectors, seen.vectors[test_at], atol=1e-3, err_msg="a picture from outside lands where the run saw it")
    np.testing.assert_allclose(rest, seen.rest[test_at], atol=1e-3)
    similar, _ = nearest(seen.vectors[test_at], seen.vectors[train_at], 1)
    alike = (seen.labels[train_at][similar[:, 0]] == seen.labels[test_at]).mean()
    assert alike > 0.9 or summary["test_accuracy"] < 0.5, "like pictures lie together where the network tells them apart"
    with zipfile.ZipFile(run_dir / "model.keras") as file:
        assert b"tlcore" not in file.read("config.json"), "it must load without this project"


def test_settings_split_and_environment_are_kept(carry_out, shared, tmp_path):
    summary = carry_out({"train.epochs": 1})
    run_dir = tmp_path / "run"
    config = read_config(run_dir / "config.yaml")
    assert config.hash() == summary["config_hash"]
    kept, wanted = Split.load(run_dir / "split.npz"), make_split(shared[1], config.classes, config.split)
    assert all(np.array_equal(getattr(kept, part), getattr(wanted, part)) for part in ("train", "val", "test"))
    environment = json.loads((run_dir / "environment.json").read_text())
    assert environment["engine"] == "openvino" and environment["packages"]["keras"] == keras.__version__
    assert summary["weights_file"] is None and summary["weights_sha256"] is None  # Random.
    assert summary["total_params"] == 273_392 + 65 * 3 and summary["trainable_params"] == 65 * 3


def test_the_same_seed_gives_the_same_result_and_computes_nothing_again(carry_out):
    first, second = carry_out(folder="a"), carry_out(folder="b")
    assert first["test"] == second["test"] and first["best_val_loss"] == second["best_val_loss"]
    assert second["cache"]["computed"] == 0 and second["cache"]["hits"] > 0


def test_a_later_cut_goes_on_from_stored_maps_and_its_files_give_the_same_answers(carry_out, shared, tmp_path):
    shallow = {"freeze.trainable_blocks": 2, "train.epochs": 1, "backbone.weights": "bundled", "classes": ["2", "5"]}
    assert carry_out(shallow, folder="shallow")["cache"]["via"] is None
    deep = carry_out({**shallow, "freeze.trainable_blocks": 0, "train.epochs": 3}, folder="deep")
    cache = deep["cache"]
    assert cache["via"] == "stage1_unit3_out" and cache["onward"] == cache["computed"] > 0, "not one picture was decoded again"
    stored = pd.read_parquet(tmp_path / "deep" / "predictions.parquet")
    pixels = shared[1].pixels(stored["row"].to_numpy(), 32)
    np.testing.assert_allclose(inference.load(tmp_path / "deep").probabilities(pixels), stored[["p0", "p1"]], atol=1e-4)
    np.testing.assert_allclose(reloaded(tmp_path / "deep")(pixels), stored[["p0", "p1"]], atol=1e-4)
    again = carry_out({**shallow, "freeze.trainable_blocks": 0, "train.epochs": 3}, folder="again")
    assert again["cache"]["computed"] == 0 and again["test"] == deep["test"]


def test_a_resumed_run_goes_the_way_it_went_before(carry_out, tmp_path):
    classes = {"backbone.weights": "bundled", "classes": ["3", "6"]}
    reporter = StopsAfter(2)
    with pytest.raises(Cancelled):
        carry_out(classes, reporter, folder="parts")
    carry_out({**classes, "freeze.trainable_blocks": 1, "train.epochs": 1}, folder="between")  # Now there are maps to go on from.
    resumed = carry_out(classes, resume_from=reporter.committed, folder="parts")
    assert resumed["cache"]["via"] is None


def test_the_way_of_an_attempt_that_committed_nothing_is_forgotten(carry_out, tmp_path):
    class StopsAtOnce(NullReporter):
        def phase(self, name):
            super().phase(name)
            if name == "train":
                raise Cancelled("stopped")

    settings = {"backbone.weights": "bundled", "classes": ["0", "8"], "train.epochs": 1}
    carry_out({**settings, "freeze.trainable_blocks": 1}, folder="maps")
    with pytest.raises(Cancelled):
        carry_out(settings, StopsAtOnce(), folder="parts")
    route = tmp_path / "parts" / "route.json"
    assert json.loads(route.read_text())["via"] == "stage2_unit3_out"
    (tmp_path / "empty").mkdir()
    empty = Workspace(tmp_path / "empty").create()
    again = training.run(parse(with_changes(SMALL, settings)), add_dataset("digits", None, empty, NullReporter()), empty, tmp_path / "parts", NullReporter())
    assert again["cache"]["via"] is None and not route.exists()


def test_a_head_that_is_compiled_already_starts_over_as_a_new_one_would(carry_out, tmp_path):
    settings = {"train.seed": 5, "optimizer.learning_rate": 0.02, "head.hidden": [12]}
    frozen._compiled.cache_clear()
    fresh = carry_out(settings, folder="fresh")
    carry_out({**settings, "train.seed": 6, "optimizer.learning_rate": 0.001}, folder="other")
    reused = carry_out(settings, folder="reused")
    assert frozen._compiled.cache_info().hits == 2
    weights = [checkpoints.load(tmp_path / name / "checkpoint-4.npz", fresh["config_hash"]) for name in ("fresh", "reused")]
    assert hash_of(weights[0].weights) == hash_of(weights[1].weights) and hash_of(weights[0].optimizer) == hash_of(weights[1].optimizer)
    assert reused["test"] == fresh["test"]


def test_epochs_of_milliseconds_are_committed_together(carry_out, tmp_path):
    class Notes(NullReporter):
        committed = ()

        def epoch(self, number, metrics, checkpoint):
            super().epoch(number, metrics, checkpoint)
            self.committed += ((number, checkpoint is not None),)

    reporter = Notes()
    carry_out({"train.epochs": 30, "train.early_stopping_patience": None, "split.train_fraction": 0.1}, reporter)
    assert [number for number, _ in reporter.committed] == list(range(1, 31))
    whole = [number for number, kept in reporter.committed if kept]
    assert whole[0] == 1 and whole[-1] == 30 and len(whole) < 30


class StopsAfter(NullReporter):
    def __init__(self, epoch):
        super().__init__()
        self.stop_after, self.committed = epoch, None

    def epoch(self, number, metrics, checkpoint):
        super().epoch(number, metrics, checkpoint)
        if checkpoint:
            self.committed = Committed(number, checkpoint, list(self.epochs))

    def check(self):
        if self.committed and self.committed.epoch >= self.stop_after:
            raise Cancelled("stopped")


def test_a_cancelled_run_resumes_to_the_same_model(carry_out, tmp_path):
    whole = carry_out(folder="whole")
    reporter = StopsAfter(2)
    with pytest.raises(Cancelled):
        carry_out(reporter=reporter, folder="parts")
    assert not (tmp_path / "parts" / "summary.json").exists()
    reporter.committed.history[-1]["seconds"] = 100.0  # As if those two epochs had taken that long.
    resumed = carry_out(resume_from=reporter.committed, folder="parts")
    assert resumed["earlier_seconds"] == 100.0 and next(iter(resumed["phases"].items())) == ("earlier attempts", 100.0)
    assert sum(resumed["phases"].values()) == pytest.approx(resumed["seconds"], abs=0.1)
    assert resumed["test"] == whole["test"] and resumed["epochs"] == whole["epochs"]
    models = [reloaded(tmp_path / name).get_weights() for name in ("whole", "parts")]
    assert hash_of(models[0]) == hash_of(models[1])


def test_the_file_that_the_weights_came_from_is_kept(carry_out):
    summary = carry_out({"backbone.weights": "bundled", "train.epochs": 1})
    assert summary["weights_file"] == spec("ResNet20").weights_file
    assert summary["weights_sha256"] == hashlib.sha256((ASSETS / summary["weights_file"]).read_bytes()).hexdigest()


def test_everything_may_learn_and_then_nothing_is_cached(carry_out):
    summary = carry_out({"freeze.trainable_blocks": 4, "train.epochs": 1, "split.train_fraction": 0.2})
    assert summary["cache"] == {"hits": 0, "computed": 0, "bytes": 0, "onward": 0, "via": None} and summary["engine"] == "tensorflow"
    assert summary["trainable_params"] > 270_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"freeze.trainable_blocks": 5}, "ResNet20 has 4 blocks"),
        ({"backbone.weights": "imagenet"}, "Choose one of: bundled, none"),
        ({"backbone.name": "VGG16", "backbone.input_size": 16}, "needs an input of 32 px or more"),
        ({"classes": ["1", "owl"]}, "owl"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_sentence(carry_out, changes, message):
    with pytest.raises(InputError, match=message):
        carry_out(changes)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"^The disk is full\. Free"),
        (MemoryError(), r"^The run ran out of memory\. Lower train.batch_size"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), "out of memory"),
        (RuntimeError("std::bad_alloc"), "out of memory"),
    ],
)
def test_a_lack_of_memory_or_disk_is_one_sentence_with_a_remedy(carry_out, tmp_path, monkeypatch, raised, message):
    def fail(*arguments):
        raise raised

    monkeypatch.setattr(training, "save_predictions", fail)
    with pytest.raises(ResourceError, match=message):
        carry_out({"train.epochs": 1})
    assert (tmp_path / "run" / "checkpoint-1.npz").exists() and not list((tmp_path / "run").glob(".writing*"))


def test_a_run_like_the_latest_is_rehearsed_where_nothing_has_to_be_computed(carry_out, shared, tmp_path):
    workspace, dataset = shared
    settings = with_changes(SMALL, {"classes": ["8", "9"], "head.hidden": [7]})
    folder = tmp_path / "rehearsals"
    folder.mkdir()
    assert not warming.rehearse(parse(settings), dataset, workspace, folder, NullReporter()), "its activations aren't there"
    carry_out(settings)
    frozen._compiled.cache_clear()
    assert warming.rehearse(parse(settings), dataset, workspace, folder, NullReporter()) and not list(folder.iterdir())
    reused = carry_out({**settings, "optimizer.learning_rate": 0.02}, folder="again")
    assert frozen._compiled.cache_info().hits == 1 and reused["epochs"] == 4
    assert not warming.rehearse(parse(with_changes(settings, {"freeze.trainable_blocks": 1})), dataset, workspace, folder, NullReporter())


def test_warming_up_needs_neither_workspace_nor_job():
    warming.warm_up()

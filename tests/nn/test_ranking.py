"""Backbones ranked on real digits: scores that agree with what is known of them, reasons for the others, and the pretraining's own classifier."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

from tlcore import demo
from tlcore.backbones import spec
from tlcore.config import BackboneConfig
from tlcore.datasets.dataset import Dataset
from tlcore.errors import Cancelled, InputError, NotFoundError, ResourceError
from tlcore.nn import ranking, source_head
from tlcore.nn.models import Backbone, preprocessing
from tlcore.ranking import jobs as rank_jobs
from tlcore.ranking import table
from tlcore.ranking.pictures import training_pictures
from tlcore.reporter import NullReporter
from tlcore.store import JobState
from tlcore.tasks import JOB_KINDS
from tlcore.weights import head_path, weights_path
from tlcore.worker import run_job

NONE_TO_ASK = BackboneConfig(name="ResNet20", weights="none")


@pytest.fixture
def digits_dataset(workspace, store, no_supervisor) -> Dataset:
    demo.ensure_built_in("digits", store, workspace)
    return Dataset.open(workspace.dataset(store.dataset("digits").id))


def test_pictures_are_training_pictures_with_a_share_of_each_class(digits_dataset):
    rows, labels, classes = training_pictures(digits_dataset, ["1", "7", "9"], 60)
    assert classes == ("1", "7", "9") and len(rows) == 60 and set(np.bincount(labels)) <= {19, 20, 21}
    assert len(set(digits_dataset.content_ids[rows])) == 60
    every, _, _ = training_pictures(digits_dataset, ["1", "7", "9"])
    assert set(rows) < set(every) and len(every) < 0.75 * np.isin(digits_dataset.labels, [1, 7, 9]).sum()
    _, labels, _ = training_pictures(digits_dataset, None, 50)
    assert (np.bincount(labels) == 5).all()


def test_a_ranking_is_a_job_that_scores_what_it_can_and_says_why_it_cannot(digits_dataset, store, workspace):
    chosen = {
        "ResNet20": BackboneConfig(name="ResNet20", weights="bundled"), "random": NONE_TO_ASK,
        "too small": BackboneConfig(name="InceptionV3", weights="none", input_size=48),
    }
    job_id = rank_jobs.submit(store, "digits", chosen, ["1", "3", "7", "9"])
    assert rank_jobs.found(store, store.job(job_id)) is None
    assert run_job(store, store.claim("w"), JOB_KINDS["rank"]) is JobState.done
    found = rank_jobs.found(store, store.job(job_id))
    assert found == table.load(workspace.run(job_id))
    bundled, random, small = found.rows
    assert found.classes == ("1", "3", "7", "9") and 400 < found.pictures < 600
    assert bundled.computed == found.pictures and bundled.seconds > 0 and bundled.side_px == 32
    assert bundled.scores["regression"] > 0.8 and set(bundled.scores) == {"regression", "neighbours", "log_me", "h_score"}
    assert bundled.scores["log_me"] > random.scores["log_me"]
    assert "came without their classifier" in bundled.no_head and "random weights" in random.no_head
    assert not small.scores and "75 px or more" in small.why_not
    assert [row.title for row in found.ordered("log_me")] == ["ResNet20", "random", "too small"]
    again = rank_jobs.submit(store, "digits", {"ResNet20": chosen["ResNet20"]}, ["1", "3", "7", "9"])
    run_job(store, store.claim("w"), JOB_KINDS["rank"])
    (row,) = rank_jobs.found(store, store.job(again)).rows
    assert row.computed == 0 and row.scores == bundled.scores


def test_what_was_measured_before_a_cancel_is_kept(digits_dataset, store, workspace):
    class Stops(NullReporter):
        def check(self):
            if kept:
                raise Cancelled("Asked to.")

    kept = []
    two = [table.Row.asked(title, NONE_TO_ASK) for title in ("first", "second")]
    with pytest.raises(Cancelled):
        ranking.rank(two, digits_dataset, ["1", "7"], workspace, Stops(), kept.append, 40)
    assert [row.title for row in kept[-1].rows] == ["first"]


def test_a_ranking_of_nothing_or_of_what_is_not_known_is_refused(digits_dataset, store):
    with pytest.raises(InputError, match="No backbone is chosen"):
        rank_jobs.submit(store, "digits", {})
    with pytest.raises(InputError, match="no class 'x'"):
        rank_jobs.submit(store, "digits", {"a": NONE_TO_ASK}, ["1", "x"])
    with pytest.raises(InputError, match="'ResNet21' is no backbone and no weight set"):
        rank_jobs.named(store, ["ResNet20", "ResNet21"])
    assert not store.jobs("rank")


@pytest.fixture
def mobilenet(tmp_path, monkeypatch) -> tuple[Backbone, keras.Model]:
    """A MobileNet with a classifier, both in files as Keras keeps them; its weights are random."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    known = spec("MobileNet_0.25")
    whole = keras.applications.MobileNet(weights=None, alpha=0.25)
    for variable in whole.weights:  # Start weights give nearly equal answers.
        if "moving" not in variable.path:
            variable.assign(variable + 0.3 * keras.random.normal(variable.shape, seed=1) * keras.ops.std(variable))
    trunk = keras.Model(whole.input, whole.get_layer("conv_pw_13_relu").output)
    for model, path in ((whole, head_path(known, 128)), (trunk, weights_path(known, "imagenet", 128))):
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            save_weights_to_hdf5_group(file, model)
    return Backbone(known, "imagenet", 224), whole


def test_the_imagenet_classifier_answers_as_in_the_whole_network(mobilenet, tmp_path, workspace):
    backbone, whole = mobilenet
    assert head_path(backbone.spec, 128).name == "mobilenet_2_5_128_tf.h5"
    pixels = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3)).astype(np.uint8)
    given = pixels.astype(np.float32)
    for layer in preprocessing(backbone.spec):
        given = layer(given)
    features = np.asarray(backbone.model(given, training=False)).mean(axis=(1, 2))
    answers = source_head.answers(backbone, features, lambda side_px, at: pixels[at], workspace)
    np.testing.assert_allclose(answers, np.asarray(whole(given, training=False)), atol=1e-5)
    assert answers.shape == (3, 1000)

    backbone.model.set_weights([each + 1 for each in backbone.model.get_weights()])
    with pytest.raises(NotFoundError, match="other weights than the ones that are ranked"):
        source_head.imagenet_head(backbone)
    head_path(backbone.spec, 128).write_bytes(b"no HDF5")
    with pytest.raises(NotFoundError, match="can't be read as the weights"):
        source_head.imagenet_head(backbone)
    head_path(backbone.spec, 128).unlink()
    with pytest.raises(NotFoundError, match=r"mobilenet_2_5_128_tf.h5, is not in"):
        source_head.imagenet_head(backbone)


def test_a_torn_checkpoint_is_one_sentence(mobilenet):
    backbone, _ = mobilenet
    weights_path(backbone.spec, "imagenet", 224).write_bytes(b"torn")
    with pytest.raises(ResourceError, match=r"mobilenet_2_5_128_tf_no_top.h5 in .* can't be read as its weights. Delete the file"):
        _ = Backbone(backbone.spec, "imagenet", 224).model


@pytest.mark.parametrize(("name", "file"), [
    ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"), ("MobileNetV2", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"),
    ("MobileNetV3Small", "weights_mobilenet_v3_small_224_1.0_float.h5"), ("EfficientNetB0", "efficientnetb0.h5"),
])  # fmt: skip
def test_the_file_with_a_classifier_is_called_as_keras_calls_it(name, file, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert head_path(spec(name), 224).name == file

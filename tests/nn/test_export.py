"""The files of a finished model agree with training, also where float16 ends."""

import keras
import numpy as np
import pytest

from tlcore.config import HeadConfig
from tlcore.cuts import cut_for
from tlcore.nn import export
from tlcore.nn.classifier import Classifier
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone, prefix_model, tail_model
from tlcore.nn.openvino_engine import OpenVINOEngine
from tlcore.nn.openvino_graph import FLOAT16_MAX
from tlcore.nn.prefix import Prefix
from tlcore.nn.strategies.frozen import Frozen
from tlcore.nn.strategy import Recipe
from tlcore.nn.trainer import Trainer
from tlcore.reporter import NullReporter

TINY = 1e-6  # Weights of the head: probabilities of activations this large stay away from 0 and 1.


def with_huge_activations(resnet) -> Backbone:
    """The same network, whose feature maps go far beyond float16."""
    huge = Backbone(resnet.spec, "none", 32, seed=4)
    stem = next(layer for layer in huge.model.layers if isinstance(layer, keras.layers.Conv2D))
    stem.set_weights([weight * 1e6 for weight in stem.get_weights()])
    return huge


@pytest.mark.parametrize("exact", [False, True], ids=["to learn from", "to judge by"])
def test_values_beyond_float16_are_clipped_alike_everywhere(pictures, resnet, workspace, tmp_path, exact):
    backbone, chosen = with_huge_activations(resnet), list(range(12))
    cut = cut_for(backbone.spec, 1, "avg")
    assert np.abs(prefix_model(backbone, cut)(pictures.pixels[:12])).max() > 2 * FLOAT16_MAX
    prefix = Prefix(backbone, cut, workspace)
    rows, _ = activations(prefix.exactly() if exact else prefix, *pictures.of(chosen), workspace, NullReporter())
    classifier = Classifier(tail_model(backbone, cut), cut, rows.layout.row_shape, HeadConfig(), 3, 0)
    classifier.dense[-1].kernel.assign(classifier.dense[-1].kernel * TINY)
    trained = Trainer(Frozen(Recipe(), classifier)).probabilities(rows)
    assert np.isfinite(trained).all() and trained.std(0).max() > 1e-3 and trained.max() < 0.999

    export.save_keras(backbone, cut, classifier, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(pictures.pixels[:12]), trained, atol=1e-4)
    export.save_openvino(prefix, classifier, tmp_path / "model.xml")
    found = np.empty_like(trained)
    engine = OpenVINOEngine(tmp_path / "model.xml")
    engine.start(pictures.pixels[:12], 0, lambda position, values: found.__setitem__(slice(position, position + len(values)), values))
    engine.wait()
    np.testing.assert_allclose(found, trained, atol=1e-4)

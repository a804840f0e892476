"""What is read from an exported model agrees with what the model answers, over poolings, depths and backbones."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.backbones import spec
from tlcore.config import HeadConfig
from tlcore.cuts import cut_for
from tlcore.nn import export
from tlcore.nn.classifier import Classifier, TwoStreams
from tlcore.nn.models import Backbone, row_shape, tail_model
from tlcore.nn.openvino_engine import core, ov
from tlcore.nn.openvino_head import ending_of, side_by_side
from tlcore.nn.prefix import Prefix

CASES = {
    "frozen, averaged": ("ResNet20", 0, HeadConfig(), Classifier),
    "frozen, maximum": ("ResNet20", 0, HeadConfig(pooling="max"), Classifier),
    "positions kept, hidden layers": ("ResNet20", 0, HeadConfig(pooling="flatten", hidden=(12, 8)), Classifier),
    "one block learns": ("ResNet20", 1, HeadConfig(hidden=(8,)), Classifier),
    "all blocks learn": ("ResNet20", 4, HeadConfig(), Classifier),
    "two streams": ("ResNet20", 1, HeadConfig(), TwoStreams),
    "depthwise, frozen": ("MobileNetV2", 0, HeadConfig(), Classifier),
}


@pytest.mark.parametrize("case", CASES)
def test_head_and_maps_give_the_probabilities_again(case, workspace, tmp_path):
    name, blocks, head, kind = CASES[case]
    backbone = Backbone(spec(name), "none", 32, seed=1)
    cut = cut_for(backbone.spec, blocks, head.pooling)
    classifier = kind(tail_model(backbone, cut), cut, row_shape(backbone, cut), head, 3, 0)
    export.save_openvino(Prefix(backbone, cut, workspace), classifier, tmp_path / "model.xml")
    model = core().read_model(tmp_path / "model.xml")
    ending = ending_of(model)
    assert ending is not None and ending.head is not None
    assert (ending.head.pooling, ending.head.is_linear) == (head.pooling, not head.hidden)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    joined = asked(side_by_side(model, [ending.representation]), pixels)
    answered, seen = joined[:, :3], joined[:, 3:]
    maps = [asked(ov.Model([each], model.get_parameters(), "maps"), pixels) for each in ending.maps]
    laid = [each[0] if last else each[0].transpose(1, 2, 0) for each, last in zip(maps, ending.channels_last, strict=True)]
    assert len(laid) == (2 if kind is TwoStreams else 1)
    shares = np.exp(ending.head.logits(laid))
    np.testing.assert_allclose(shares / shares.sum(), answered[0], atol=1e-5)
    kernel, bias = ending.head.dense[-1]
    shares = np.exp(seen[0] @ kernel + bias)
    np.testing.assert_allclose(shares / shares.sum(), answered[0], atol=1e-5)


def asked(model: ov.Model, pixels: np.ndarray) -> np.ndarray:
    return np.array(core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pixels)[0])


def test_a_model_that_ends_otherwise_has_no_such_ending():
    import openvino.opset13 as op

    x = op.parameter([1, 3], np.float32)
    assert ending_of(ov.Model([op.result(op.relu(x))], [x], "other")) is None
    assert ending_of(ov.Model([op.result(op.softmax(op.relu(x), 1))], [x], "other")) is None

"""The table of backbones: complete, consistent, and light to import."""

import dataclasses
import json
import subprocess
import sys

import pytest

from tlcore.backbones import BACKBONES, spec
from tlcore.config import BackboneConfig
from tlcore.errors import InputError

WANTED = ["ResNet20", "VGG16", "VGG19", "ResNet50", "ResNet50V2", "MobileNet_0.25", "MobileNet_0.5", "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0", "DenseNet121", "InceptionV3", "Xception", "ConvNeXtTiny"]


def test_every_backbone_of_the_plan_is_there():
    assert list(BACKBONES) == WANTED


@pytest.mark.parametrize("name", WANTED)
def test_blocks_ends_and_parameters_belong_together(name):
    each = spec(name)
    assert each.name == name
    assert len(each.blocks) == len(each.block_ends) == len(each.block_params)
    assert len(set(each.blocks)) == len(each.blocks) and len(set(each.block_ends)) == len(each.block_ends)
    assert sum(each.block_params) == each.params
    assert each.min_size <= each.usual_size
    assert 2014 <= each.year <= 2025 and each.licence and each.paper


@pytest.mark.parametrize("name", WANTED)
def test_facts_fit_what_the_weights_were_trained_on(name):
    each = spec(name)
    assert set(each.weights) <= set(BackboneConfig.model_fields["weights"].annotation.__args__)
    if each.trained_on == "ImageNet-1k":
        assert 0.5 < each.top1 < 0.9 and "imagenet" in each.weights
    else:
        assert each.top1 is None and "bundled" in each.weights


def test_parameters_above_a_cut_count_from_the_top():
    each = spec("VGG16")
    assert each.params_above(0) == 0
    assert each.params_above(1) == 7_079_424  # three 3x3 convolutions of 512 channels with bias
    assert each.params_above(5) == each.params == 14_714_688


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'ResNet7' is not known.*VGG16"):
        spec("ResNet7")


def test_the_table_is_data_and_imports_no_tensor_library():
    code = "import sys, tlcore.backbones; print(sorted({'tensorflow', 'keras', 'openvino', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_specification_is_json():
    assert json.loads(json.dumps(dataclasses.asdict(spec("MobileNet_0.5"))))["kwargs"] == {"alpha": 0.5}

"""Small real material: the digits at 32 px, and a little network with random weights."""

import dataclasses
import functools
import hashlib

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tlcore.backbones import spec
from tlcore.cuts import Cut, cut_for
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace


@dataclasses.dataclass
class Pictures:
    """Pixels with content ids, and a count of how many were asked for."""

    pixels: np.ndarray
    labels: np.ndarray
    ids: list[str]
    decoded: int = 0

    def of(self, chosen):
        """What `activations` wants: pixels by position among the chosen pictures."""

        def pixels(positions):
            self.decoded += len(positions)
            return self.pixels[np.asarray(chosen)[positions]]

        return pixels, [self.ids[i] for i in chosen]


@pytest.fixture(autouse=True)
def seeded():
    """A run makes TensorFlow deterministic for the whole process, which from then on refuses random weights without a seed."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def digits() -> Pictures:
    data = load_digits()
    images = [Image.fromarray((i * 255 / 16).astype("uint8")).convert("RGB").resize((32, 32)) for i in data.images[:300]]
    pixels = np.stack([np.asarray(image) for image in images])
    return Pictures(pixels, data.target[:300], [hashlib.sha256(p.tobytes()).hexdigest() for p in pixels])


@pytest.fixture
def pictures(digits) -> Pictures:
    return dataclasses.replace(digits, decoded=0)


@pytest.fixture(scope="session")
def resnet() -> Backbone:
    """Random weights: these tests are about machinery, not about accuracy."""
    return Backbone(spec("ResNet20"), "none", 32, seed=3)


@pytest.fixture
def rows_at(pictures, resnet, workspace):
    """Activations of some pictures at a depth, in an empty workspace: (cut, rows, use)."""
    return functools.partial(rows_of, pictures, resnet, workspace)


@pytest.fixture(scope="session")
def stored_rows_at(digits, resnet, tmp_path_factory):
    """The same in a workspace that all tests share, for those that are not about the cache."""
    workspace = Workspace(tmp_path_factory.mktemp("shared") / "workspace").create()
    return functools.partial(rows_of, digits, resnet, workspace)


def rows_of(pictures, resnet, workspace, trainable_blocks: int, chosen=range(300), pooling: str = "avg", reporter=None):
    cut: Cut = cut_for(resnet.spec, trainable_blocks, pooling)
    prefix = Prefix(resnet, cut, workspace)
    rows, use = activations(prefix, *pictures.of(list(chosen)), workspace, reporter or NullReporter())
    return cut, rows, use

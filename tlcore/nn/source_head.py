"""What a backbone's own classifier, the one that it was pretrained with, answers to pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np

from tlcore.errors import NotFoundError
from tlcore.nn import inference
from tlcore.nn.models import Backbone, stable_names
from tlcore.weights import head_path
from tlcore.workspace import Workspace

BATCH_IMAGES = 256
Pixels = Callable[[int, np.ndarray], np.ndarray]


def answers(backbone: Backbone, features: np.ndarray, pixels: Pixels, workspace: Workspace) -> np.ndarray:
    """Probabilities of the classes that the backbone knew; (n, its classes).

    features: pooled by average, (n, channels). pixels(side_px, positions): some of the n pictures at that size.
    Raises NotFoundError, saying why, where there is no classifier for these weights.
    """
    if backbone.weights == "imagenet":
        return imagenet_head(backbone)(features)
    if backbone.weight_set is not None and backbone.weight_set.run is not None:
        predictor, all_of_them = inference.load(workspace.run(backbone.weight_set.run)), np.arange(len(features))
        return np.concatenate([predictor.probabilities(pixels(predictor.side_px, all_of_them[start : start + BATCH_IMAGES])) for start in range(0, len(features), BATCH_IMAGES)])
    if backbone.weights == "none":
        raise NotFoundError("random weights have no classifier.")
    raise NotFoundError("these weights came without their classifier.")


def imagenet_head(backbone: Backbone) -> Callable[[np.ndarray], np.ndarray]:
    """From pooled features to the probabilities of ImageNet's classes; the checkpoint with a classifier must lie where Keras keeps its own.

    Raises NotFoundError.
    """
    path = head_path(backbone.spec, backbone.side_px)
    if not path.is_file():
        raise NotFoundError(f"the file with its ImageNet classifier, {path.name}, is not in {path.parent}.")
    builder = getattr(keras.applications, backbone.spec.builder)
    try:
        whole = builder(weights=str(path), include_top=True, **backbone.spec.kwargs)
    except (OSError, ValueError) as error:
        raise NotFoundError(f"{path.name} can't be read as the weights of {backbone.spec.name} with its classifier.") from error
    stable_names(whole)
    pooled = next((each for each in whole.layers if isinstance(each, keras.layers.GlobalAveragePooling2D) and each.input is not None and _follows(each, backbone)), None)
    if pooled is None:
        raise NotFoundError("its ImageNet classifier takes more than averaged features.")
    trunk = keras.Model(whole.input, pooled.input)
    if not all(map(np.array_equal, trunk.get_weights(), backbone.model.get_weights())):
        raise NotFoundError(f"{path.name} holds other weights than the ones that are ranked.")
    head = keras.Model(pooled.output, whole.output)
    return functools.partial(_probabilities, head, pooled.output.shape[1:])


def _follows(pooling: keras.layers.Layer, backbone: Backbone) -> bool:
    """Whether a layer takes what the trunk gives."""
    return pooling.input._keras_history.operation.name == backbone.spec.block_ends[-1]


def _probabilities(head: keras.Model, shape: tuple[int, ...], features: np.ndarray) -> np.ndarray:
    given = features.reshape(len(features), *shape)
    return np.concatenate([np.asarray(head(given[start : start + BATCH_IMAGES], training=False)) for start in range(0, len(given), BATCH_IMAGES)])

"""The weights of a network by name: `layer/weight`, whatever order Keras keeps them in."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlcore.errors import ConflictError
from tlcore.weight_sets import WeightSet


def layers_of(model: keras.Model) -> dict[str, list[keras.Variable]]:
    """The variables of each layer that has any, by name; layers of layers stand for themselves."""
    found: dict[str, list[keras.Variable]] = {}
    for layer in model.layers:
        if getattr(layer, "layers", None):
            found |= layers_of(layer)
        elif layer.weights:
            found[layer.name] = list(layer.weights)
    return found


def kinds_of(model: keras.Model) -> dict[str, str]:
    """The class of each layer in Keras's spelling, such as `conv2d`; those of `layers_of` among them."""
    found: dict[str, str] = {}
    for layer in model.layers:
        found[layer.name] = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)).lower()
        if getattr(layer, "layers", None):
            found |= kinds_of(layer)
    return found


def variables_of(model: keras.Model) -> dict[str, keras.Variable]:
    """Every variable under `layer/weight`."""
    return {f"{layer}/{variable.name}": variable for layer, variables in layers_of(model).items() for variable in variables}


def arrays_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Every weight as float32, as an empty network of the same kind takes it."""
    arrays = {key: np.asarray(variable.numpy(), np.float32) for key, variable in variables_of(model).items()}
    _without_rescaling(model, arrays)
    return arrays


def assign(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Give the network these weights. Raises KeyError, ValueError where names or shapes are others."""
    for key, variable in variables_of(model).items():
        variable.assign(arrays[key])
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # It computes with copies of its variables.


def load(model: keras.Model, weights: WeightSet) -> None:
    """Give the network the weights of a set. Raises ConflictError where these were altered since they were added."""
    try:
        with np.load(weights.arrays, allow_pickle=False) as file:
            arrays = {key: file[key] for key in variables_of(model)}
        if content_of(arrays) != weights.content:
            raise ValueError("other content")
        assign(model, arrays)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConflictError(f"weight set '{weights.name}' is damaged on disk ({type(error).__name__}). Delete it and add it again.") from error


def save(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def content_of(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key], np.float32)
        digest.update(f"{key} {array.shape} ".encode())
        digest.update(array)
    return digest.hexdigest()


def _without_rescaling(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Put into the normalisation what a layer without weights does behind it.

    Keras gives EfficientNet that layer only with ImageNet weights: an empty network, into which a weight
    set goes, lacks it. (x - mean) / sqrt(variance) * scale is (x - mean) / sqrt(variance / scale²).
    """
    for layer in model.layers:
        before = _input_of(layer)
        if isinstance(layer, keras.layers.Rescaling) and isinstance(before, keras.layers.Normalization) and f"{before.name}/variance" in arrays:
            arrays[f"{before.name}/variance"] = (arrays[f"{before.name}/variance"] / np.square(np.asarray(layer.scale, np.float32))).astype(np.float32)


def _input_of(layer: keras.layers.Layer) -> Any:
    """The layer that feeds this one; None for several or none."""
    nodes = layer._inbound_nodes
    before = nodes[0].input_tensors if nodes else []
    return before[0]._keras_history.operation if len(before) == 1 else None

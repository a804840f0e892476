"""Weights in HDF5 files: Keras 3's `.weights.h5`, and the older files with a group a layer."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST_OBJECTS, DEEPEST, MOST_ATTRIBUTE_BYTES = 100_000, 32, 16 << 20


class Unfit(Exception):
    """What is wrong with the file, as the middle of a sentence."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """One array of a file; `read` fetches its numbers, which nobody does before looking at the shape.

    name: of the weight; None where the file only numbers them.
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[], np.ndarray]


Layers = dict[str, list[Stored]]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, once every link and every dataset of it was found to stay inside it. Raises Unfit."""
    with h5py.File(path, "r") as file:
        _look_through(file)
        yield file


def _look_through(file: h5py.File) -> None:
    """HDF5 follows links and external storage to any file that this process may read: refuse them all."""
    waiting, seen = [(file, 0)], 0
    while waiting:
        group, depth = waiting.pop()
        seen += len(group)
        if seen > MOST_OBJECTS or depth > DEEPEST:
            raise Unfit("it holds more groups and arrays, or deeper ones, than a network has")
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Unfit(f"'{name[:60]}' is a link to another place or file, which weights don't need")
            child = group[name]
            if isinstance(child, h5py.Group):
                waiting.append((child, depth + 1))
            elif isinstance(child, h5py.Dataset) and (child.is_virtual or child.external):
                raise Unfit(f"the numbers of '{name[:60]}' lie in another file")


def layers(file: h5py.File) -> Layers:
    """All arrays by layer, of either kind of file. Raises Unfit where two layers have one name."""
    root = file.get("model_weights", file)  # A whole model of the older kind keeps them there.
    found = _older(root) if "layer_names" in root.attrs or "layer_names0" in root.attrs else _keras3(file)
    if not found:
        raise Unfit("it holds no layers with weights")
    return found


def _keras3(file: h5py.File) -> Layers:
    """`…/layers/<kind>_<number>/vars/<place>`; the layer's own name is beside `vars`."""
    found: Layers = {}

    def visit(path: str, node: h5py.Group | h5py.Dataset) -> None:
        *above, last = path.split("/")
        if not isinstance(node, h5py.Group) or last != "vars" or not len(node) or len(above) < 2 or above[-1] == "seed_generator":
            return
        if not {"layers", "_layer_checkpoint_dependencies"} & set(above):
            return  # The optimiser's state and the like.
        name = str(_text(node.attrs["name"])) if "name" in node.attrs else above[-1]
        if name in found:
            raise Unfit(f"two layers are called '{name[:60]}'")
        places = sorted((place for place in node if place.isdigit()), key=int)
        found[name] = [_stored(None, node[place]) for place in places if isinstance(node[place], h5py.Dataset)]

    file.visititems(visit)
    return found


def _older(root: h5py.Group) -> Layers:
    """A group for each layer of the model, whose attribute `weight_names` says in which order its arrays stand."""
    found: Layers = {}
    for group_name, group in root.items():
        if not isinstance(group, h5py.Group):
            continue
        for path in _names(group, "weight_names"):
            array = group.get(path)
            if not isinstance(array, h5py.Dataset):
                raise Unfit(f"'{group_name[:60]}' lacks '{path[:60]}'")
            *above, weight = path.removeprefix(f"{group_name}/").split("/")
            layer = (above[-1] if above else group_name).replace("/", "_")
            found.setdefault(layer, []).append(_stored(weight.partition(":")[0], array))
    return found


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names, which Keras divides where it is too long for one attribute."""
    found: list[str] = []
    for key in [attribute, *(f"{attribute}{part}" for part in range(len(group.attrs)))]:
        if key in group.attrs:
            about = h5py.h5a.open(group.id, key.encode())
            if math.prod(about.shape) * about.dtype.itemsize > MOST_ATTRIBUTE_BYTES:
                raise Unfit(f"its list '{key}' is too long for a network")
            found += [str(_text(name)) for name in np.ravel(group.attrs[key])]
    return found


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _stored(name: str | None, array: h5py.Dataset) -> Stored:
    packed = array.dtype == np.uint16 and _text(array.attrs.get("dtype", "")) == "bfloat16"

    def read() -> np.ndarray:
        return bfloat16(array[()]) if packed else array[()]

    return Stored(name, array.shape or (), np.dtype("<f4") if packed else array.dtype, read)


def bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of float32 numbers, as these."""
    return (values.astype(np.uint32) << 16).view(np.float32)

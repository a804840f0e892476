"""A ResNet-20's weights in every format that is read, and files that only look like them."""

from __future__ import annotations

import functools
import json
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from tlcore.backbones import spec
from tlcore.nn import layer_weights
from tlcore.nn.models import Backbone
from tlcore.nn.resnet import ResNet20


@functools.cache
def network() -> keras.Model:
    return Backbone(spec("ResNet20"), "none", 32, seed=11).model


@functools.cache
def arrays() -> dict[str, np.ndarray]:
    return layer_weights.arrays_of(network())


def content() -> str:
    return layer_weights.content_of(arrays())


def keras3(path: Path) -> Path:
    network().save_weights(path)
    return path


def whole_keras(path: Path) -> Path:
    """With a classifier on top, and an optimiser's state beside it."""
    with_top = ResNet20(include_top=True)
    layer_weights.assign(with_top, {**layer_weights.arrays_of(with_top), **arrays()})
    with_top.compile("adam", "sparse_categorical_crossentropy")
    with_top.fit(np.zeros((2, 32, 32, 3), np.float32), np.zeros(2), epochs=0, verbose=0)
    with_top.save(path)
    return path


def older(path: Path, nested: bool = False, inside: bool = False) -> Path:
    """As Keras 2 wrote them: a group a layer, or one for the model that holds them all; `inside` a whole model's file."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if inside else file
        named = layer_weights.layers_of(network())
        root.attrs["layer_names"] = [b"resnet20"] if nested else [name.encode() for name in named]
        paths: dict[str, list[bytes]] = {}
        for name, variables in named.items():
            group = root.require_group("resnet20" if nested else name)
            for variable in variables:
                group[f"{name}/{variable.name}:0"] = variable.numpy()
                paths.setdefault(group.name, []).append(f"{name}/{variable.name}:0".encode())
        for group_name, names in paths.items():
            root[group_name].attrs["weight_names"] = names
    return path


def npz(path: Path, changed: dict[str, np.ndarray | None] | None = None) -> Path:
    content = {**arrays(), **(changed or {})}
    with path.open("wb") as file:
        np.savez(file, **{key: value for key, value in content.items() if value is not None})
    return path


def numbered_npz(path: Path) -> Path:
    """Weights by place instead of by name."""
    content = {f"{layer}/{i}": variable.numpy() for layer, variables in layer_weights.layers_of(network()).items() for i, variable in enumerate(variables)}
    with path.open("wb") as file:
        np.savez(file, **content)
    return path


def safetensors(path: Path, kind: str = "F32", header_changes: dict | None = None) -> Path:
    header, blob = {"__metadata__": {"made": "by hand"}}, b""
    for key, array in arrays().items():
        raw = (array.view(np.uint32) >> 16).astype("<u2").tobytes() if kind == "BF16" else array.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8"}[kind]).tobytes()
        header[key] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(blob), len(blob) + len(raw)]}
        blob += raw
    text = json.dumps(header | (header_changes or {})).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)
    return path


# --- files that must be refused; each gives its path


def external_link(folder: Path) -> Path:
    secret = keras3(folder / "elsewhere.weights.h5")
    path = keras3(folder / "link.weights.h5")
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = h5py.ExternalLink(secret, "layers/conv2d/vars/0")
    return path


def soft_link(folder: Path) -> Path:
    path = keras3(folder / "soft.weights.h5")
    with h5py.File(path, "a") as file:
        file["layers/extra"] = h5py.SoftLink("/layers/conv2d")
    return path


def external_storage(folder: Path) -> Path:
    (folder / "secret").write_bytes(bytes(10_000))
    path = keras3(folder / "stored.weights.h5")
    with h5py.File(path, "a") as file:
        shape = file["layers/conv2d/vars/0"].shape
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars"].create_dataset("0", shape, "f4", external=[(str(folder / "secret"), 0, h5py.h5f.UNLIMITED)])
    return path


def virtual(folder: Path) -> Path:
    secret = keras3(folder / "elsewhere.weights.h5")
    path = keras3(folder / "virtual.weights.h5")
    with h5py.File(path, "a") as file:
        shape = file["layers/conv2d/vars/0"].shape
        del file["layers/conv2d/vars/0"]
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(secret, "layers/conv2d/vars/0", shape)
        file["layers/conv2d/vars"].create_virtual_dataset("0", layout)
    return path


def group_in_a_circle(folder: Path) -> Path:
    path = keras3(folder / "circle.weights.h5")
    with h5py.File(path, "a") as file:
        file["layers/again"] = file["layers"]  # A hard link: the group holds itself.
    return path


def huge_h5(folder: Path) -> Path:
    """A few kilobytes that claim 8 GB of zeros, in the place of a small kernel."""
    path = keras3(folder / "huge.weights.h5")
    with h5py.File(path, "a") as file:
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars"].create_dataset("0", (2_000_000_000,), "f4", chunks=(1_000_000,), compression="gzip")
    return path


def huge_npz(folder: Path) -> Path:
    """A header that claims 8 TB."""
    path = npz(folder / "huge.npz", {"stem_conv/kernel": None})
    with zipfile.ZipFile(path, "a") as archive, archive.open("stem_conv/kernel.npy", "w") as entry:
        np.lib.format.write_array_header_1_0(entry, {"descr": "<f4", "fortran_order": False, "shape": (2_000_000, 1_000_000)})
    return path


def bomb(folder: Path) -> Path:
    """A .keras whose weights unpack without end."""
    path = folder / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("model.weights.h5", "w") as entry:
        entry.write(b"\x89HDF\r\n\x1a\n")
        for _ in range(200):
            entry.write(bytes(1 << 20))
    return path


def pickled_npz(folder: Path) -> Path:
    path = folder / "pickled.npz"
    path.write_bytes(pickle.dumps({"stem_conv/kernel": [1.0]}))
    return path


def objects_npz(folder: Path) -> Path:
    return npz(folder / "objects.npz", {"stem_conv/kernel": np.array([Tripwire()], object)})


class Tripwire:
    """Leaves a file when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


def torch_zip(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Tripwire()))
        archive.writestr("model/data/0", b"0000")
    return path


def saved_model(folder: Path) -> Path:
    path = folder / "saved"
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\x08\x01\x12\x00")
    return path


def graph(folder: Path) -> Path:
    path = folder / "graph.npz"
    path.write_bytes(b"\x08\x01\x12" + bytes(100))
    return path


def single_array(folder: Path) -> Path:
    path = folder / "one.npy"
    np.save(path, np.zeros(3))
    return path


def nan(folder: Path) -> Path:
    kernel = arrays()["stem_conv/kernel"].copy()
    kernel[0, 0, 0, 0] = np.nan
    return npz(folder / "nan.npz", {"stem_conv/kernel": kernel})


def too_large_for_float32(folder: Path) -> Path:
    return npz(folder / "large.npz", {"stem_bn/gamma": np.full(16, 1e200)})


def truncated(folder: Path, of=keras3, name: str = "cut.weights.h5") -> Path:
    path = of(folder / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def offsets_beyond(folder: Path) -> Path:
    return safetensors(folder / "beyond.safetensors", header_changes={"stem_bn/gamma": {"dtype": "F32", "shape": [16], "data_offsets": [10**9, 10**9 + 64]}})


def shape_beyond(folder: Path) -> Path:
    """The shape is the network's; the bytes are fewer."""
    return safetensors(folder / "less.safetensors", header_changes={"stem_bn/gamma": {"dtype": "F32", "shape": [16], "data_offsets": [0, 4]}})


def long_header(folder: Path) -> Path:
    path = folder / "long.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.npz"
    path.touch()
    return path


def picture(folder: Path) -> Path:
    path = folder / "picture.h5"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return path


def other_zip(folder: Path) -> Path:
    path = folder / "pets.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/1.jpg", b"x")
    return path

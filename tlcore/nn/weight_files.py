"""Weights in files of strangers: names and shapes first, numbers only where they are wanted.

No reader of Keras, PyTorch or pickle is used: nothing in the file is executed, no model's configuration
is parsed, nothing outside the file is opened.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from tlcore.errors import InputError
from tlcore.nn import hdf5_weights
from tlcore.nn.hdf5_weights import Layers, Stored, bfloat16

TAKEN = ".weights.h5, .keras, .npz with keys layer/weight, or .safetensors"
KERAS_ARCHIVE = "model.weights.h5"
MOST_ENTRIES, HEADER_BYTES, PORTION_BYTES = 50_000, 10 << 20, 1 << 20
FLOATS = {"F16": np.dtype("<f2"), "BF16": np.dtype("<u2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error, KeyError, NotImplementedError)


class _Refusal(Exception):
    """What is wrong with the file, and what helps."""


@contextlib.contextmanager
def opened(path: Path, where: str, scratch: Path, most_bytes: int) -> Iterator[Layers]:
    """The arrays of a weights file by layer; recognised by content, whatever its name.

    where: what messages call it. scratch: a folder for what must be unpacked, at most `most_bytes`.
    Raises: InputError on opening and on reading, one sentence.
    """
    try:
        with contextlib.ExitStack() as stack:
            yield _read(path, scratch, most_bytes, stack)
    except _Refusal as refusal:
        raise InputError(f"{where}: {'. '.join(refusal.args)}.") from None
    except hdf5_weights.Unfit as unfit:
        raise InputError(f"{where}: {unfit}. Save the weights again with model.save_weights(\"name.weights.h5\").") from None
    except MemoryError:
        raise InputError(f"{where}: it asks for more memory than its weights can need. Save it again, or take another file.") from None
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # Of the disk that it is unpacked to.
        raise InputError(f"{where}: cut short or damaged ({type(error).__name__}). Copy or save it again.") from error


def _read(path: Path, scratch: Path, most_bytes: int, stack: contextlib.ExitStack) -> Layers:
    if path.is_dir():
        _refuse("a folder" + (" with a SavedModel, which holds programs" if (path / "saved_model.pb").exists() else ""))
    if not path.is_file():
        raise _Refusal("not found, or no ordinary file", "Check the path")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(hdf5_weights.MAGIC):
        return hdf5_weights.layers(stack.enter_context(hdf5_weights.opened(path)))
    if start.startswith(b"PK\3\4"):
        return _from_zip(path, scratch, most_bytes, stack)
    _refuse_by_content(start, path)
    return _from_safetensors(path)


def _refuse(what: str) -> NoReturn:
    raise _Refusal(f"{what}, not a file of bare weights", f"Give {TAKEN}")


def _refuse_by_content(start: bytes, path: Path) -> None:
    if not start:
        raise _Refusal("the file is empty", "Copy it again")
    if start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        _refuse("a pickle, which runs whatever program its author put into it (older .pt, .pth and .ckpt files are pickles)")
    if start.startswith(b"\x93NUMPY"):
        _refuse("a single NumPy array, which says neither layer nor weight")
    if start.startswith(b"\x08\x01\x12") or path.suffix == ".pb":
        _refuse("a graph of TensorFlow (SavedModel), which holds programs")
    if start[8:9] != b"{":
        _refuse("none of the formats that are read")


# --- ZIP: .keras and .npz


def _from_zip(path: Path, scratch: Path, most_bytes: int, stack: contextlib.ExitStack) -> Layers:
    archive = stack.enter_context(zipfile.ZipFile(path))
    entries = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if len(entries) > MOST_ENTRIES or any(info.flag_bits & 0x1 for info in entries.values()):
        raise _Refusal("encrypted, or of more entries than a network has weights", "Save it again")
    if KERAS_ARCHIVE in entries:
        inner = _unpacked(archive, entries[KERAS_ARCHIVE], scratch, most_bytes, stack)
        return hdf5_weights.layers(stack.enter_context(hdf5_weights.opened(inner)))
    if any(name.rpartition("/")[2] in ("data.pkl", "constants.pkl") for name in entries):
        _refuse("a file of PyTorch, which holds a pickle: it runs whatever program its author put into it")
    if any(name.rpartition("/")[2] == "saved_model.pb" for name in entries):
        _refuse("a SavedModel, which holds programs")
    if not entries or not all(name.endswith(".npy") for name in entries):
        _refuse(f"a ZIP with neither {KERAS_ARCHIVE} nor NumPy arrays alone")
    return _by_key({name.removesuffix(".npy"): _array(archive, info) for name, info in entries.items()})


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, scratch: Path, most_bytes: int, stack: contextlib.ExitStack) -> Path:
    """The weights of a .keras file as a file of their own, which is gone afterwards; bytes are counted, not believed."""
    target = scratch / f".writing-{KERAS_ARCHIVE}"  # As what is swept when a worker dies.
    stack.callback(target.unlink, missing_ok=True)
    left = most_bytes
    with archive.open(info) as entry, target.open("wb") as out:
        while portion := entry.read(PORTION_BYTES):
            left -= len(portion)
            if left < 0:
                raise _Refusal(f"its weights unpack to more than {most_bytes >> 20} MiB, which this network can't fill", "Choose the backbone that the file belongs to")
            out.write(portion)
    return target


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Stored:
    """An array of an .npz by its header alone."""
    with archive.open(info) as entry:
        shape, _, dtype = _header(entry)
    if dtype.hasobject:
        _refuse(f"{info.filename} holds Python objects, a pickle: it runs whatever program its author put into it; that is")

    def read() -> np.ndarray:
        with archive.open(info) as entry:
            return np.lib.format.read_array(entry, allow_pickle=False)

    return Stored(None, shape, dtype, read)


def _header(entry) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(entry)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise _Refusal(f"a NumPy format of version {version}", "Save it again with numpy.savez")
    return readers[version](entry)


# --- .safetensors


def _from_safetensors(path: Path) -> Layers:
    """Source: the format's description at github.com/huggingface/safetensors; 40 lines, so no dependency."""
    size = path.stat().st_size
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(HEADER_BYTES, size - 8):
            _refuse("none of the formats that are read")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
    if not isinstance(header, dict):
        _refuse("none of the formats that are read")
    header.pop("__metadata__", None)
    return _by_key({key: _tensor(path, key, about, 8 + length, size) for key, about in header.items()})


def _tensor(path: Path, key: str, about: object, data_at: int, size: int) -> Stored:
    """One array of a .safetensors file; what its header claims is compared with the file first."""
    damaged = _Refusal(f"the header's entry '{key[:60]}' makes no sense", "Save the file again")
    if not isinstance(about, dict):
        raise damaged
    shape, place, kind = about.get("shape"), about.get("data_offsets"), about.get("dtype")
    whole = all(isinstance(each, list) and all(type(n) is int and n >= 0 for n in each) for each in (shape, place))
    if not whole or len(place) != 2 or not isinstance(kind, str):
        raise damaged
    if kind not in FLOATS:
        return Stored(None, tuple(shape), np.dtype("V1"), lambda: np.empty(0))  # Whole numbers: no weights.
    dtype, (begin, end) = FLOATS[kind], place
    if end - begin != math.prod(shape) * dtype.itemsize or data_at + end > size:
        raise damaged

    def read() -> np.ndarray:
        with path.open("rb") as file:
            file.seek(data_at + begin)
            values = np.frombuffer(file.read(end - begin), dtype).reshape(shape)
        return bfloat16(values) if kind == "BF16" else values

    return Stored(None, tuple(shape), np.dtype("<f4") if kind == "BF16" else dtype, read)


def _by_key(arrays: dict[str, Stored]) -> Layers:
    """`layer/weight` keys as layers; weights that are only numbered stand in their order."""
    found: dict[str, list[tuple[str, Stored]]] = {}
    for key, stored in arrays.items():
        layer, _, weight = key.rpartition("/")
        found.setdefault(layer.rpartition("/")[2] or key, []).append((weight.partition(":")[0], stored))
    return {
        layer: [stored for _, stored in sorted(named, key=lambda pair: int(pair[0]))]
        if all(weight.isascii() and weight.isdigit() and len(weight) < 6 for weight, _ in named)
        else [dataclasses.replace(stored, name=weight) for weight, stored in named]
        for layer, named in found.items()
    }



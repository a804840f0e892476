"""Weight sets: from a file, matched with a backbone layer by layer, or from what a finished run has learnt."""

from __future__ import annotations

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from tlcore import backbones, weight_sets
from tlcore.datasets.bounded import bounded_memory
from tlcore.errors import InputError
from tlcore.nn import export, layer_weights, weight_files
from tlcore.nn.hdf5_weights import Layers, Stored
from tlcore.nn.models import Backbone
from tlcore.weight_sets import Report, Training, WeightSet
from tlcore.workspace import Workspace

NAMED = 5
SPARE_BYTES = 2 << 30  # What the readers may take beyond the weights themselves.

Expected = Mapping[str, Sequence[keras.Variable]]


def add_file(
    path: Path, backbone: str, workspace: Workspace, scratch: Path, *,
    name: str | None = None, partial: bool = False, trained_on: str = "", shown: str | None = None,
) -> WeightSet:
    """Read a file's weights for a backbone into a weight set.

    partial: layers that the file lacks, or has in another shape, keep random weights. shown: what messages call the file.
    Raises: InputError for a file that can't be read or doesn't fit, ConflictError where the name is taken.
    """
    where, spec = shown or path.name, backbones.spec(backbone)
    model = Backbone(spec, "none", spec.min_size).model
    network_bytes = 4 * model.count_params()
    with bounded_memory(SPARE_BYTES + 4 * network_bytes), weight_files.opened(path, where, scratch, most_bytes=(64 << 20) + 4 * network_bytes) as layers:
        found, report = matched(layer_weights.layers_of(model), layer_weights.kinds_of(model), layers)
        _refuse_unfit(where, backbone, report, partial)
        read = {key: _read(where, key, stored) for key, stored in found.items()}
    arrays = {**layer_weights.arrays_of(model), **read}
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    about = {
        "name": name or where, "backbone": backbone, "origin": where, "sha256": sha256,
        "trained_on": (Training(trained_on.strip()[:120]),) if trained_on.strip() else (), "report": report,
    }
    return _written(workspace, about, arrays)


def add_run(run_dir: Path, run_id: int, trained_on: Sequence[Training], workspace: Workspace, name: str | None = None) -> WeightSet:
    """Take the trunk of a finished run as a weight set: its backbone with all that its blocks have learnt.

    Raises: NotFoundError for a run without a finished model, ConflictError where the weights that it began with are others now.
    """
    if (same := weight_sets.of_run(workspace, run_id)) is not None:
        return same
    backbone = export.rebuilt(run_dir).backbone
    arrays = layer_weights.arrays_of(backbone.model)
    about = {
        "name": name or f"run {run_id}", "backbone": backbone.spec.name, "origin": f"run {run_id}", "run": run_id,
        "sha256": layer_weights.content_of(arrays), "trained_on": tuple(trained_on), "report": Report(tuple(layer_weights.layers_of(backbone.model))),
    }
    return _written(workspace, about, arrays)


def _written(workspace: Workspace, about: Mapping[str, object], arrays: dict[str, np.ndarray]) -> WeightSet:
    about = {**about, "content": layer_weights.content_of(arrays)}
    return weight_sets.write(workspace, about, functools.partial(layer_weights.save, arrays))


def matched(expected: Expected, kinds: Mapping[str, str], layers: Layers) -> tuple[dict[str, Stored], Report]:
    """What of the file goes where, under `layer/weight`, from names and shapes alone; nothing is read.

    kinds: Keras's word for the class of each layer.
    """
    readings = [_fit(expected, _renamed(layers, names)) for names in _namings(expected, kinds, layers)]
    return max(readings, key=lambda reading: len(reading[1].loaded))  # The first of equals: names as they are.


def _fit(expected: Expected, layers: Layers) -> tuple[dict[str, Stored], Report]:
    found: dict[str, Stored] = {}
    loaded, missing, mismatched = [], [], []
    for layer, variables in expected.items():
        if layer not in layers:
            missing.append(layer)
            continue
        stored = _in_order(variables, layers[layer])
        problem = _difference(variables, stored)
        if problem:
            mismatched.append(f"{layer}: {problem}")
            continue
        loaded.append(layer)
        found |= {f"{layer}/{variable.name}": each for variable, each in zip(variables, stored, strict=True)}
    unused = [layer for layer in layers if layer not in expected and layers[layer]]
    return found, Report(tuple(loaded), tuple(missing), tuple(mismatched), tuple(unused))


def _in_order(variables: Sequence[keras.Variable], stored: Sequence[Stored]) -> Sequence[Stored]:
    """By the weights' names where both sides know the same ones, else as the file has them."""
    by_name = {each.name: each for each in stored}
    names = [variable.name for variable in variables]
    return [by_name[name] for name in names] if set(names) == set(by_name) else stored


def _difference(variables: Sequence[keras.Variable], stored: Sequence[Stored]) -> str | None:
    """What of a layer differs, in words; None where it fits."""
    if len(stored) != len(variables):
        return f"{len(stored)} arrays, not {len(variables)}"
    for variable, each in zip(variables, stored, strict=True):
        if tuple(each.shape) != tuple(variable.shape):
            return f"{variable.name} is {_shape(each.shape)}, not {_shape(variable.shape)}"
        if each.dtype.kind not in "fiu" or each.dtype.itemsize > 8:
            return f"{variable.name} holds {each.dtype}, not numbers"
    return None


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "one number"


def _namings(expected: Expected, kinds: Mapping[str, str], layers: Layers) -> list[dict[str, str]]:
    """Ways to read the names of a file's layers: as they are, and with Keras's automatic numbers counted from zero.

    A process numbers its layers on (conv2d_94), and files without names number each kind by itself.
    """
    numbers: dict[str, list[tuple[int, str]]] = {}
    for name in layers:
        base, number = _numbered(name)
        numbers.setdefault(base, []).append((number, name))
    bases = Counter(_numbered(name)[0] for name in expected)
    anew = {}
    for base, named in numbers.items():
        if bases[base] == len(named):  # Otherwise nobody knows which are which.
            anew |= {name: base if rank == 0 else f"{base}_{rank}" for rank, (_, name) in enumerate(sorted(named))}
    return [{}, anew, _by_kind(expected, kinds)]


def _by_kind(expected: Expected, kinds: Mapping[str, str]) -> dict[str, str]:
    """`conv2d_3` for the fourth convolution, whatever its name: as Keras 3 lists layers in a file."""
    counted: Counter[str] = Counter()
    names = {}
    for layer in expected:
        kind = kinds[layer]
        names[f"{kind}_{counted[kind]}" if counted[kind] else kind] = layer
        counted[kind] += 1
    return names


def _numbered(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*?)_(\d{1,6})", name)
    return (match[1], int(match[2])) if match else (name, 0)


def _renamed(layers: Layers, names: Mapping[str, str]) -> Layers:
    return {names.get(name, name): stored for name, stored in layers.items()}


def _refuse_unfit(where: str, backbone: str, report: Report, partial: bool) -> None:
    """Raise InputError for a file of another network, and for one that fits in part where that wasn't asked for."""
    wrong = [*report.mismatched, *(f"{layer}: missing" for layer in report.missing)]
    named = "; ".join(each[:80] for each in wrong[:NAMED]) + ("; …" if len(wrong) > NAMED else "")
    if not report.loaded:
        has = ", ".join(name[:40] for name in report.unused[:NAMED]) or "none with weights"
        raise InputError(f"{where}: not a layer fits {backbone} ({named}); the file's own layers: {has}. Choose the backbone that the file belongs to.")
    if wrong and not partial:
        raise InputError(
            f"{where}: {len(report.loaded)} layers fit {backbone}, {len(report.mismatched)} have another shape and {len(report.missing)} are missing ({named}). "
            "Choose the backbone that the file belongs to, or ask for a partial load (--partial), which leaves these layers random."
        )


def _read(where: str, key: str, stored: Stored) -> np.ndarray:
    """The numbers of one weight in float32. Raises InputError where some are none."""
    with np.errstate(over="ignore"):
        values = np.asarray(stored.read()).astype(np.float32)
    if values.shape != tuple(stored.shape):
        raise InputError(f"{where}: {key} is not of the shape that the file declares. Save it again.")
    if not np.isfinite(values).all():
        raise InputError(f"{where}: {key} holds NaN or infinity. Take a checkpoint from before the training went wrong.")
    return values


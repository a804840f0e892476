"""Small real pictures, and ZIPs and datasets made of them."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from tlcore.datasets.dataset import Dataset
from tlcore.datasets.ingest import Plan, ingest
from tlcore.datasets.stored import from_pixels
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace


@functools.cache
def digit_pixels() -> np.ndarray:
    """uint8 (1797, 24, 24) in the order of scikit-learn's labels 0, 1, 2 … 9, 0, 1 …"""
    return np.repeat(np.repeat((load_digits().images * 15).astype(np.uint8), 3, 1), 3, 2)


def digit_png(number: int) -> bytes:
    """One real digit, another one for every number up to 1,796."""
    out = io.BytesIO()
    Image.fromarray(digit_pixels()[number]).save(out, "PNG")
    return out.getvalue()


def pets(cats: int = 3, dogs: int = 3, prefix: str = "") -> dict[str, bytes]:
    """Files of two classes, all different."""
    files = {f"{prefix}cat/{i}.png": digit_png(i) for i in range(cats)}
    return files | {f"{prefix}dog/{i}.png": digit_png(100 + i) for i in range(dogs)}


def zip_bytes(files: Mapping[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def write_zip(folder: Path, files: Mapping[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> str:
    path = folder / "pets.zip"
    path.write_bytes(zip_bytes(files, method))
    return str(path)


def write_folder(root: Path, files: Mapping[str, bytes]) -> str:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return str(root)


def small_dataset(
    workspace: Workspace, pictures: list[int], labels: list[str], official: list[str] | None = None, name: str = "pets", bursts: Sequence[int] = ()
) -> Dataset:
    """A dataset of digits by number, with any labels: equal numbers are equal pictures."""
    classes = tuple(sorted(set(labels)))
    plan = Plan(
        where=name,
        source="test",
        classes=classes,
        names=[f"{label}/{i}" for i, label in enumerate(labels)],
        labels=[classes.index(label) for label in labels],
        official=official or [""] * len(labels),
        read=lambda place: digit_pixels()[pictures[place]],
        store=from_pixels,
        estimated_bytes=0,
        bursts=bursts,
    )
    return ingest(plan, name, workspace, NullReporter())

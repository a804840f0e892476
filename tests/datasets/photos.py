"""Small real photographs, cut from the two that scikit-learn brings, and what becomes of a picture that is saved again."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_image

from tlcore.datasets.dataset import Dataset
from tlcore.datasets.ingest import Plan, ingest
from tlcore.datasets.stored import from_file
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace

SIDE_PX = 100


@functools.cache
def photo(number: int) -> Image.Image:
    """One of 36 different cuts of 100 × 100 pixels, below the sky: the even ones of a palace, the odd ones of a flower."""
    whole = Image.fromarray(load_sample_image("china.jpg" if number % 2 == 0 else "flower.jpg"))
    down, across = divmod(number // 2, 6)
    left, top = across * SIDE_PX, (down + 1) * SIDE_PX
    return whole.crop((left, top, left + SIDE_PX, top + SIDE_PX))


# What people do to a picture that then counts as another one.
CHANGES = {
    "encoded": lambda image: Image.open(io.BytesIO(encoded(image, "JPEG", quality=30))),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "smaller": lambda image: image.resize((61, 61), Image.Resampling.LANCZOS),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "cut": lambda image: image.crop((3, 2, SIDE_PX, SIDE_PX - 1)),
}


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photos_dataset(workspace: Workspace, pictures: list[Image.Image], labels: list[str], official: list[str], name: str = "photos") -> Dataset:
    """A dataset of these pictures."""
    classes = tuple(sorted(set(labels)))
    files = [encoded(picture, "PNG") for picture in pictures]
    plan = Plan(
        where=name, source="test", classes=classes, names=[f"{label}/{i}" for i, label in enumerate(labels)], labels=[classes.index(label) for label in labels],
        official=official, read=lambda place: files[place], store=from_file, estimated_bytes=0,
    )
    return ingest(plan, name, workspace, NullReporter())


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"))

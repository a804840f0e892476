"""Finished runs asked about pictures from outside."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from PIL import Image

from tlcore.errors import TLError
from tlcore.heat import Heat
from tlcore.images import decode_untrusted, to_pixels

AT_ONCE = 4  # Of 50 megapixels each they take 0.6 GB.
KEPT_PX = 512


class Seen(NamedTuple):
    """What a network makes of pictures: probabilities (n, k), and what its output layer is given (n, d), where that can be told."""

    probabilities: np.ndarray
    representations: np.ndarray | None


class Predictor(Protocol):
    """What `tlcore.nn.inference.load` gives."""

    classes: tuple[str, ...]
    side_px: int

    def look(self, pixels: np.ndarray) -> Seen:
        """Shapes: uint8 (n, side, side, 3)."""

    def heat(self, pixels: np.ndarray, name: str) -> Heat | None:
        """Where one picture speaks for a class; None where the network doesn't tell. Shapes: uint8 (side, side, 3)."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is known of one file: a picture and each model's probabilities by class, or an error."""

    file: str
    image: Image.Image | None = None  # Small, for looking at.
    size_px: tuple[int, int] | None = None  # Width and height of the file's picture.
    notes: tuple[str, ...] = ()
    error: str | None = None
    probabilities: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    def top(self, count: int) -> pd.DataFrame:
        """The most probable classes of all models, best first: class, then one column a model.

        A class that a model doesn't know is empty in its column.
        """
        table = pd.DataFrame({model: pd.Series(given) for model, given in self.probabilities.items()})
        order = table.max(axis=1).sort_values(ascending=False, kind="stable").index[:count]
        return table.loc[order].rename_axis("class").reset_index()


def predict(predictors: Mapping[str, Predictor], files: Sequence[tuple[str, bytes]]) -> list[Answer]:
    """Ask every model about every file, in the order of the files.

    A file that is no usable picture gets its sentence and doesn't hold up the others. Files are decoded
    in a child process, a few at a time, and kept small afterwards; each model sees them at full size
    through the one resize that it was trained with.
    """
    groups = [files[start : start + AT_ONCE] for start in range(0, len(files), AT_ONCE)]
    return [answer for group in groups for answer in _predict(predictors, group)]


def _predict(predictors: Mapping[str, Predictor], files: Sequence[tuple[str, bytes]]) -> list[Answer]:
    decoded = decode_untrusted(files)
    good = {i: picture.image for i, picture in enumerate(decoded) if not isinstance(picture, TLError)}
    given: dict[int, dict[str, dict[str, float]]] = {i: {} for i in good}
    for name, predictor in predictors.items() if good else ():
        pixels = np.stack([to_pixels(image, predictor.side_px) for image in good.values()])
        for i, row in zip(good, predictor.look(pixels).probabilities, strict=True):
            given[i][name] = dict(zip(predictor.classes, map(float, row), strict=True))
    return [
        Answer(name, error=str(picture))
        if isinstance(picture, TLError)
        else Answer(name, _small(picture.image), picture.image.size, tuple(picture.notes), probabilities=given[i])
        for i, ((name, _), picture) in enumerate(zip(files, decoded, strict=True))
    ]


def _small(image: Image.Image) -> Image.Image:
    """A copy for looking at: fifty photographs at full size would take gigabytes."""
    small = image.copy() if max(image.size) <= KEPT_PX else image.reduce(-(-max(image.size) // KEPT_PX))
    small.thumbnail((KEPT_PX, KEPT_PX))
    return small


def answers_table(answers: Sequence[Answer]) -> pd.DataFrame:
    """One row a file, model and class, best first: file, model, class, probability, error."""
    rows = [
        {"file": answer.file, "model": model, "class": name, "probability": probability, "error": ""}
        for answer in answers
        for model, given in answer.probabilities.items()
        for name, probability in sorted(given.items(), key=lambda pair: -pair[1])
    ]
    rows += [{"file": answer.file, "model": "", "class": "", "probability": None, "error": answer.error} for answer in answers if answer.error]
    return pd.DataFrame(rows, columns=["file", "model", "class", "probability", "error"])

"""Finished runs asked about pictures from outside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from tlcore.calibration import with_temperature
from tlcore.errors import InputError, TLError
from tlcore.grounds import Grounds
from tlcore.heat import Head, Heat
from tlcore.images import Looked, look_untrusted

AT_ONCE = 32
AT_ONCE_BYTES = 64 << 20
KEPT_PX = 512
HEATED = 5  # Classes, of the most probable, whose heat is kept.

File = tuple[str, bytes | InputError]  # A name, and what is in it or why that can't be read.


class Seen(NamedTuple):
    """What a network makes of pictures.

    Shapes: probabilities (n, k); representations, what its output layer is given, (n, d), None where that can't be told;
    the last feature maps, each (n, h, w, c), where they were asked for and are there.
    """

    probabilities: np.ndarray
    representations: np.ndarray | None
    maps: tuple[np.ndarray, ...] = ()


class Predictor(Protocol):
    """What `tlcore.nn.inference.load` gives. `head`: what follows the last feature maps; None where that can't be told."""

    classes: tuple[str, ...]
    side_px: int

    @property
    def head(self) -> Head | None: ...

    def look(self, pixels: np.ndarray, closely: bool = False) -> Seen:
        """What it makes of pictures; feature maps only `closely`. Shapes: uint8 (n, side, side, 3)."""


class Model(NamedTuple):
    """A run's network, and what its own pictures say about the answers."""

    predictor: Predictor
    grounds: Grounds = Grounds()


@dataclasses.dataclass(frozen=True, eq=False)
class Verdict:
    """What one model says about one picture.

    `given` (k,): probabilities as the network gives them; `calibrated` (k,): divided by the run's temperature, None where
    none fits. `vector` (c,) and `distance`: where it lies among the run's pictures, and how far from those that were
    learnt from; None where the run doesn't tell. `heats`: by class, of the most probable ones, where it was asked for.
    """

    classes: tuple[str, ...]
    given: np.ndarray
    calibrated: np.ndarray | None = None
    vector: np.ndarray | None = None
    distance: float | None = None
    unlike: bool = False
    heats: Mapping[str, Heat] = dataclasses.field(default_factory=dict)

    @property
    def probabilities(self) -> np.ndarray:
        """The calibrated ones where there are any."""
        return self.given if self.calibrated is None else self.calibrated

    @property
    def answer(self) -> str:
        """The most probable class; a temperature never changes which."""
        return self.classes[int(self.given.argmax())]

    @property
    def confidence(self) -> float:
        return float(self.probabilities[int(self.given.argmax())])

    def ranked(self, count: int | None = None) -> list[tuple[str, float]]:
        """The most probable classes, best first, as many as asked."""
        return [(self.classes[c], float(self.probabilities[c])) for c in np.argsort(-self.given, kind="stable")[:count]]

    def possible(self, grounds: Grounds, coverage: float) -> list[str] | None:
        """The classes that it may be, see `conformal`, the most probable first; None where nothing promises that."""
        if grounds.conformal is None:
            return None
        inside = grounds.conformal.sets(self.given[None], coverage)[0]
        return [self.classes[c] for c in np.argsort(-self.given, kind="stable") if inside[c]]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is known of one file: a picture and each model's verdict, or an error."""

    file: str
    image: Image.Image | None = None  # Small, for looking at.
    size_px: tuple[int, int] | None = None  # Width and height of the file's picture.
    notes: tuple[str, ...] = ()
    error: str | None = None
    verdicts: Mapping[str, Verdict] = dataclasses.field(default_factory=dict)


def predict(models: Mapping[str, Model], files: Iterable[File], closely: bool = False, kept_px: int = KEPT_PX) -> Iterator[Answer]:
    """Ask every model about every file, in the order of the files; they are read as they are needed.

    A file that is no usable picture gets its sentence and doesn't hold up the others. Files are decoded in a child process,
    some at a time; each model sees them at full size through the one resize that it was trained with.
    closely: whether heat is wanted. kept_px: side of the copies for looking at.
    """
    for group in _groups(files):
        yield from _predict(models, group, closely, kept_px)


def _groups(files: Iterable[File]) -> Iterator[list[File]]:
    group: list[File] = []
    for file in files:
        group.append(file)
        if len(group) == AT_ONCE or sum(len(data) for _, data in group if isinstance(data, bytes)) > AT_ONCE_BYTES:
            yield group
            group = []
    if group:
        yield group


def _predict(models: Mapping[str, Model], files: Sequence[File], closely: bool, kept_px: int) -> Iterator[Answer]:
    looked = _looked(files, sorted({model.predictor.side_px for model in models.values()}), kept_px)
    good = {i: picture for i, picture in enumerate(looked) if not isinstance(picture, TLError)}
    verdicts: dict[int, dict[str, Verdict]] = {i: {} for i in good}
    for name, model in models.items() if good else ():
        for i, verdict in zip(good, _verdicts(model, list(good.values()), closely), strict=True):
            verdicts[i][name] = verdict
    for i, ((name, _), picture) in enumerate(zip(files, looked, strict=True)):
        if isinstance(picture, TLError):
            yield Answer(name, error=str(picture))
        else:
            yield Answer(name, picture.image, picture.size_px, picture.notes, verdicts=verdicts[i])


def _looked(files: Sequence[File], sides_px: Sequence[int], kept_px: int) -> list[Looked | InputError]:
    """What is in each file as networks with these inputs see it, in the order of the files."""
    readable = [(name, data) for name, data in files if isinstance(data, bytes)]
    found = iter(look_untrusted(readable, sides_px, kept_px) if readable else ())
    return [next(found) if isinstance(data, bytes) else data for _, data in files]


def _verdicts(model: Model, pictures: Sequence[Looked], closely: bool) -> Iterator[Verdict]:
    predictor, grounds = model
    seen = predictor.look(np.stack([picture.pixels[predictor.side_px] for picture in pictures]), closely)
    calibrated = None if grounds.temperature is None else with_temperature(seen.probabilities, grounds.temperature)
    familiarity, vectors, distances = grounds.familiarity, None, None
    if familiarity is not None and seen.representations is not None:
        vectors, distances = familiarity.place(seen.representations)
    for i, given in enumerate(seen.probabilities):
        distance = None if distances is None else float(distances[i])
        yield Verdict(
            predictor.classes, given, None if calibrated is None else calibrated[i], None if vectors is None else vectors[i],
            distance, familiarity is not None and distance is not None and distance > familiarity.limit, _heats(predictor, seen, i),
        )


def _heats(predictor: Predictor, seen: Seen, i: int) -> dict[str, Heat]:
    if predictor.head is None or not seen.maps:
        return {}
    maps = [each[i] for each in seen.maps]
    best = np.argsort(-seen.probabilities[i], kind="stable")[:HEATED]
    return {predictor.classes[c]: Heat(predictor.head.heat(maps, int(c)), predictor.head.is_linear) for c in best}

"""Where freezing ends, and under which key the activations at that place are kept. No TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tlcore.backbones import ELSEWHERE, BackboneSpec
from tlcore.config import RunConfig
from tlcore.errors import InputError
from tlcore.weight_sets import WeightSet
from tlcore.weights import weights_path

FORMAT = 1  # Raise it when the same settings begin to give other activations.
LIBRARIES = ("openvino", "tensorflow", "keras")  # Another version of any may give other activations.


@dataclasses.dataclass(frozen=True)
class Cut:
    """Where the frozen prefix ends and in which form its activations are kept.

    kind: avg or max: pooled vectors, float32; map: feature maps, float16 for learning; pixels: nothing is frozen.
    """

    layer: str | None
    kind: Literal["avg", "max", "map", "pixels"]

    @property
    def dtype(self) -> str:
        return {"map": "float16", "pixels": "uint8"}.get(self.kind, "float32")

    @property
    def given_dtype(self) -> str:
        """In which what follows is given rows, however they are kept."""
        return "uint8" if self.kind == "pixels" else "float32"


def cut_for(spec: BackboneSpec, trainable_blocks: int, pooling: str) -> Cut:
    """The cut below the topmost `trainable_blocks` blocks. Raises InputError beyond their number."""
    if not 0 <= trainable_blocks <= len(spec.blocks):
        raise InputError(f"freeze.trainable_blocks is {trainable_blocks}, but {spec.name} has {len(spec.blocks)} blocks.")
    if trainable_blocks == len(spec.blocks):
        return Cut(None, "pixels")
    if trainable_blocks == 0 and pooling != "flatten":
        return Cut(spec.block_ends[-1], pooling)  # type: ignore[arg-type]
    return Cut(spec.block_ends[len(spec.blocks) - trainable_blocks - 1], "map")


def earlier_maps(spec: BackboneSpec, cut: Cut) -> list[Cut]:
    """Cuts whose stored feature maps lead on to `cut`, the nearest first."""
    if cut.kind == "pixels":
        return []
    end = spec.block_ends.index(str(cut.layer)) + (cut.kind != "map")
    return [Cut(layer, "map") for layer in reversed(spec.block_ends[:end])]


@dataclasses.dataclass(frozen=True)
class PrefixIdentity:
    """All that decides which activations a frozen prefix gives.

    via: the earlier cut whose stored, rounded feature maps they were computed from; None: from pixels.
    view: which augmented view of each picture goes in; None: the picture as it is.
    precision: of the layers where it isn't float32, as on a graphics card.
    exact: nothing is rounded, neither on the way nor as it is kept; then all ways give the same, and `via` is None.
    """

    backbone: str
    weights: str
    side_px: int
    cut: Cut
    engine: str
    via: str | None = None
    view: str | None = None
    precision: str | None = None
    exact: bool = False

    @property
    def dtype(self) -> str:
        return "float32" if self.exact else self.cut.dtype

    def about(self) -> dict[str, str | int | None]:
        """What the key stands for."""
        options = {name: value for name in ("via", "view", "precision") if (value := getattr(self, name)) is not None}
        return {
            "format": FORMAT, "backbone": self.backbone, "weights": self.weights, "input_size": self.side_px,
            "cut": self.cut.layer, "kind": self.cut.kind, "dtype": self.dtype,
            "engine": self.engine, **{library: version(library) for library in LIBRARIES}, **options,
        }

    @property
    def key(self) -> str:
        """Equal for prefixes that give equal activations."""
        return key_of(self.about())


def pixels_about(side_px: int) -> dict[str, str | int]:
    """What pixels that are kept decoded and resized are stored under, in the place of a prefix."""
    return {"format": FORMAT, "kind": "pixels", "input_size": side_px}


def key_of(about: Mapping[str, str | int | None]) -> str:
    """A folder's name: equal for equal descriptions."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


def identity_of(config: RunConfig, spec: BackboneSpec, engine: str, weight_set: WeightSet | None = None) -> PrefixIdentity | None:
    """The prefix of a run; None while its checkpoint isn't on this machine."""
    side_px = config.backbone.input_size or spec.usual_size
    weights = weights_hash(spec, config.backbone.weights, side_px, config.train.seed, weight_set)
    cut = cut_for(spec, config.freeze.trainable_blocks, config.head.pooling)
    return None if weights is None else PrefixIdentity(spec.name, weights, side_px, cut, engine)


def weights_hash(spec: BackboneSpec, weights: str, side_px: int, seed: int, weight_set: WeightSet | None = None) -> str | None:
    """Equal for equal weights, from the checkpoint's bytes; None while the file isn't on this machine."""
    if weights in ELSEWHERE:
        return weight_set.content if weight_set else None
    if weights == "none":
        return hashlib.sha256(f"random {spec.name} {seed}".encode()).hexdigest()
    path = weights_path(spec, weights, side_px)
    try:
        state = path.stat()
    except OSError:
        return None
    return _hash_of_file(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _hash_of_file(path: Path, size: int, modified_ns: int) -> str:
    """SHA-256 of the file, which is known by size and time as long as this process lives."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def version(package: str) -> str | None:
    """Of an installed package, without importing it; None where it isn't installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

"""Where checkpoints of pretrained networks lie and which of them a run takes. No TensorFlow."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tlcore.backbones import BackboneSpec

ASSETS = Path(__file__).resolve().parent / "assets"


def keras_home() -> Path:
    """The folder in which Keras keeps checkpoints and datasets; it may not exist yet."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    nearest = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    return home if os.access(nearest, os.W_OK) else Path("/tmp/.keras")  # As Keras does.


def weights_path(spec: BackboneSpec, weights: str, side_px: int) -> Path:
    """Where the checkpoint lies, or will lie once Keras has downloaded it; `weights` is bundled or imagenet."""
    if weights == "bundled":
        return ASSETS / spec.weights_file
    return _imagenet_path(spec, checkpoint_size(spec, side_px))


def head_path(spec: BackboneSpec, side_px: int) -> Path:
    """Where Keras keeps the same checkpoint with its ImageNet classifier; only what somebody put there is read, it is never downloaded."""
    path = _imagenet_path(spec, checkpoint_size(spec, side_px))
    return path.with_name(re.sub(r"_no_?top(_v2)?(?=\.h5$)", "", path.name))


def checkpoint_size(spec: BackboneSpec, side_px: int) -> int:
    """The input size whose checkpoint is used: the wanted one, else one that is here, else the nearest.

    The networks with a checkpoint for each size are fully convolutional: any of them fits every size.
    """
    if not spec.checkpoint_sizes:
        return side_px
    by_distance = sorted(spec.checkpoint_sizes, key=lambda size: abs(size - side_px))
    here = [size for size in by_distance if _imagenet_path(spec, size).is_file()]
    return (here or by_distance)[0]


def _imagenet_path(spec: BackboneSpec, size: int) -> Path:
    return keras_home() / "models" / spec.weights_file.format(size=size)

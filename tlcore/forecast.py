"""What a run would be, before it starts: parameters, cache, and reasons to think again. No TensorFlow."""

from __future__ import annotations

import dataclasses
import itertools
import os
from pathlib import Path

import pandas as pd

from tlcore.backbones import BackboneSpec
from tlcore.config import HeadConfig, RunConfig
from tlcore.records import DatasetRecord

FEW_IMAGES = 10
HALF_BYTES = 2  # Activations are cached as float16.


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Figures of a run that has not begun; None where only building the network would tell."""

    learning_params: int | None
    frozen_params: int
    cache_bytes: int | None
    warnings: tuple[str, ...]


def forecast(config: RunConfig, spec: BackboneSpec, record: DatasetRecord, counts: pd.DataFrame) -> Forecast:
    """Figures and warnings from the settings and the split's counts a class (columns class, train, val, test)."""
    depth = min(config.freeze.trainable_blocks, len(spec.blocks))
    head = head_params(config.head, spec, len(counts))
    images = int(counts[["train", "val", "test"]].to_numpy().sum())
    pooled = depth == 0 and config.head.pooling != "flatten"
    return Forecast(
        learning_params=None if head is None else head + spec.params_above(depth),
        frozen_params=spec.params - spec.params_above(depth),
        cache_bytes=images * spec.feature_dim * HALF_BYTES if pooled else None,
        warnings=tuple(warnings(config, spec, record, counts)),
    )


def head_params(head: HeadConfig, spec: BackboneSpec, classes: int) -> int | None:
    """Weights and biases of the dense layers; None with `flatten`, where they depend on the feature map's size."""
    if head.pooling == "flatten":
        return None
    widths = (spec.feature_dim, *head.hidden, classes)
    return sum((before + 1) * after for before, after in itertools.pairwise(widths))


def warnings(config: RunConfig, spec: BackboneSpec, record: DatasetRecord, counts: pd.DataFrame) -> list[str]:
    """Sentences that say what may disappoint, each with what to do."""
    found = []
    few = counts[counts["train"] < FEW_IMAGES]
    if len(few):
        names = ", ".join(f"{row['class']} ({row['train']})" for _, row in few.head(5).iterrows()) + (", …" if len(few) > 5 else "")
        found.append(f"Fewer than {FEW_IMAGES} training pictures: {names}. Add pictures, or expect the result to depend on chance.")
    if config.backbone.weights == "bundled" and trained_on_same(spec, record):
        found.append(f"{spec.name} was trained on {spec.trained_on} itself, so the result says little about transfer. Take another backbone or other pictures.")
    if config.backbone.weights == "none":
        found.append("Random weights: nothing is carried over, and frozen blocks stay random. It serves as a baseline.")
    if config.backbone.weights == "imagenet" and not downloaded(spec, config.backbone.input_size):
        found.append(f"The ImageNet weights of {spec.name} are not on this machine: Keras downloads them when the run starts, which needs a network.")
    return found


def trained_on_same(spec: BackboneSpec, record: DatasetRecord) -> bool:
    """Whether name or source of the dataset say that the backbone has seen its pictures."""
    plain = "".join(letter for letter in spec.trained_on.lower() if letter.isalnum())
    about = "".join(letter for letter in f"{record.name} {record.source}".lower() if letter.isalnum())
    # CIFAR-100's pictures are others; its name must not be taken for CIFAR-10's.
    return plain in about.replace("cifar100", "")


def downloaded(spec: BackboneSpec, side_px: int | None) -> bool:
    """Whether Keras's cache holds the checkpoint for this input size."""
    side = side_px or spec.usual_size
    if spec.checkpoint_sizes and side not in spec.checkpoint_sizes:
        side = spec.usual_size  # What Keras falls back to.
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    return (home / "models" / spec.weights_file.format(size=side)).is_file()

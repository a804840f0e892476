"""What a run would be, before it starts: parameters, cache, and reasons to think again. No TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlcore.backbones import ELSEWHERE, BackboneSpec
from tlcore.config import RunConfig
from tlcore.forecast.costs import head_params, stored_bytes
from tlcore.records import DatasetRecord
from tlcore.weight_sets import Training
from tlcore.weights import weights_path

if TYPE_CHECKING:
    import pandas as pd

FEW_IMAGES = 10


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Figures of a run that has not begun."""

    learning_params: int
    frozen_params: int
    cache_bytes: int
    warnings: tuple[str, ...]


def forecast(
    config: RunConfig, spec: BackboneSpec, record: DatasetRecord, counts: pd.DataFrame, unlabelled: int = 0, known: Sequence[Training] | None = None
) -> Forecast:
    """Figures and warnings from the settings and the counts a class of what is read with labels (columns class, train, val, test).

    unlabelled: pictures of the target that may be used without their labels.
    known: what weights from elsewhere have been trained on, so far as that is known.
    """
    depth = len(spec.blocks) if config.strategy.name == "scratch" else min(config.freeze.trainable_blocks, len(spec.blocks))
    head, side_px = config.head, config.backbone.input_size or spec.usual_size
    views = config.augment.views if config.augment.enabled else 1  # None are kept of pictures that are new in every epoch.
    learnt = int(counts["train"].sum()) + (unlabelled if config.strategy.reads_unlabelled else 0)
    judged = int(counts[["val", "test"]].to_numpy().sum())
    return Forecast(
        learning_params=head_params(head.pooling, head.hidden, spec, side_px, len(counts)) + spec.params_above(depth),
        frozen_params=spec.params - spec.params_above(depth),
        cache_bytes=views * learnt * cached_bytes(config, spec, depth) + judged * cached_bytes(config, spec, depth, exact=True),
        warnings=(*warnings(config, spec, record, counts, known), *unread(config, unlabelled)),
    )


def cached_bytes(config: RunConfig, spec: BackboneSpec, depth: int, exact: bool = False) -> int:
    """Bytes that the activations of one picture take at the cut below the topmost `depth` blocks; `exact`: of one that isn't learnt from."""
    if depth == len(spec.blocks):
        return 0  # Nothing is frozen, so nothing is kept.
    return stored_bytes(spec, config.backbone.input_size or spec.usual_size, depth, config.head.pooling, exact)


def warnings(
    config: RunConfig, spec: BackboneSpec, record: DatasetRecord, counts: pd.DataFrame, known: Sequence[Training] | None = None
) -> list[str]:
    """Sentences that say what may disappoint, each with what to do."""
    found = []
    few = counts[counts["train"] < FEW_IMAGES]
    if len(few):
        names = ", ".join(f"{row['class']} ({row['train']})" for _, row in few.head(5).iterrows()) + (", …" if len(few) > 5 else "")
        found.append(f"Fewer than {FEW_IMAGES} training pictures: {names}. Add pictures, or expect the result to depend on chance.")
    if config.backbone.weights == "bundled" and trained_on_same(spec, record):
        found.append(f"{spec.name} was trained on {spec.trained_on} itself, so the result says little about transfer. Take another backbone or other pictures.")
    if config.backbone.weights in ELSEWHERE:
        found += [met_before(each) for each in known or () if has_seen(each, record)]
    if config.backbone.weights == "none":
        found.append("Random weights: nothing is carried over, and frozen blocks stay random. It serves as a baseline.")
    if config.backbone.weights == "imagenet" and not downloaded(spec, config.backbone.input_size):
        found.append(f"The ImageNet weights of {spec.name} are not on this machine: Keras downloads them when the run starts, which needs a network.")
    return found


def unread(config: RunConfig, unlabelled: int) -> list[str]:
    """Sentences on data that is there and not used, or wanted and not there."""
    found = []
    if config.source.dataset is not None and config.strategy.domain == "labelled":
        found.append(f"'{config.strategy.title}' doesn't read the source. Choose a strategy that does, such as Mixed or CORAL, or leave it so as the yardstick.")
    if config.strategy.domain == "semi" and not unlabelled:
        found.append(f"'{config.strategy.title}' uses pictures without labels, and all have theirs. Lower the share of labelled pictures.")
    return found


def trained_on_same(spec: BackboneSpec, record: DatasetRecord) -> bool:
    """Whether name or source of the dataset say that the backbone has seen its pictures."""
    return _named_in(spec.trained_on, record)


def has_seen(training: Training, record: DatasetRecord) -> bool:
    """The same of something that weights from elsewhere have been trained on."""
    if training.dataset_id is None and training.run is None:
        return _named_in(training.what, record)
    return training.dataset_id == record.id or training.what == record.name  # Deleted and added again it has another id.


def met_before(training: Training) -> str:
    """The sentence for weights that have seen the dataset."""
    split = "" if training.run is None else f", and with another split than that of run {training.run} they have learnt some of the test pictures by heart"
    return f"These weights were trained on {training} itself, so the result says little about transfer{split}. Test on other pictures, or take other weights."


def _named_in(what: str, record: DatasetRecord) -> bool:
    plain = "".join(letter for letter in what.lower() if letter.isalnum())
    about = "".join(letter for letter in f"{record.name} {record.source}".lower() if letter.isalnum())
    # CIFAR-100's pictures are others; its name must not be taken for CIFAR-10's.
    return plain in (about if plain == "cifar100" else about.replace("cifar100", ""))


def downloaded(spec: BackboneSpec, side_px: int | None) -> bool:
    """Whether the ImageNet checkpoint that a run at this input size takes is on this machine."""
    return weights_path(spec, "imagenet", side_px or spec.usual_size).is_file()

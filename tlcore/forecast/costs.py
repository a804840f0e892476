"""What a run has to do, and how many seconds each part of it takes by formula. No TensorFlow.

The constants are those of a machine with two cores. They need not fit another one: a probe puts that
machine's own speeds in their place, and finished runs correct the rest (see rates.py).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

from tlcore.backbones import BackboneSpec
from tlcore.config import RunConfig

NUMBER_BYTES = 4  # float32, in which all is computed.
POOLED_BYTES, MAP_BYTES = NUMBER_BYTES, 2  # A stored number: float32 in pooled vectors, float16 in feature maps, but not of pictures that validate or are tested.
HELD_BYTES = 512 * 2**20  # Rows beyond this aren't held in memory at once while training.
REFERENCE_CORES = 2
SEPARABLE = ("MobileNet", "EfficientNet", "Xception", "ConvNeXt")  # Mostly 1×1 and depthwise convolutions.

START_S, WARM_START_S = 6.0, 0.2  # Until a worker has TensorFlow; until a warm one has the job.
PREPARE_S, PREPARE_PICTURE_S = 0.02, 2e-6
CONVERT_LAYER_S = 0.016  # From Keras's layers to a compiled OpenVINO network.
COMPILE_LAYER_S = 0.002
BUILD_LAYER_S = 0.005
READ_BYTES_S = 0.8e9  # Comparing stored rows with their checksums.
TRACE_S, TRACE_LAYER_S = 0.3, 0.04  # Compiling the step; with gradients through blocks that learn.
TRAINING_SHARE = 0.8  # Of the speed at which frozen layers are computed.
STEP_S, EPOCH_S = 0.0012, 0.01
AUGMENT_PIXEL_S = 2e-8  # On two cores.
WRITE_BYTES_S = 250e6
EVALUATE_S, EXPORT_S = 0.03, 0.06


@dataclasses.dataclass(frozen=True)
class Speeds:
    """How fast this machine is: seconds to decode and resize a picture, multiply-adds a second by kind or backbone."""

    decode_s: float
    multiply_adds_s: Mapping[str, float]
    stretch: float = 1.0  # By which other work on the machine lengthens everything.
    basis: str = "default"  # default, machine (a small network was timed) or prefix (the run's own frozen layers were).

    def rate(self, spec: BackboneSpec) -> float:
        """Multiply-adds a second in the frozen layers of a backbone."""
        return self.multiply_adds_s.get(spec.name) or self.multiply_adds_s[kind_of(spec)]


def kind_of(spec: BackboneSpec) -> str:
    """Which kind of convolution a backbone spends its time on: dense or separable."""
    return "separable" if spec.builder.startswith(SEPARABLE) else "dense"


def default_speeds(side_px: int, cores: int) -> Speeds:
    """What to assume of a machine that was never measured."""
    scale = cores / REFERENCE_CORES
    return Speeds((1e-4 + 8e-9 * side_px**2) / scale, {"dense": 7e10 * scale, "separable": 5e10 * scale})


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run as far as its time, memory and disk depend on it; counts are of pictures.

    missing: training, validation and test pictures without a stored row; missing_judged: how many of these aren't trained on.
    undecoded: pictures whose pixels are wanted in every epoch and aren't stored yet.
    converted: the frozen layers lie there as an OpenVINO network already.
    views: fixed augmented views that are kept of each training picture; fresh: new ones in every epoch,
    which pass the frozen layers again. from_block: the frozen layers up to this block need not be
    computed, because their activations are stored.
    """

    spec: BackboneSpec
    side_px: int
    depth: int
    pooling: str
    hidden: tuple[int, ...]
    classes: int
    batch: int
    epochs: int
    patience: int | None
    train: int
    val: int
    test: int
    missing: int
    converted: bool
    engine: str = "openvino"
    views: int = 0
    fresh: bool = False
    from_block: int = 0
    undecoded: int = 0
    missing_judged: int = 0
    strategy: str = "frozen"

    @classmethod
    def of(cls, config: RunConfig, spec: BackboneSpec, classes: int, counts: tuple[int, int, int], missing: int, converted: bool, **more: object) -> Plan:
        """From settings and what is known of the pictures; counts of those that are learnt from, with labels or without, validated and tested."""
        head, train, changes, strategy = config.head, config.train, config.augment, config.strategy.name
        depth = len(spec.blocks) if strategy == "scratch" else min(config.freeze.trainable_blocks, len(spec.blocks))
        if changes.enabled:
            more |= {"views": changes.views, "fresh": not changes.views}
        return cls(
            spec, config.backbone.input_size or spec.usual_size, depth, head.pooling, head.hidden, classes,
            train.batch_size, train.epochs, train.early_stopping_patience, *counts, missing, converted, strategy=strategy, **more,  # type: ignore[arg-type]
        )

    @property
    def cut(self) -> int:
        """How many blocks are frozen."""
        return len(self.spec.blocks) - self.depth

    @property
    def kept_pictures(self) -> int:
        """Pictures and views whose activations are kept; new views of every epoch are not."""
        return self.train * (0 if self.fresh else max(1, self.views)) + self.val + self.test

    @property
    def row_bytes(self) -> int:
        """Bytes that one picture's activations at the cut take on disk; 0 where nothing is frozen."""
        return stored_bytes(self.spec, self.side_px, self.depth, self.pooling) if self.cut else 0

    @property
    def judged_row_bytes(self) -> int:
        """The same of a picture that validates or is tested."""
        return stored_bytes(self.spec, self.side_px, self.depth, self.pooling, exact=True) if self.cut else 0

    @property
    def kept_bytes(self) -> int:
        """Bytes of all activations that are kept."""
        judged = self.val + self.test
        return (self.kept_pictures - judged) * self.row_bytes + judged * self.judged_row_bytes

    @property
    def missing_bytes(self) -> int:
        """Bytes of those that are not stored yet."""
        return (self.missing - self.missing_judged) * self.row_bytes + self.missing_judged * self.judged_row_bytes

    @property
    def trained_row_bytes(self) -> int:
        """Bytes of one training picture as the training reads it."""
        return self.row_bytes if self.cut else self.side_px**2 * 3

    @property
    def learning_params(self) -> int:
        return head_params(self.pooling, self.hidden, self.spec, self.side_px, self.classes) + self.spec.params_above(self.depth)

    @property
    def computes(self) -> bool:
        """Whether any picture has to pass the frozen layers."""
        return bool(self.cut) and (self.missing > 0 or self.fresh)


def head_params(pooling: str, hidden: tuple[int, ...], spec: BackboneSpec, side_px: int, classes: int) -> int:
    """Weights and biases of the dense layers on a feature map of an input of `side_px`."""
    positions = spec.map_side(len(spec.blocks) - 1, side_px) ** 2 if pooling == "flatten" else 1
    widths = (spec.feature_dim * positions, *hidden, classes)
    return sum((before + 1) * after for before, after in itertools.pairwise(widths))


def stored_bytes(spec: BackboneSpec, side_px: int, depth: int, pooling: str, exact: bool = False) -> int:
    """Bytes that the activations of one picture take at the cut below the topmost `depth` blocks; `exact`: of one that isn't learnt from."""
    if depth == 0 and pooling != "flatten":
        return spec.feature_dim * POOLED_BYTES
    block = len(spec.blocks) - depth - 1
    return spec.map_side(block, side_px) ** 2 * spec.block_maps[block][1] * (NUMBER_BYTES if exact else MAP_BYTES)


# Component → its phase; seconds of a phase are the sum over its components.
PHASE_OF = {
    "start": "start", "prepare": "prepare", "decode": "features", "convert": "features", "read": "features", "compute": "features",
    "trace": "train", "learn": "train", "evaluate": "evaluate", "export": "export",
}
PHASES = tuple(dict.fromkeys(PHASE_OF.values()))


def components(plan: Plan, speeds: Speeds, start_s: float = 0.0, epochs: float | None = None) -> dict[str, float]:
    """Seconds of each part of a run by formula; `epochs` as far as it will go, by default to the last."""
    layers_below, layers_above = (plan.spec.costs(*blocks, plan.side_px)[2] for blocks in ((0, plan.cut), (plan.cut, len(plan.spec.blocks))))
    computes, converts = plan.computes, plan.computes and not plan.converted
    alone = {
        "start": start_s,
        "prepare": PREPARE_S + PREPARE_PICTURE_S * (plan.train + plan.val + plan.test),
        "decode": plan.undecoded * (speeds.decode_s + plan.side_px**2 * 3 / WRITE_BYTES_S),
        "convert": (CONVERT_LAYER_S if converts else COMPILE_LAYER_S) * layers_below if computes else 0.0,
        "read": max(0, plan.kept_bytes - plan.missing_bytes) / READ_BYTES_S,
        "compute": plan.missing * picture_s(plan, speeds) if computes else 0.0,
        "trace": TRACE_S + TRACE_LAYER_S * layers_above + (BUILD_LAYER_S * layers_below if plan.depth and not converts else 0.0),
        "learn": learning_s(plan, speeds, plan.epochs if epochs is None else epochs),
        "evaluate": EVALUATE_S + (plan.val + plan.test) * _answer_s(plan, speeds),
        "export": EXPORT_S + (CONVERT_LAYER_S * layers_above if plan.depth else 0.0) + plan.spec.params * NUMBER_BYTES / WRITE_BYTES_S,
    }
    return {name: speeds.stretch * seconds for name, seconds in alone.items()}


def picture_s(plan: Plan, speeds: Speeds) -> float:
    """Seconds to decode a picture and take it through the frozen layers: both use all cores, so they add up."""
    multiply_adds = plan.spec.costs(plan.from_block, plan.cut, plan.side_px)[0]
    decode_s = 0.0 if plan.from_block else speeds.decode_s + (changing_s(plan) if plan.views else 0.0)
    return decode_s + multiply_adds / speeds.rate(plan.spec)


def changing_s(plan: Plan) -> float:
    """Seconds to augment a picture."""
    return AUGMENT_PIXEL_S * plan.side_px**2


def _answer_s(plan: Plan, speeds: Speeds) -> float:
    """Seconds to take a picture's activations through what learns, forwards."""
    tail = plan.spec.costs(plan.cut, len(plan.spec.blocks), plan.side_px)[0]
    head = head_params(plan.pooling, plan.hidden, plan.spec, plan.side_px, plan.classes)
    return (tail + head) / (TRAINING_SHARE * speeds.rate(plan.spec))


def learning_s(plan: Plan, speeds: Speeds, epochs: float) -> float:
    """Seconds of so many epochs: forwards, twice as much backwards, validation, and a checkpoint each."""
    answer_s = _answer_s(plan, speeds)
    held = plan.train * plan.trained_row_bytes <= HELD_BYTES
    train_s = plan.train * (3 * answer_s + (0.0 if held else plan.trained_row_bytes / READ_BYTES_S))
    frozen_s = plan.spec.costs(0, plan.cut, plan.side_px)[0] / speeds.rate(plan.spec)
    changed_s = plan.train * changing_s(plan) if plan.fresh or (plan.views and not plan.cut) else 0.0
    fresh_s = changed_s + (plan.train * frozen_s if plan.fresh else 0.0)
    steps_s = -(-plan.train // plan.batch) * STEP_S
    checkpoint_s = 4 * plan.learning_params * NUMBER_BYTES / WRITE_BYTES_S  # Weights, two moments, and the best weights.
    return epochs * (EPOCH_S + train_s + fresh_s + steps_s + plan.val * answer_s + checkpoint_s)

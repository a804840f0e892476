"""What a run is: settings with ranges, as JSON or YAML, and their hash."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tlcore.backbones import BACKBONES
from tlcore.errors import InputError
from tlcore.settings import Settings, no_bool
from tlcore.strategies import (
    STRATEGIES,
    Adaptation,
    AnyStrategy,
    Frozen,
    LearnsBlocks,
    LinearProbeThenFineTune,
)

Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class SplitConfig(Settings):
    """How a dataset is divided; an official test or validation folder replaces the fraction."""

    train_fraction: Fraction = Field(1.0, description="Share of the training pictures that is used. Higher: better, slower.")
    val_fraction: float = Field(0.1, gt=0, le=0.5, description="Share kept for choosing the best epoch. Higher: steadier choice, less to learn from.")
    test_fraction: float = Field(0.2, gt=0, le=0.5, description="Share kept for the final figures, where the dataset has no test folder of its own.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed gives another division; runs compare only on equal test pictures.")

    @model_validator(mode="after")
    def _something_is_left(self) -> SplitConfig:
        if self.val_fraction + self.test_fraction > 0.8:
            raise ValueError("val_fraction and test_fraction together must leave 0.2 or more for training")
        return self


class BackboneConfig(Settings):
    """Which pretrained network, with which weights, at which input size."""

    name: str = Field("ResNet20", description="Architecture; `python -m tlcore backbones` lists them.")
    weights: Literal["bundled", "imagenet", "none", "set", "run"] = Field("bundled", description="bundled: ships with this project; imagenet: downloaded once by Keras; none: random; set: from a file, see weight_set; run: what a finished run has learnt.")
    weight_set: str | None = Field(None, max_length=200, validate_default=True, description="With weights: set: id or name of a weight set; `python -m tlcore weights` lists and adds them.")
    run: int | None = Field(None, ge=1, validate_default=True, description="With weights: run: number of a finished run with this architecture, whose blocks go on from what they have learnt.")
    input_size: int | None = Field(None, ge=16, le=1024, description="Side in pixels. Higher: more detail, and time grows with its square. Empty: the usual size.")

    @field_validator("weight_set", "run")
    @classmethod
    def _where_from(cls, value: Any, info: ValidationInfo) -> Any:
        """Each belongs to one kind of weights, which can't be without it."""
        kind = "run" if info.field_name == "run" else "set"
        weights = info.data.get("weights", kind if value else None)  # Absent where it is wrong itself.
        if weights == kind and not value:
            raise ValueError(f"weights '{kind}' need it: " + ("give the number of a finished run" if kind == "run" else "name a weight set"))
        if weights != kind and value is not None:
            raise ValueError(f"it goes with backbone.weights '{kind}'; leave it out, or set these")
        return value


class FreezeConfig(Settings):
    """How much of the backbone stays fixed."""

    trainable_blocks: int = Field(0, ge=0, le=200, description="Blocks, counted from the top, that learn. Higher: adapts more, slower, needs more pictures.")


class SourceConfig(Settings):
    """Another domain with the same classes, whose labels are known."""

    dataset: str | None = Field(None, max_length=200, description="Dataset of the source. Empty: there is none. The same as the target's: it is divided at random.")


class TargetConfig(Settings):
    """The domain on which the network shall work: the run's dataset."""

    fraction: float = Field(0.4, gt=0, lt=1, description="Where source and target are one dataset: share of the pictures that becomes the target; the source gets the others.")
    label_fraction: Fraction = Field(1.0, description="Share of the target's training and validation pictures whose labels may be used. The others are used without, where the strategy can.")
    balanced: bool = Field(True, description="As many labelled pictures of each class, as far as it has them; otherwise the same share of each.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed labels other pictures, and divides one dataset otherwise.")


class HeadConfig(Settings):
    """The new classifier on top of the backbone."""

    pooling: Literal["avg", "max", "flatten"] = Field("avg", description="How the last feature map becomes a vector. flatten keeps positions, which shapes such as digits need, and is larger.")
    hidden: tuple[Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=8192)], ...] = Field((), max_length=4, description="Units of the layers between backbone and classes. More: more capacity, more overfitting.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of inputs dropped while training. Higher: less overfitting, slower learning.")


class OptimizerConfig(Settings):
    """How the weights follow the gradient."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = Field("adam", description="Adam suits most heads; SGD has Nesterov momentum 0.9.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Step size. Higher: faster, until it becomes unstable.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Pull of the weights towards zero. Higher: simpler models.")
    schedule: Literal["constant", "cosine"] = Field("constant", description="cosine: the step size falls to zero over the epochs, fast in the middle; constant: it stays.")
    warmup_epochs: float = Field(0.0, ge=0, le=1000, description="Epochs in which the step size grows from zero. Helps when layers that know something learn.")
    clip_norm: float | None = Field(None, gt=0, le=1e6, description="Gradients longer than this, all weights of one rate together, are shortened to it. Keeps adversarial training and high rates stable; 1 is usual. Empty: never.")


class LossConfig(Settings):
    """What a wrong answer costs: for classes of unequal size, and labels that can't all be trusted."""

    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: a picture of a rare class counts more, so that every class counts alike.")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of the label that is spread over all classes. Higher: less sure of itself, less hurt by wrong labels.")
    mixup: float = Field(0.0, ge=0, le=10, description="Pictures are blended in pairs with their labels; alpha of the Beta distribution. 0: not. 0.2 is usual. With stored activations these are blended.")


class AugmentConfig(Settings):
    """Random changes of the training pictures; with all strengths at 0, as at first, none are made."""

    horizontal_flip: bool = Field(False, description="Mirror every second picture. Not where left and right matter, as in digits and letters.")
    rotation_deg: float = Field(0.0, ge=0, le=180, description="Turn by up to this angle to either side. Higher: more poses, and a 6 may become a 9.")
    zoom: float = Field(0.0, ge=0, le=1, description="Enlarge or shrink by up to this share; 0.2: up to 1.2 times as large, or as small.")
    shift: float = Field(0.0, ge=0, le=0.5, description="Move by up to this share of the side, across and down.")
    brightness: float = Field(0.0, ge=0, le=1, description="Brighter or darker by up to this share.")
    contrast: float = Field(0.0, ge=0, le=1, description="Contrast raised or lowered by up to this share.")
    saturation: float = Field(0.0, ge=0, le=1, description="Colours stronger or paler by up to this share. Grey pictures stay as they are.")
    invert: float = Field(0.0, ge=0, le=1, description="Share of pictures in which light and dark are swapped, as in a negative; 0.5 makes either as likely. For drawings and digits, not for photographs.")
    erase: float = Field(0.0, ge=0, le=1, description="Share of pictures in which a random rectangle becomes noise, so that no single part is relied on.")
    views: int = Field(4, ge=0, le=64, description="Changed versions of each picture, taken in turn over the epochs; the frozen layers see each once. 0: new changes every epoch, much slower.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed gives other changes; runs with equal ones share the stored activations.")

    @property
    def enabled(self) -> bool:
        """Whether any picture is changed."""
        return any(value for name, value in self if name not in ("views", "seed"))


class TrainConfig(Settings):
    """How long and in which portions."""

    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the training pictures at most; early stopping may end sooner.")
    batch_size: int = Field(128, ge=1, le=8192, description="Pictures a step. Higher: steadier and faster steps, fewer of them.")
    sampling: Literal["shuffled", "balanced"] = Field("shuffled", description="balanced: every class is drawn equally often in an epoch; pictures of rare ones repeat.")
    monitor: Literal["val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_auc"] = Field("val_loss", description="Figure on the validation pictures that chooses the best epoch and decides when to stop.")
    early_stopping_patience: int | None = Field(3, ge=1, le=1000, description="Epochs without a better monitored figure before stopping. Empty: never.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Start weights and order. Repeat with others to see how much is chance.")
    devices: int = Field(1, ge=1, le=16, description="Graphics cards that one run uses together; it waits until that many are free. With 1, every card has a run of its own.")


class RunConfig(Settings):
    """One run, whole: what to learn from, with what, and how."""

    name: str = Field("", max_length=120, description="Shown in lists; empty: made from the settings.")
    dataset: str = Field(min_length=1, max_length=200, description="Name of a dataset in this workspace: what the network is tested on.")
    source: SourceConfig = SourceConfig()
    target: TargetConfig = TargetConfig()
    classes: tuple[str, ...] | None = Field(None, description="Target classes, two or more; empty: all.")
    split: SplitConfig = SplitConfig()
    backbone: BackboneConfig = BackboneConfig()
    freeze: FreezeConfig = FreezeConfig()
    strategy: AnyStrategy = Frozen()
    head: HeadConfig = HeadConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    train: TrainConfig = TrainConfig()

    @field_validator("classes", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        """Digits are classes too, and YAML reads [1, 7] as numbers."""
        if not isinstance(value, list | tuple):
            return value
        return [str(name) if isinstance(name, int) and not isinstance(name, bool) else name for name in value]

    @field_validator("classes")
    @classmethod
    def _two_distinct_classes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and len(set(value)) < 2:
            raise ValueError("name two or more different classes, or leave it out for all")
        return value

    @model_validator(mode="before")
    @classmethod
    def _from_scratch_is_all_of_it(cls, document: Any) -> Any:
        """Training from scratch starts every block from random weights, whatever the form beside it says."""
        if not isinstance(document, Mapping) or not _is_scratch(document.get("strategy")):
            return document
        backbone, freeze = (dict(part) if isinstance(part := document.get(key, {}), Mapping) else part for key in ("backbone", "freeze"))
        known = BACKBONES.get(str(backbone.get("name", BackboneConfig().name))) if isinstance(backbone, dict) else None
        if known is None or not isinstance(freeze, dict):
            return document  # The message about these comes first.
        return {**document, "backbone": {**backbone, "weights": "none", "weight_set": None, "run": None}, "freeze": {**freeze, "trainable_blocks": len(known.blocks)}}

    @model_validator(mode="after")
    def _strategy_has_what_it_needs(self) -> RunConfig:
        way, blocks = self.strategy, self.freeze.trainable_blocks
        if way.needs_source and self.source.dataset is None:
            raise ValueError(f"strategy '{way.name}' needs a source: set source.dataset, to the same dataset to have it divided")
        if isinstance(way, Adaptation):
            if not blocks and not self.head.hidden:
                raise ValueError(f"strategy '{way.name}' needs features that can change: set freeze.trainable_blocks to 1 or more, or head.hidden to [256]")
        elif isinstance(way, LearnsBlocks) and not blocks:
            raise ValueError(f"strategy '{way.name}' needs blocks that learn: set freeze.trainable_blocks to 1 or more")
        if isinstance(way, LinearProbeThenFineTune) and way.head_epochs >= self.train.epochs:
            raise ValueError(f"strategy.head_epochs {way.head_epochs} leave no epoch for fine-tuning: set train.epochs to {way.head_epochs + 1} or more")
        return self

    @property
    def title(self) -> str:
        """The name, or one made from dataset, backbone, depth and strategy."""
        depth, way = self.freeze.trainable_blocks, self.strategy.name
        parts = [self.dataset, self.backbone.name, f"{depth} block{'s' if depth > 1 else ''}" if depth else "", way if way != "frozen" else ""]
        return self.name or " · ".join(part for part in parts if part)

    def hash(self) -> str:
        """SHA-256 of all settings but the name: equal configurations, equal hash."""
        content = self.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)  # A setting that a later version adds changes no hash.
        content["strategy"] = {**content.get("strategy", {}), "name": self.strategy.name}  # Each kind has its own for a default.
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _is_scratch(strategy: Any) -> bool:
    return (strategy.get("name") if isinstance(strategy, Mapping) else getattr(strategy, "name", None)) == "scratch"


DEMO = {
    "name": "Demonstration: handwritten digits",
    "dataset": "digits",
    "backbone": {"name": "ResNet20", "weights": "bundled"},
    "head": {"pooling": "flatten"},  # Digits differ by where their strokes are; an average forgets that.
    "train": {"epochs": 30, "batch_size": 64, "early_stopping_patience": 5},
    "optimizer": {"learning_rate": 0.001},
}


def parse(document: Mapping[str, Any], where: str = "configuration") -> RunConfig:
    """Validate a mapping. Raises InputError naming every wrong key, its value and the range."""
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{where}: " + "; ".join(explain(e) for e in error.errors()[:5]) + ".") from None


class _Loader(yaml.SafeLoader):
    """Without dates: a name such as 2024-01-01 stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_value(text: str) -> Any:
    """One YAML value, as in `--set train.epochs=5`. Raises yaml.YAMLError."""
    return yaml.load(text, _Loader)


def load_yaml(text: str, where: str = "configuration") -> dict[str, Any]:
    """Read a YAML (or JSON) mapping. Raises InputError naming the line."""
    try:
        document = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{where}: not valid YAML{line}. Compare it with the example in the README.") from None
    if not isinstance(document, dict):
        raise InputError(f"{where}: a mapping of settings is needed, as in the README's example.")
    return document


def read_config(path: Path, changes: Mapping[str, Any] | None = None) -> RunConfig:
    """Read a run from a YAML file and apply dotted changes such as `{"train.epochs": 5}`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error.__class__.__name__}). Give the path of a YAML file.") from None
    return parse(with_changes(load_yaml(text, str(path)), changes or {}), str(path))


def with_changes(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `document` with dotted keys set."""
    result = copy.deepcopy(dict(document))
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        at = result
        for parent in parents:
            at = at.setdefault(parent, {})
            if not isinstance(at, dict):
                raise InputError(f"--set {dotted}: '{parent}' is no group of settings.")
        at[last] = value
    return result


def explain(error: Mapping[str, Any]) -> str:
    """One of pydantic's complaints about settings, in words that name the key, the value and what it may be."""
    loc = [str(part) for part in error["loc"]]
    if loc[:1] == ["strategy"] and loc[1:2] and loc[1] in STRATEGIES:
        del loc[1]  # pydantic names the kind too.
    key = ".".join(loc) or "settings"
    if error["type"] == "extra_forbidden":
        return f"'{key}' is not a setting of this version (check the spelling)"
    if error["type"] == "missing":
        return f"'{key}' is missing"
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not loc:  # About several settings together: the sentence names them.
        return message
    if error["type"] == "value_error" and isinstance(error["input"], Mapping):  # It tells what is wrong inside; all of it would be no help.
        return f"'{key}': {message}"
    return f"'{key}' can't be {str(error['input'])[:60]!r}: {message}"

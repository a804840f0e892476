"""What a study may search, and how: one axis a setting, fixed, listed or ranged."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from tlcore.augment import PRESETS
from tlcore.backbones import BACKBONES, ELSEWHERE, spec
from tlcore.config import RunConfig, explain, with_changes
from tlcore.errors import InputError
from tlcore.settings import Settings

AUGMENT = "augment"  # Its values are names of sets of changes, not settings of their own.


class Fixed(Settings):
    """One value for all trials, instead of the base's."""

    value: Any

    @property
    def values(self) -> tuple[Any, ...]:
        return (self.value,)


class Listed(Settings):
    """One of these values."""

    values: tuple[Any, ...] = Field(min_length=1, max_length=1000)

    @field_validator("values", mode="before")
    @classmethod
    def _as_json(cls, values: Any) -> Any:
        return [list(value) if isinstance(value, tuple) else value for value in values] if isinstance(values, list | tuple) else values

    @model_validator(mode="after")
    def _each_once(self) -> Listed:
        if any(value in self.values[:at] for at, value in enumerate(self.values)):
            raise ValueError("a value is listed twice")
        return self


class Ranged(Settings):
    """Any number from low to high, both included; with a step, only every so many from low on."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _is_a_range(self) -> Ranged:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, and {self.low:g} is not below {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError("a range by the logarithm must begin above 0")
        if self.log and self.step is not None:
            raise ValueError("give a step or log, not both")
        return self


def _kind(axis: Any) -> str:
    """Which axis is meant, by the keys that are there."""
    if isinstance(axis, Mapping):
        return "ranged" if "low" in axis or "high" in axis else "listed" if "values" in axis else "fixed"
    return type(axis).__name__.lower()


Axis = Annotated[
    Annotated[Fixed, Tag("fixed")] | Annotated[Listed, Tag("listed")] | Annotated[Ranged, Tag("ranged")], Discriminator(_kind)
]
AnyAxis = Fixed | Listed | Ranged


@dataclasses.dataclass(frozen=True)
class Searchable:
    """A setting that a study may search."""

    label: str
    kind: Literal["number", "whole", "choice"]
    default: AnyAxis  # What a form offers at first.


SEARCHABLE: dict[str, Searchable] = {
    "backbone.name": Searchable("Backbone", "choice", Listed(values=("MobileNet", "MobileNetV2"))),
    "freeze.trainable_blocks": Searchable("Trainable blocks", "whole", Ranged(low=0, high=3, step=1)),
    "head.hidden": Searchable("Hidden layers of the head", "choice", Listed(values=((), (128,), (256,)))),
    "head.dropout": Searchable("Dropout", "number", Ranged(low=0.0, high=0.6)),
    "head.pooling": Searchable("Pooling", "choice", Listed(values=("avg", "max"))),
    "optimizer.name": Searchable("Optimiser", "choice", Listed(values=("adam", "adamw", "sgd"))),
    "optimizer.learning_rate": Searchable("Learning rate", "number", Ranged(low=1e-4, high=1e-2, log=True)),
    "optimizer.weight_decay": Searchable("Weight decay", "number", Ranged(low=1e-6, high=1e-2, log=True)),
    "train.batch_size": Searchable("Batch size", "whole", Listed(values=(32, 64, 128, 256))),
    "loss.label_smoothing": Searchable("Label smoothing", "number", Ranged(low=0.0, high=0.2)),
    AUGMENT: Searchable("Augmentation", "choice", Listed(values=("none", "light", "strong"))),
}


def read_axis(setting: str, axis: AnyAxis, base: RunConfig) -> AnyAxis:
    """The axis with its values as the setting takes them, as JSON.

    Raises: InputError, naming the setting, where it can't be searched or a value is none that it can have.
    """
    known = SEARCHABLE.get(setting)
    if known is None:
        raise InputError(f"space: '{setting}' can't be searched. Choose among: {', '.join(SEARCHABLE)}.")
    if not isinstance(axis, Ranged):
        values = [read_value(setting, value, base) for value in axis.values]
        return Fixed(value=values[0]) if isinstance(axis, Fixed) else Listed(values=tuple(values))
    if known.kind == "choice":
        raise InputError(f"space: '{setting}' has no range. List its values instead, as `values: [...]`.")
    if known.kind == "whole" and any(number % 1 for number in (axis.low, axis.high, axis.step or 1.0)):
        raise InputError(f"space: '{setting}' is a whole number, so low, high and step must be whole too.")
    for end in (axis.low, axis.high):
        read_value(setting, as_taken(setting, end), base)
    return axis


def read_value(setting: str, value: Any, base: RunConfig) -> Any:
    """The value as the setting takes it, as JSON. Raises InputError where it can't have it, whatever the others are."""
    if setting == "backbone.name":
        return spec(value).name
    if setting == AUGMENT:
        if value not in PRESETS:
            raise InputError(f"space: '{AUGMENT}' can't be {str(value)[:60]!r}. Choose among: {', '.join(PRESETS)}.")
        return value
    group, _, name = setting.partition(".")
    try:
        return type(getattr(base, group)).model_validate({name: value}).model_dump(mode="json")[name]
    except ValidationError as error:
        said = explain({**error.errors()[0], "loc": (group, name)})
        raise InputError(f"space: {said}.") from None


def as_taken(setting: str, number: float) -> float | int:
    """A number as the setting takes it: without a point where it is a whole one."""
    return int(number) if SEARCHABLE[setting].kind == "whole" else float(number)


def with_values(base: RunConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """The base's settings as a document with these values set.

    A backbone for which the base's weights don't exist begins with the first that do; augmentation keeps the
    base's number of views and its seed.
    """
    document = with_changes(base.model_dump(mode="json"), {setting: value for setting, value in values.items() if setting != AUGMENT})
    if AUGMENT in values:
        preset = PRESETS[values[AUGMENT]].model_dump(mode="json")
        document["augment"] = {**preset, "views": base.augment.views, "seed": base.augment.seed}
    if "backbone.name" in values:
        _fit_weights(document["backbone"], base)
    return document


def _fit_weights(backbone: dict[str, Any], base: RunConfig) -> None:
    known = BACKBONES.get(backbone["name"])
    of_another = backbone["weights"] in ELSEWHERE and backbone["name"] != base.backbone.name
    if known is not None and (of_another or backbone["weights"] not in known.choices):
        backbone.update(weights=known.weights[0], weight_set=None, run=None)

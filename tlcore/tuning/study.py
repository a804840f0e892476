"""What a study is: settings to begin with, what of them is searched, how, to what end and how long; as JSON or YAML."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from tlcore import config, jobs
from tlcore.augment import PRESETS
from tlcore.config import AugmentConfig, RunConfig, explain, load_yaml, with_changes
from tlcore.errors import InputError
from tlcore.settings import Settings
from tlcore.store import Store
from tlcore.tuning.axes import (
    AUGMENT,
    SEARCHABLE,
    AnyAxis,
    Axis,
    Fixed,
    Ranged,
    as_taken,
    read_axis,
    with_values,
)

Metric = Literal["val_accuracy", "val_loss", "val_balanced_accuracy", "val_macro_f1", "val_auc"]
METRICS: dict[Metric, str] = {
    "val_accuracy": "validation accuracy", "val_loss": "validation loss", "val_balanced_accuracy": "balanced validation accuracy",
    "val_macro_f1": "validation macro F1", "val_auc": "validation AUC",
}
SAMPLERS = {"tpe": "TPE", "random": "random", "grid": "grid"}
PRUNERS = {"none": "none", "median": "median", "halving": "successive halving"}
MOST_TRIALS, MOST_SEEDS = 10_000, 20


class Goal(Settings):
    """What the best trial has the most or the least of."""

    metric: Metric = Field("val_accuracy", description="Figure on the validation pictures, at each trial's best epoch.")
    seconds: bool = Field(False, description="Weigh the figure against the seconds that a trial takes: the study looks for the best at every price.")

    @property
    def lower(self) -> bool:
        """Whether less is better."""
        return self.metric == "val_loss"

    def better(self, score: float, than: float) -> bool:
        return score < than if self.lower else score > than


class Budget(Settings):
    """When a study has tried enough; whichever comes first."""

    trials: int | None = Field(None, ge=1, le=MOST_TRIALS, description="Settings to try. Empty: as many as the minutes allow.")
    minutes: float | None = Field(None, gt=0, le=525_600, description="Minutes in which new settings are tried; the trial at work is ended properly, then finalists are repeated and the winner is tested. Empty: as long as it takes.")

    @model_validator(mode="after")
    def _has_an_end(self) -> Budget:
        if self.trials is None and self.minutes is None:
            raise ValueError("a study needs an end: set budget.trials, budget.minutes or both")
        return self


class Study(Settings):
    """One study, whole."""

    name: str = Field("", max_length=120, description="Shown in lists; empty: made from the settings.")
    base: RunConfig = Field(description="Settings of every trial, but for those that are searched.")
    space: dict[str, Axis] = Field(min_length=1, description="What is searched: settings by their dotted names.")
    sampler: Literal["tpe", "random", "grid"] = Field("tpe", description="tpe: learns from the trials before where it pays to look; random: anywhere; grid: every combination, in order.")
    pruner: Literal["none", "median", "halving"] = Field("median", description="Ends hopeless trials early. median: worse than half of the others at the same epoch; halving: not among the best third at epochs 3, 9, 27 and so on.")
    goal: Goal = Goal()
    budget: Budget = Budget(trials=30)
    seeds: int = Field(1, ge=1, le=MOST_SEEDS, description="Runs of each finalist, each with another seed. Higher: less luck in the choice of the winner, and longer.")
    finalists: int | None = Field(3, ge=1, le=1000, description="How many of the best settings are repeated with further seeds. Empty: all.")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed searches along another path.")

    @property
    def title(self) -> str:
        """The name, or one made from the base and what is searched."""
        return self.name or f"{self.base.dataset} · {', '.join(SEARCHABLE[key].label.lower() for key in self.space)}"

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    @property
    def settings_to_try(self) -> int | None:
        """How many settings are tried at most; None where only the minutes end it."""
        try:
            return min(grid_size(self), self.budget.trials or MOST_TRIALS)
        except InputError:  # More than can be counted.
            return self.budget.trials


def parse_study(document: Mapping[str, Any], where: str = "study") -> Study:
    """Validate a mapping. Raises InputError naming the wrong keys."""
    if not isinstance(document.get("base"), Mapping):
        raise InputError(f"{where}: 'base' is missing: the settings of a run, as `python -m tlcore train` takes them.")
    base = config.parse(document["base"], f"{where}: base")
    try:
        study = Study.model_validate({**document, "base": base})
    except ValidationError as error:
        raise InputError(f"{where}: " + "; ".join(map(_explained, error.errors()[:5])) + ".") from None
    try:
        study = study.model_copy(update={"space": {key: read_axis(key, axis, base) for key, axis in study.space.items()}})
        if study.sampler == "grid":
            grid_size(study)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return study


def _explained(error: Any) -> str:
    """pydantic names the kind of an axis too, which nobody wrote."""
    loc = error["loc"]
    if loc == ("space",) and error["type"] == "too_short":
        return f"'space': nothing is searched. Choose one setting or more among: {', '.join(SEARCHABLE)}"
    return explain({**error, "loc": (*loc[:2], *loc[3:]) if loc[:1] == ("space",) else loc})


def read_study(path: Path, changes: Mapping[str, Any] | None = None) -> Study:
    """Read a study from a YAML file and apply dotted changes.

    changes: such as `{"budget.trials": 5, "base.train.epochs": 3, "space.head.dropout.high": 0.4}`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error.__class__.__name__}). Give the path of a YAML file.") from None
    of_axes = {key.removeprefix("space."): value for key, value in (changes or {}).items() if key.startswith("space.")}
    document = with_changes(load_yaml(text, str(path)), {key: value for key, value in (changes or {}).items() if not key.startswith("space.")})
    if of_axes:
        document["space"] = _with_axes(document.get("space"), of_axes)
    return parse_study(document, str(path))


def _with_axes(space: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Axes are called by dotted names themselves: `head.dropout` is one, `head.dropout.high` a part of it."""
    found = copy.deepcopy(dict(space)) if isinstance(space, Mapping) else {}
    for key, value in changes.items():
        setting = next((name for name in SEARCHABLE if key.startswith(f"{name}.")), None)
        if setting is None:
            found[key] = value
        else:
            axis = found.get(setting)
            found[setting] = {**(axis if isinstance(axis, Mapping) else {}), key.removeprefix(f"{setting}."): value}
    return found


def config_of(study: Study, values: Mapping[str, Any], seed: int, name: str = "") -> RunConfig:
    """The run that tries these values. Raises InputError where they don't go together: nothing is bent until it fits."""
    document = with_values(study.base, values)
    document["train"] = {**document["train"], "seed": seed}
    return config.parse({**document, "name": name or study.base.name}, "settings")


def check(study: Study, store: Store) -> None:
    """Raise InputError or NotFoundError where no trial could be run: the base must be a run that fits its dataset."""
    record = store.dataset(study.base.dataset)
    jobs.source_record(store, study.base)
    first = next(grid(study), None) if study.sampler == "grid" else None
    jobs.check_run(config_of(study, first, study.base.train.seed) if first else study.base, record, store)


def grid_count(setting: str, axis: AnyAxis) -> int:
    """How many values one axis has in a grid. Raises InputError for a range without a step."""
    if not isinstance(axis, Ranged):
        return len(axis.values)
    step = axis.step or (1.0 if SEARCHABLE[setting].kind == "whole" else None)
    if step is None:
        raise InputError(f"space: '{setting}' has too many values for a grid. Give it a step, list its values, or take another sampler.")
    return math.floor((axis.high - axis.low) / step + 1e-9) + 1


def combinations(study: Study) -> int:
    """How many combinations of its values a study has. Raises InputError where that is no number."""
    return math.prod(grid_count(setting, axis) for setting, axis in study.space.items())


def grid_size(study: Study) -> int:
    """How many combinations the grid has. Raises InputError where that is too many, or no number."""
    size = combinations(study)
    if size > MOST_TRIALS and study.budget.trials is None:
        raise InputError(f"space: {size:,} combinations are too many; {MOST_TRIALS:,} are the most. Set budget.trials, or list fewer values.")
    return size


def grid(study: Study) -> Iterator[dict[str, Any]]:
    """Every combination, the last axis changing fastest; made one by one, since a small step makes more than memory holds."""
    size = combinations(study)
    return (grid_at(study, place) for place in itertools.takewhile(lambda place: place < size, itertools.count()))


def grid_at(study: Study, place: int) -> dict[str, Any]:
    """The combination at this place of the grid, from 0."""
    found = {}
    for setting, axis in reversed(study.space.items()):
        place, at = divmod(place, grid_count(setting, axis))
        found[setting] = _grid_value(setting, axis, at)
    return {setting: found[setting] for setting in study.space}


def _grid_value(setting: str, axis: AnyAxis, at: int) -> Any:
    return as_taken(setting, round(axis.low + at * (axis.step or 1.0), 12)) if isinstance(axis, Ranged) else axis.values[at]


def base_values(study: Study) -> dict[str, Any] | None:
    """The base's own values of what is searched; None where one of them isn't among those that may be tried."""
    found = {setting: axis.value if isinstance(axis, Fixed) else _of_base(setting, study.base) for setting, axis in study.space.items()}
    return found if all(_holds(setting, study.space[setting], value) for setting, value in found.items()) else None


def _of_base(setting: str, base: RunConfig) -> Any:
    """As JSON; None for augmentation that is none of the sets."""
    if setting == AUGMENT:
        own = base.augment.model_copy(update={"views": AugmentConfig().views, "seed": 0})
        return next((name for name, preset in PRESETS.items() if preset == own), None)
    group, _, name = setting.partition(".")
    return getattr(base, group).model_dump(mode="json")[name]


def _holds(setting: str, axis: Axis, value: Any) -> bool:
    if not isinstance(axis, Ranged):
        return value in axis.values
    step = axis.step or (1.0 if SEARCHABLE[setting].kind == "whole" else None)
    on_step = step is None or axis.log or math.isclose((value - axis.low) / step, round((value - axis.low) / step), abs_tol=1e-9)
    return axis.low <= value <= axis.high and on_step

"""What a study will take: how many runs, and how long, from the forecasts of runs such as its trials will be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tlcore.errors import TLError
from tlcore.forecast.rates import Band, added
from tlcore.store import Store
from tlcore.tuning.axes import AnyAxis, Ranged, as_taken
from tlcore.tuning.study import Study, config_of

WEIGHTY = ("backbone.name", "freeze.trainable_blocks")  # What time hangs on; head, rate and the like hardly change it.
MOST_LOOKED_AT = 6  # Forecasts, each of which looks at the cache.


class Runs(NamedTuple):
    """How many runs a study starts at most; None where only its minutes limit them."""

    trials: int | None
    repeats: int | None
    winner: int = 1

    @property
    def all(self) -> int | None:
        return None if self.trials is None or self.repeats is None else self.trials + self.repeats + self.winner


def runs(study: Study) -> Runs:
    """How many there are of each kind, at most: trials, repeats of finalists with other seeds, the winner's test."""
    trials = study.settings_to_try
    if study.seeds == 1:
        return Runs(trials, 0)
    finalists = min((limit for limit in (study.finalists, trials) if limit is not None), default=None)
    return Runs(trials, None if finalists is None else finalists * (study.seeds - 1))


def expected(store: Store, study: Study) -> Band | None:
    """Seconds of the whole study, one run after the other; None where nothing limits the trials, or no forecast can be made.

    The process starts once, and what frozen layers make of a picture is computed once for all trials that share them.
    """
    from tlcore.forecast.outlook import outlook_of  # Read when needed only: Arrow takes its time.

    number, found = runs(study).all, []
    for values in _kinds(study):
        try:
            found.append(outlook_of(store, config_of(study, values, study.base.train.seed)))
        except TLError:
            continue  # A combination that can't be: such a trial fails, and the study goes on.
    if number is None or not found:
        return None
    start = max((outlook.phases["start"] for outlook in found), key=lambda band: band.likely)
    features = [band for outlook in found if (band := outlook.phases.get("features"))]
    shares = [_times(number / len(found), added(band for phase, band in outlook.phases.items() if phase not in ("start", "features"))) for outlook in found]
    return added([start, *features, *shares])


def _times(number: float, band: Band) -> Band:
    return Band(number * band.low, number * band.likely, number * band.high)


def _kinds(study: Study) -> list[dict[str, Any]]:
    """Settings of runs that take different times, the others in the middle of their ranges; a few, spread evenly."""
    every = {setting: _some(setting, axis) for setting, axis in study.space.items()}
    middle = {setting: values[len(values) // 2] for setting, values in every.items()}
    weighty = {setting: every[setting] for setting in WEIGHTY if setting in every}
    kinds = [dict(zip(weighty, values, strict=True)) for values in itertools.product(*weighty.values())]
    step = max(1, math.ceil(len(kinds) / MOST_LOOKED_AT))
    return [{**middle, **chosen} for chosen in kinds[::step]]


def _some(setting: str, axis: AnyAxis) -> Sequence[Any]:
    """Values of an axis: all of a list, both ends and the middle of a range."""
    if not isinstance(axis, Ranged):
        return axis.values
    middle = math.sqrt(axis.low * axis.high) if axis.log else (axis.low + axis.high) / 2
    return list(dict.fromkeys(as_taken(setting, number) for number in (axis.low, middle, axis.high)))

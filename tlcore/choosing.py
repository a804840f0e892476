"""Which epoch of a run is its best one: by the figure that it monitors, from the first epoch that may be chosen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

from tlcore.config import TrainConfig
from tlcore.strategies import STRATEGIES, Frozen


def better(figures: Mapping[str, float], best: Mapping[str, float], monitor: str) -> bool:
    """Whether an epoch's monitored figure is better than the best so far; of losses the lower one is. One that is no number never is."""
    new, old = figures[monitor], best[monitor]
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new < old if monitor == "val_loss" else new > old


@dataclasses.dataclass(frozen=True)
class Choice:
    """How a run chooses its best epoch."""

    monitor: str  # The figure of an epoch.
    selects_from: int = 1  # Before this epoch the latest counts as the best.

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Choice:
        """By a run's settings as they are stored, which an earlier version may have written; nothing is validated."""
        train, way = config.get("train", {}), config.get("strategy", {}).get("name")
        usual = TrainConfig()
        kind = STRATEGIES.get(way, Frozen)
        return cls(train.get("monitor", usual.monitor), kind.selects_from(train.get("epochs", usual.epochs)))

    def best(self, epochs: Iterable[tuple[int, float]]) -> int | None:
        """The number of the best epoch; `epochs`: number and monitored figure, oldest first. None where there are none."""
        best: tuple[int, float] | None = None
        for number, figure in epochs:
            if best is None or number <= self.selects_from or better({self.monitor: figure}, {self.monitor: best[1]}, self.monitor):
                best = number, figure
        return None if best is None else best[0]

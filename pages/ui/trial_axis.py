"""How the settings of a study lie on an axis, whatever they are: numbers, numbers by their logarithm, or names side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import altair as alt
import pandas as pd

MARGIN = 0.04  # Room beyond both ends, as a share of the axis.


class Scored(NamedTuple):
    """What a study tries to better."""

    title: str
    share: bool = True  # To be written in per cent.
    lower: bool = False  # Whether less is better.

    @property
    def form(self) -> str:
        return ".2~%" if self.share else "~r"

    def written(self, score: float) -> str:
        return f"{score:.1%}" if self.share else f"{score:.4f}"


class TrialAxis(NamedTuple):
    """One searched setting: its column in the table of trials, what it is called, and the range that is shown."""

    setting: str
    title: str
    kind: Literal["linear", "whole", "log", "names"]
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()

    def place(self, value: Any) -> float:
        """Where a value lies on the axis: the number itself, or which of the names it is; NaN where it isn't among them."""
        if self.kind == "names":
            name = written(value)
            return float(self.names.index(name)) if name in self.names else math.nan
        return float(value) if isinstance(value, int | float) else math.nan

    def share(self, value: Any) -> float:
        """The same from 0, the lower end, to 1; in the middle where both ends are one."""
        at, low, high = self.place(value), self.low, self.high
        if self.kind == "log":
            at, low, high = math.log(at), math.log(low), math.log(high)
        return (at - low) / (high - low) if high > low else 0.5

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """Values to be written beside the axis, as numbers from 0 to 1, with their words."""
        if self.kind == "names":
            step = math.ceil(len(self.names) / (most + 3))
            return [(self.share(name), name) for name in self.names[::step]]
        if self.kind == "log":
            values = self.decades()
        else:
            values = [self.low + (self.high - self.low) * part / (most - 1) for part in range(most)] if self.high > self.low else [self.low]
            values = list(dict.fromkeys(map(float, map(round, values)))) if self.kind == "whole" else values
        return [(self.share(value), written(float(f"{value:.3g}"))) for value in values]

    def decades(self) -> list[float]:
        """Powers of ten within a logarithmic axis; where there aren't two, its ends and its middle."""
        powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        return [10.0**power for power in powers] if len(powers) > 1 else [self.low, float(f"{math.sqrt(self.low * self.high):.2g}"), self.high]


def of_names(setting: str, title: str, values: Iterable[Any]) -> TrialAxis:
    """An axis of listed values, in the order of the list."""
    names = tuple(dict.fromkeys(map(written, values)))
    return TrialAxis(setting, title, "names", 0, max(1, len(names) - 1) if len(names) > 1 else 0, names)


def of_numbers(setting: str, title: str, low: float, high: float, logarithmic: bool = False) -> TrialAxis:
    """An axis of a range of numbers; whole ones where both ends are `int`."""
    whole = isinstance(low, int) and isinstance(high, int)
    return TrialAxis(setting, title, "log" if logarithmic and low > 0 else "whole" if whole else "linear", float(low), float(high))


def written(value: Any) -> str:
    """A setting's value as people write it: `0.0003`, `256, 128`, `none` for an empty list."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def along(axis: TrialAxis, field: str, channel: type[alt.X] | type[alt.Y] = alt.X) -> Any:
    """The encoding of `field`, which holds places of this axis, on a chart."""
    width = axis.high - axis.low
    if axis.kind == "names":
        scale = alt.Scale(domain=[-0.6, len(axis.names) - 0.4], nice=False, zero=False)
        shown = alt.Axis(values=list(range(len(axis.names))), labelExpr=f"{json.dumps(axis.names)}[datum.value]", grid=False, labelOverlap=True, labelLimit=110, labelFlush=False)
    elif axis.kind == "log":
        beyond = (axis.high / axis.low) ** MARGIN
        scale = alt.Scale(type="log", domain=[axis.low / beyond, axis.high * beyond], nice=False)
        shown = alt.Axis(values=axis.decades(), format="~g", grid=False, labelOverlap=True, labelFlush=False)
    else:
        beyond = MARGIN * width or 1
        scale = alt.Scale(domain=[axis.low - beyond, axis.high + beyond], nice=False, zero=False)
        whole = {"format": "d", "tickMinStep": 1} if axis.kind == "whole" else {"format": "~g"}
        shown = alt.Axis(**whole, grid=False, tickCount=5, labelOverlap=True, labelFlush=False)
    return channel(f"{field}:Q", title=axis.title + (", logarithmic" if axis.kind == "log" else ""), scale=scale, axis=shown)


def edges(axis: TrialAxis, most: int) -> list[float]:
    """The borders of equal cells along the axis; of names each has its own."""
    if axis.kind == "names":
        return [place - 0.5 for place in range(len(axis.names) + 1)]
    if axis.kind == "log":
        return [math.exp(math.log(axis.low) + part / most * (math.log(axis.high) - math.log(axis.low))) for part in range(most + 1)]
    return [axis.low + part / most * (axis.high - axis.low) for part in range(most + 1)]


def color_of_score(goal: Scored, dark: bool, **legend: Any) -> alt.Color:
    """Viridis, so turned that the best stand out from the page: bright on a dark one, dark on a light one."""
    return alt.Color(
        "score:Q", scale=alt.Scale(scheme="viridis", reverse=dark == goal.lower),
        legend=alt.Legend(title=goal.title, orient="bottom", format=goal.form, gradientLength=220, gradientThickness=10, tickCount=4, **legend),
    )


def best_of(known: pd.DataFrame, goal: Scored, leader: int | None = None) -> int | None:
    """The number of the trial to be marked: the leader, where it is among these, else the one that scored best; None of none."""
    if leader is not None and (known["number"] == leader).any():
        return leader
    if known.empty:
        return None
    return int(known["number"].iloc[int(known["score"].argmin() if goal.lower else known["score"].argmax())])


def said_of(values: dict[str, Any], axes: Sequence[TrialAxis]) -> str:
    """`learning rate 0.001, dropout 0.2`: a trial's settings for the pointer."""
    return ", ".join(f"{axis.title.lower()} {written(values[axis.setting])}" for axis in axes)

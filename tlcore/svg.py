"""Drawings as SVG inside a page: elements whose texts are escaped, axes, and marks that differ in more than colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b", "#a07d00")  # Okabe-Ito, as on the pages.
INK, FAINT = "#18242b", "#d8e0e4"
_MARKERS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M-4-4h8v8h-8z", "M0-5l5 9h-10z", "M0-5.5l5 5.5l-5 5.5l-5-5.5z",
    "M-1.6-5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z", "M0 5l5-9h-10z", "M5 0l-9 5v-10z", "M-5 0l9 5v-10z",
)


def tag(_name: str, *inner: str, **attributes: object) -> Markup:
    """An element; what is in it and its attributes are escaped, unless made here. `text_anchor` is `text-anchor`."""
    told = Markup("").join(Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value)) for key, value in attributes.items())
    return Markup("<{0}{1}>{2}</{0}>").format(_name, told, Markup("").join(inner))


def drawing(width: int, height: int, *inner: str, label: str) -> Markup:
    """The whole; `label` is for those who don't see it."""
    return tag("svg", *inner, viewBox=f"0 0 {width} {height}", width=width, role="img", aria_label=label)


def text(x: float, y: float, told: str, anchor: str = "start", **attributes: object) -> Markup:
    return tag("text", told, x=x, y=y, text_anchor=anchor, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, color: str = INK, **attributes: object) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=color, **attributes)


def marker(number: int, x: float, y: float) -> Markup:
    """A point of the run with this place among the others, in its colour and shape."""
    return tag("path", d=_MARKERS[number % len(_MARKERS)], transform=f"translate({_short(x)} {_short(y)})", fill=COLORS[number % len(COLORS)])


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, in steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 12) for at in range(first, math.floor(high / step + 1e-9) + 1)]


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From [low, high] to [start, end]."""
    width = (high - low) or 1.0
    return lambda value: start + (value - low) / width * (end - start)


def bottom_axis(at: Sequence[float], place: Callable[[float], float], top: float, bottom: float, written: Callable[[float], str], title: str) -> Markup:
    """Upright grid lines with their numbers below, and what is measured."""
    lines = (line(place(value), top, place(value), bottom, FAINT) for value in at)
    numbers = (text(place(value), bottom + 14, written(value), "middle") for value in at)
    middle = (place(at[0]) + place(at[-1])) / 2
    return Markup("").join((*lines, *numbers, text(middle, bottom + 30, title, "middle")))


def _short(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value

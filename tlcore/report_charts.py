"""The charts of a report, from plain rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from tlcore.svg import (
    COLORS,
    FAINT,
    INK,
    bottom_axis,
    drawing,
    line,
    marker,
    scale,
    tag,
    text,
    ticks,
)

WIDTH, LEFT, RIGHT = 500, 176, 24
ROW, TOP, BOTTOM = 26, 10, 40
MOST_LETTERS = 27  # Of a name beside a chart.
CELL_STEPS = 6  # Shades of a large matrix.

Written = Callable[[float], str]


class Bar(NamedTuple):
    """A value with its interval, where it has one; `mark` stands beside it."""

    name: str
    value: float
    low: float
    high: float
    mark: str = ""


def intervals(bars: Sequence[Bar], title: str, written: Written, zero: bool = False) -> Markup:
    """A line a bar: point, interval, name; with `zero` an upright line at 0."""
    known = [end for bar in bars for end in (bar.low, bar.value, bar.high) if end == end] + ([0.0] if zero else [])
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    edge = 0.04 * ((high - low) or abs(high) or 1)
    place = scale(low - edge, high + edge, LEFT, WIDTH - RIGHT)
    end = TOP + ROW * len(bars)
    drawn = [bottom_axis(ticks(low, high), place, TOP, end, written, title)]
    drawn += [line(place(0), TOP, place(0), end, INK, stroke_dasharray="3 3")] if zero else []
    for number, bar in enumerate(bars):
        y, color = TOP + ROW * (number + 0.5), INK if zero else COLORS[number % len(COLORS)]
        drawn.append(text(LEFT - 10, y + 4, _cut(bar.name), "end"))
        if bar.low == bar.low:
            drawn += [line(place(bar.low), y, place(bar.high), y, color, stroke_width=2)]
            drawn += [line(place(side), y - 5, place(side), y + 5, color, stroke_width=2) for side in (bar.low, bar.high)]
        if bar.value == bar.value:
            drawn += [tag("circle", cx=place(bar.value), cy=y, r=4, fill=INK) if zero else marker(number, place(bar.value), y)]
            drawn += [text(place(bar.value), y - 7, bar.mark, "middle", font_weight=600)] if bar.mark else []
    return drawing(WIDTH, end + BOTTOM, *drawn, label=title)


def lines(series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, y_title: str, written: Written) -> Markup:
    """Several lines over each other, with a legend; each in its colour, with its own marks."""
    points = [point for line_ in series.values() for point in line_]
    if not points:
        return Markup("")
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    across, up = scale(left, right, 64, WIDTH - RIGHT), scale(low, high, 240, 14)
    drawn = [line(64, up(value), WIDTH - RIGHT, up(value), FAINT) for value in ticks(low, high)]
    drawn += [text(56, up(value) + 4, written(value), "end") for value in ticks(low, high)]
    drawn += [text(across(value), 258, f"{value:g}", "middle") for value in ticks(left, right, 6)]
    drawn += [text((64 + WIDTH) / 2, 276, x_title, "middle")]
    for number, (name, path) in enumerate(series.items()):
        if not path:
            continue
        places = [(across(x), up(y)) for x, y in path]
        drawn.append(tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), fill="none", stroke=COLORS[number % len(COLORS)], stroke_width=1.8))
        drawn += [marker(number, *place) for place in places[:: max(1, len(places) // 8)]]
        row = 300 + 18 * number
        drawn += [marker(number, 72, row - 4), text(86, row, _cut(name, 64))]
    return drawing(WIDTH, 306 + 18 * len(series), *drawn, label=y_title)


def class_bars(groups: Mapping[str, Sequence[Bar]], title: str, written: Written) -> Markup:
    """Groups of bars from 0 to 1 with their intervals, one bar a run in its colour; the mark at its end says which."""
    place, drawn, y = scale(0, 1, LEFT, WIDTH - 44), [], float(TOP)
    for name, bars in groups.items():
        drawn.append(text(LEFT - 10, y + 13 * len(bars) / 2 + 4, _cut(name), "end"))
        for number, bar in enumerate(bars):
            middle = y + 13 * number + 6
            drawn += [tag("rect", x=LEFT, y=middle - 5, width=max(0.0, place(bar.value) - LEFT), height=10, fill=COLORS[number % len(COLORS)], fill_opacity=0.85)]
            drawn += [line(place(bar.low), middle, place(bar.high), middle, INK, stroke_width=1.2)] if bar.low == bar.low else []
            drawn += [text(place(bar.high if bar.high == bar.high else bar.value) + 5, middle + 3.5, bar.mark, font_size=10)]
        y += 13 * len(bars) + 12
    axis = bottom_axis(ticks(0, 1, 5), place, TOP, y, written, title)
    return drawing(WIDTH, round(y) + BOTTOM, axis, *drawn, label=title)


def large_matrix(matrix: np.ndarray, label: str) -> Markup:
    """A confusion matrix of many classes by shade: blue on the diagonal, red beside it; the root of the row's share lets rare mistakes show."""
    k = len(matrix)
    shares = np.sqrt(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))
    steps = np.ceil(shares * CELL_STEPS).astype(int)
    drawn = [tag("rect", x=0, y=0, width=k, height=k, fill="none", stroke=FAINT, stroke_width=0.2)]
    for right, color in ((True, COLORS[0]), (False, COLORS[1])):
        for step in range(1, CELL_STEPS + 1):
            rows, columns = np.nonzero((steps == step) & (np.eye(k, dtype=bool) == right))
            if len(rows):
                path = "".join(f"M{column} {row}h1v1h-1z" for row, column in zip(rows.tolist(), columns.tolist(), strict=True))
                drawn.append(tag("path", d=path, fill=color, fill_opacity=step / CELL_STEPS))
    return tag("svg", *drawn, viewBox=f"0 0 {k} {k}", width=420, role="img", aria_label=label)


def shade(share: float, right: bool) -> str:
    """The background of a cell of a small matrix, as CSS."""
    red, green, blue = (0, 114, 178) if right else (213, 94, 0)
    return f"background:rgba({red},{green},{blue},{0.06 + 0.6 * share**0.5:.2f})" if share else ""


def _cut(name: str, most: int = MOST_LETTERS) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"

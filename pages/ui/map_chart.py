"""A map of pictures as an ECharts option: Vega-Lite has no lasso. No Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

PLUS = "path://M-1,-3H1V-1H3V1H1V3H-1V1H-3V-1H-1Z"
SYMBOLS = ["circle", "rect", "triangle", "diamond", PLUS]  # With eight colours, forty that differ.
FAINT = "#909090"  # Seen on light and dark: what is there for comparison only.
SIZE_PX, FEW, MANY = 9, 500, 2_000  # Of a symbol, and from how many points on it shrinks.
MOST_NAMED = 20  # Groups in the legend.
HEIGHT_PX = 560
SHOWN = {"picture": "Picture", "label": "Class", "answer": "Answer"}


class Group(NamedTuple):
    """Points in one colour and shape. `faint`: there for comparison, behind the others."""

    name: str
    points: pd.DataFrame  # x, y, domain, and the columns of SHOWN.
    faint: bool = False


class Series(NamedTuple):
    """What a selection's index of a series and of its points stand for."""

    group: Group
    points: pd.DataFrame


def series(groups: Sequence[Group]) -> list[Series]:
    """One for each group and domain that has points, the faint ones first so that they lie behind."""
    made = []
    for group in sorted(groups, key=lambda group: not group.faint):
        for _, points in group.points.groupby("domain", sort=False):
            made.append(Series(group, points.reset_index(drop=True)))
    return made


def option(drawn: Sequence[Series], groups: Sequence[Group], colors: Sequence[str], extent: tuple[float, float, float, float]) -> dict[str, Any]:
    """Points with lasso, box and click; filled of the target, hollow of the source. extent: x from, to, y from, to."""
    total = sum(len(each.points) for each in drawn)
    size = SIZE_PX if total <= FEW else SIZE_PX - 2 if total <= MANY else SIZE_PX - 4
    place = {group.name: at for at, group in enumerate(group for group in groups if not group.faint)}
    axis = {"type": "value", "axisLabel": {"show": False}, "axisTick": {"show": False}, "axisLine": {"show": False}, "splitLine": {"show": False}}
    return {
        "animation": False,
        "dataset": [{"source": each.points[["x", "y", *SHOWN]].rename(columns=SHOWN)} for each in drawn],
        "series": [_series(number, each, place.get(each.group.name), colors, size) for number, each in enumerate(drawn)],
        "xAxis": {**axis, "min": extent[0], "max": extent[1]},
        "yAxis": {**axis, "min": extent[2], "max": extent[3]},
        "grid": {"left": 8, "right": 8, "top": 40, "bottom": 72 if len(place) <= MOST_NAMED else 12},
        "tooltip": {"trigger": "item"},
        "legend": {"type": "scroll", "bottom": 0, "left": "center", "itemWidth": 12, "itemHeight": 12, "data": [group.name for group in groups]} if len(groups) <= MOST_NAMED else {"show": False},
        "toolbox": {"left": 0, "top": 0, "itemSize": 18, "feature": {"brush": {"type": ["polygon", "rect", "clear"], "title": {"polygon": "Lasso", "rect": "Box", "clear": "Clear"}}, "dataZoom": {"title": {"zoom": "Zoom in", "back": "Zoom back"}}}},
        "brush": {"xAxisIndex": 0, "yAxisIndex": 0, "seriesIndex": "all", "throttleType": "debounce", "throttleDelay": 250, "outOfBrush": {"colorAlpha": 0.15}},
    }


def _series(number: int, each: Series, place: int | None, colors: Sequence[str], size: int) -> dict[str, Any]:
    color = FAINT if place is None else colors[place % len(colors)]
    hollow = each.points["domain"].iloc[0] == "source"
    style = {"color": "transparent", "borderColor": color, "borderWidth": 1.5} if hollow else {"color": color}
    return {
        "type": "scatter", "name": each.group.name, "datasetIndex": number, "encode": {"x": "x", "y": "y", "tooltip": list(SHOWN.values())},
        "symbol": SYMBOLS[(place or 0) % len(SYMBOLS)], "symbolSize": size - 2 if place is None else size, "selectedMode": "multiple",
        "itemStyle": {**style, "opacity": 0.4 if place is None else 0.8}, "select": {"itemStyle": {"borderColor": "#000000", "borderWidth": 2, "opacity": 1}},
    }


def chosen(selection: Mapping[str, Any], drawn: Sequence[Series]) -> pd.DataFrame:
    """The points of a selection, as rows of the groups' tables; what an index no longer stands for is left out."""
    found = []
    for entry in selection.get("selected") or []:
        if 0 <= entry["series_index"] < len(drawn):
            points = drawn[entry["series_index"]].points
            found.append(points.iloc[[at for at in entry["data_indices"] if at < len(points)]])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

"""Runs that differ in chance alone: their mean and how far they scatter."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from tlcore.config import RunConfig

SEEDS = (("train", "seed"), ("augment", "seed"), ("split", "seed"), ("target", "seed"))


def groups(configs: Mapping[int, RunConfig]) -> list[tuple[int, ...]]:
    """Runs with equal settings but for seeds and names, in the order of their first one; each run is in one group."""
    found: dict[str, list[int]] = {}
    for run, config in configs.items():
        content = config.model_dump(mode="json", exclude={"name"})
        for part, name in SEEDS:
            content[part].pop(name)
        found.setdefault(json.dumps(content, sort_keys=True), []).append(run)
    return [tuple(runs) for runs in found.values()]


def mean_and_spread(table: pd.DataFrame, together: list[tuple[int, ...]], figures: list[str]) -> pd.DataFrame:
    """Groups of two runs or more, one row each: runs (their ids), title, count, then every figure as figure_mean and figure_sd.

    table: one row a run, with columns run, title and the figures. sd: standard deviation of the sample (n − 1), NaN where a run
    lacks the figure.
    """
    rows = []
    for group in (each for each in together if len(each) > 1):
        part = table[table["run"].isin(group)]
        about = {"runs": list(group), "title": part["title"].iloc[0], "count": len(part)}
        numbers = part[figures].astype(float)
        means, spreads = numbers.mean(skipna=False), numbers.std(ddof=1, skipna=False)
        rows.append(about | {f"{name}_{kind}": values[name] for name in figures for kind, values in (("mean", means), ("sd", spreads))})
    return pd.DataFrame(rows, columns=["runs", "title", "count", *(f"{name}_{kind}" for name in figures for kind in ("mean", "sd"))])

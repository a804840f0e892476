"""Short names that tell runs apart, for legends and sentences: the number first, then what differs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

MOST_LETTERS = 26  # Of a title that needs no help from the settings.
MOST_IN_ALL = 48  # What fits into a legend.
MOST_SETTINGS = 3
FIRST = ("strategy.name", "backbone.name", "freeze.trainable_blocks", "dataset", "optimizer.learning_rate")
LAST = "seed"  # Settings with such a name tell runs apart only where nothing else does.


def short_names(titles: Mapping[int, str], settings: pd.DataFrame) -> dict[int, str]:
    """`3 · fine_tune, learning rate 0.003` by run: its title where that is short and no other run's, otherwise the settings that differ.

    settings: as `compare.differing_settings` gives them.
    """
    clean = {run: " ".join(title.split()) for run, title in titles.items()}
    speaking = {run for run, title in clean.items() if len(title) <= MOST_LETTERS and list(clean.values()).count(title) == 1}
    rows = {row["setting"]: {run: str(row[str(run)]) for run in titles} for row in settings.to_dict("records")}
    chosen = _telling(rows, len(titles))
    told = {run: clean[run] if run in speaking else ", ".join(_said(name, rows[name][run]) for name in chosen) or clean[run] for run in titles}
    return {run: f"{run} · {_cut(text)}" for run, text in told.items()}


def _telling(rows: Mapping[str, Mapping[int, str]], runs: int) -> list[str]:
    """Few settings by which as many runs as possible can be told apart; seeds only where nothing else is left."""
    order = [name for name in FIRST if name in rows] + [name for name in rows if name not in FIRST]
    chosen: list[str] = []
    for seeds in (False, True):
        among = [name for name in order if name.endswith(LAST) == seeds]
        while among and len(chosen) < MOST_SETTINGS and _told_apart(rows, chosen) < runs:
            gains = {name: _told_apart(rows, [*chosen, name]) for name in among}
            best = max(gains, key=lambda name: gains[name])  # Of equals the first in order.
            if gains[best] == _told_apart(rows, chosen):
                break
            chosen.append(best)
    return sorted(chosen, key=lambda name: (name.endswith(LAST), order.index(name)))


def _told_apart(rows: Mapping[str, Mapping[int, str]], names: list[str]) -> int:
    """How many runs, or groups of them, these settings tell apart."""
    if not names:
        return 1
    return len(set(zip(*(rows[name].values() for name in names), strict=True)))


def _said(name: str, value: str) -> str:
    """A value that is a word speaks for itself; numbers and switches need the setting's name."""
    return value if _is_word(value) else f"{name.rpartition('.')[2].replace('_', ' ')} {value}"


def _is_word(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return value not in ("–", "True", "False")
    return False


def _cut(text: str) -> str:
    return text if len(text) <= MOST_IN_ALL else f"{text[: MOST_IN_ALL - 1]}…"

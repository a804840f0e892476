"""The pictures of a run as points to be drawn: where each lies, what it is, and whether it was recognised."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from tlcore.embedding import Embedding
from tlcore.results import Predictions
from tlcore.tsne import Map, some_of_each

MOST_DRAWN = 5_000
KINDS = {"test": "test", "val": "validation", "train": "training"}
RIGHT, WRONG, NOT_ASKED = OUTCOMES = ("right", "wrong", "not asked")
COLUMNS = ["x", "y", "kind", "domain", "row", "label", "answer", "outcome"]


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """What is drawn of a map.

    `table`: one row a point: x, y, kind (one of KINDS' words), domain (target | source), row (in that domain's dataset),
    label, answer ("" where none was kept), outcome (one of OUTCOMES). `whole`: pictures by kind on the map, drawn or not.
    """

    table: pd.DataFrame
    whole: dict[str, int]

    @property
    def left_out(self) -> dict[str, int]:
        """Pictures by kind that are on the map and not drawn."""
        drawn = self.table["kind"].value_counts()
        return {kind: count - int(drawn.get(kind, 0)) for kind, count in self.whole.items() if count > drawn.get(kind, 0)}


def points(
    embedding: Embedding, laid: Map, answers: Mapping[str, Predictions], classes: Sequence[str], kinds: Collection[str] = tuple(KINDS.values()), most: int = MOST_DRAWN
) -> Points:
    """At most so many pictures of some kinds, evenly chosen of each, see `some_of_each`.

    answers: the run's predictions by part, as far as there are any.
    """
    on_map = _take(embedding, laid.positions)
    wanted = np.isin(_kinds(on_map.part), list(kinds))
    on_map, xy = _take(on_map, np.flatnonzero(wanted)), laid.xy[wanted]
    whole = {kind: int((_kinds(on_map.part) == kind).sum()) for kind in KINDS.values()}
    chosen = some_of_each(on_map, most)
    drawn, xy = _take(on_map, chosen), xy[chosen]
    names = np.array([*classes, ""], dtype=object)
    answered = _answers(drawn, answers)
    outcome = np.select([answered < 0, answered == drawn.labels], [NOT_ASKED, RIGHT], WRONG)
    table = pd.DataFrame({
        "x": xy[:, 0], "y": xy[:, 1], "kind": _kinds(drawn.part), "domain": drawn.domain, "row": drawn.rows, "label": names[drawn.labels], "answer": names[answered], "outcome": outcome,
    }, columns=COLUMNS)
    return Points(table, {kind: count for kind, count in whole.items() if count})


def _take(embedding: Embedding, at: np.ndarray) -> Embedding:
    return dataclasses.replace(embedding, vectors=embedding.vectors[at], part=embedding.part[at], rows=embedding.rows[at], labels=embedding.labels[at])


def _kinds(parts: np.ndarray) -> np.ndarray:
    """Training, validation or test, whichever the domain."""
    names, which = np.unique(parts, return_inverse=True)
    kinds: np.ndarray = np.array([*(KINDS[str(name).removeprefix("source_")] for name in names), ""], dtype=object)[which]
    return kinds


def _answers(embedding: Embedding, answers: Mapping[str, Predictions]) -> np.ndarray:
    """The class that was answered to each picture, as an index; -1 where no answer was kept. Shapes: int64 (n,)."""
    found = np.full(len(embedding), -1, np.int64)
    for part, given in answers.items():
        at, order = embedding.at(part), np.argsort(given.rows)
        places = order[np.minimum(np.searchsorted(given.rows, embedding.rows[at], sorter=order), len(order) - 1)]
        found[at] = np.where(given.rows[places] == embedding.rows[at], given.predicted[places], -1)
    return found

"""Which classes are taken for which: confused ones side by side, the worst pairs, and what changes from one model to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tlcore import metrics
from tlcore.intervals import per_class
from tlcore.results import Predictions


def order_by_confusion(matrix: np.ndarray) -> np.ndarray:
    """An order of the classes in which those taken for each other lie together. Shapes: (k, k) → (k,).

    Average linkage of the shares confused in either direction, leaves in the order that keeps neighbours closest
    (Bar-Joseph et al. 2001).
    """
    k = len(matrix)
    if k < 3:
        return np.arange(k)
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    apart = 1 - (shares + shares.T) / 2
    np.fill_diagonal(apart, 0)
    condensed = squareform(np.maximum(apart, 0), checks=False)
    return np.asarray(leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)))


def worst_pairs(predictions: Predictions, count: int | None = 20) -> pd.DataFrame:
    """The most frequent mistakes, or all: true, predicted, count, share (of the true class's pictures); most frequent first."""
    cells = predictions.confusion_cells()
    wrong = cells[cells["kind"] == "mistaken"].sort_values(["count", "share"], ascending=False, kind="stable", ignore_index=True)
    return wrong[["true", "predicted", "count", "share"]].iloc[:count]


def worst_classes(predictions: Predictions, most: int = 12) -> tuple[str, ...]:
    """The classes of the most frequent mistakes, as many as there is place for, in the dataset's order."""
    pairs = worst_pairs(predictions, most)[["true", "predicted"]]
    named = dict.fromkeys(name for pair in pairs.itertuples(index=False) for name in pair)
    chosen = set(list(named)[:most])
    return tuple(name for name in predictions.classes if name in chosen)


@dataclasses.dataclass(frozen=True, eq=False)
class Zoom:
    """The confusion matrix of some classes; all others are summed up in one row and one column.

    Pictures of other classes that are taken for other classes are in no cell, but count in the shares of that row and column.
    """

    predictions: Predictions
    shown: tuple[str, ...]

    @property
    def others(self) -> str:
        """The name of what is summed up, which no class has; empty where every class is shown."""
        left = len(self.predictions.classes) - len(self.shown)
        name = f"{left} other{'' if left == 1 else 's'}"
        while name in self.predictions.classes:
            name += "…"
        return name if left else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of rows and columns, the others last."""
        return (*self.shown, self.others) if self.others else self.shown

    def cells(self, by: Literal["row", "column"] = "row") -> pd.DataFrame:
        """As `Predictions.confusion_cells`."""
        matrix = metrics.confusion(self._places(self.predictions.labels), self._places(self.predictions.predicted), len(self.shown) + 1)
        whole = np.maximum(matrix.sum(axis=1 if by == "row" else 0, keepdims=True), 1)
        shares = matrix / whole
        matrix[-1, -1] = 0
        true, predicted = np.nonzero(matrix)
        names = np.array([*self.shown, self.others], dtype=object)
        return pd.DataFrame({
            "true": names[true], "predicted": names[predicted], "count": matrix[true, predicted], "share": shares[true, predicted],
            "kind": np.where(true == predicted, "right", "mistaken"),
        })

    def in_cell(self, true: str, predicted: str) -> pd.DataFrame:
        """As `Predictions.in_cell`; empty where the cell isn't shown."""
        if true not in self.names or predicted not in self.names or true == predicted == self.others:
            return self.predictions.pictures(np.empty(0, np.int64))
        asked = (self._places(self.predictions.labels) == self.names.index(true)) & (self._places(self.predictions.predicted) == self.names.index(predicted))
        return self.predictions.pictures(np.flatnonzero(asked))

    def _places(self, labels: np.ndarray) -> np.ndarray:
        """Row or column of each class index; the last one is that of the others."""
        of_class = np.array([self.shown.index(name) if name in self.shown else len(self.shown) for name in self.predictions.classes])
        found: np.ndarray = of_class[labels]
        return found


def difference(one: Predictions, other: Predictions) -> pd.DataFrame:
    """Cells of the confusion matrices that are not equal: true, predicted, before, after, difference (after − before), kind.

    `kind`: better for more on the diagonal or fewer beside it, otherwise worse. The largest changes first.
    """
    before, after = one.confusion, other.confusion
    change = after - before
    true, predicted = np.nonzero(change)
    names = np.array(one.classes, dtype=object)
    better = (change[true, predicted] > 0) == (true == predicted)
    cells = pd.DataFrame({
        "true": names[true], "predicted": names[predicted], "before": before[true, predicted], "after": after[true, predicted],
        "difference": change[true, predicted], "kind": np.where(better, "better", "worse"),
    })
    return cells.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def classes_that_change(cells: pd.DataFrame, classes: Sequence[str], most: int, always: Sequence[str] = ()) -> tuple[str, ...]:
    """At most so many classes, in their order, in whose rows and columns of `difference` most pictures move; `always` among them."""
    sizes = cells["difference"].abs()
    moved = sizes.groupby(cells["true"]).sum().add(sizes.groupby(cells["predicted"]).sum(), fill_value=0)
    others = [name for name in moved.sort_values(ascending=False, kind="stable").index if name not in always]
    kept = {*always, *others[: most - len(set(always))]}
    return tuple(name for name in classes if name in kept)


def disagreements(predictions: Mapping[int, Predictions]) -> pd.DataFrame:
    """Pictures that not all models take for the same class: row, content_id, label, right (number of models), then a column a model.

    The models' predictions are in one order. Those come first of which the models' probability of the true class differs most.
    """
    first = next(iter(predictions.values()))
    answers = np.stack([each.predicted for each in predictions.values()])
    at = np.flatnonzero((answers != answers[0]).any(axis=0))
    of_true = np.stack([each.probabilities[at, each.labels[at]] for each in predictions.values()]).astype(float)
    at = at[np.argsort(-np.ptp(np.nan_to_num(of_true), axis=0), kind="stable")]
    names = np.array(first.classes, dtype=object)
    table = {"row": first.rows[at], "content_id": first.content_ids[at], "label": names[first.labels[at]], "right": (answers[:, at] == first.labels[at]).sum(axis=0)}
    return pd.DataFrame(table | {str(run): names[answers[i, at]] for i, run in enumerate(predictions)})


def class_table(predictions: Mapping[int, Predictions]) -> pd.DataFrame:
    """Of every model each class: run, class, then precision, recall and f1, each with its 95% interval as _low and _high, support."""
    parts = [per_class(each.labels, each.predicted, each.classes) for each in predictions.values()]
    for run, part in zip(predictions, parts, strict=True):
        part.insert(0, "run", run)
    return pd.concat(parts, ignore_index=True)

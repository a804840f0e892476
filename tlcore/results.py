"""What a finished run leaves behind: its summary and its prediction for each picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlcore import metrics
from tlcore.errors import NotFoundError
from tlcore.workspace import whole_file

DOMAINS = {"target": "test", "source": "source_test"}
"""The names of the predictions on their test pictures."""
PICTURES = {"test": "test pictures", "source_test": "test pictures of the source", "val": "validation pictures", "source_val": "validation pictures of the source"}
PREDICTIONS = "predictions.parquet"
SUMMARY = "summary.json"


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The probabilities that a run gave to the pictures of one split.

    Shapes: rows, content_ids, labels (n,), probabilities (n, k) float32; labels index `classes` (k).
    """

    split: str
    rows: np.ndarray
    content_ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: np.ndarray) -> Predictions:
        """The same for some of the pictures, in that order."""
        parts = {name: getattr(self, name)[positions] for name in ("rows", "content_ids", "labels", "probabilities")}
        return dataclasses.replace(self, **parts)

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each picture, as an index into `classes`."""
        return self.probabilities.argmax(axis=1)

    @property
    def confusion(self) -> np.ndarray:
        return metrics.confusion(self.labels, self.predicted, len(self.classes))

    @property
    def per_class(self) -> pd.DataFrame:
        return metrics.per_class(self.labels, self.predicted, self.classes)

    def confusion_cells(self, by: Literal["row", "column"] = "row") -> pd.DataFrame:
        """The confusion matrix, one row a cell: true, predicted, count, share, kind (right | mistaken).

        `share` is of the pictures of the true class (by "row") or of those taken for the predicted one
        (by "column"). Empty cells are left out.
        """
        matrix = self.confusion
        whole = matrix.sum(axis=1 if by == "row" else 0, keepdims=True)
        true, predicted = np.nonzero(matrix)
        names = np.array(self.classes, dtype=object)
        return pd.DataFrame(
            {
                "true": names[true],
                "predicted": names[predicted],
                "count": matrix[true, predicted],
                "share": (matrix / np.maximum(whole, 1))[true, predicted],
                "kind": np.where(true == predicted, "right", "mistaken"),
            }
        )

    def in_cell(self, true: str, predicted: str) -> pd.DataFrame:
        """Pictures of class `true` taken for `predicted`, surest first: row, label, predicted, confidence."""
        asked = (self.labels == self.classes.index(true)) & (self.predicted == self.classes.index(predicted))
        return self.pictures(np.flatnonzero(asked))

    def worst_mistakes(self, count: int) -> pd.DataFrame:
        """The wrong answers the run was surest of, surest first: row, label, predicted, confidence."""
        return self.pictures(np.flatnonzero(self.predicted != self.labels)).head(count)

    def pictures(self, at: np.ndarray) -> pd.DataFrame:
        """Those at these positions, surest first: row, label, predicted, confidence."""
        predicted, names = self.predicted[at], np.array(self.classes, dtype=object)
        table = pd.DataFrame(
            {
                "row": self.rows[at],
                "label": names[self.labels[at]],
                "predicted": names[predicted],
                "confidence": self.probabilities[at, predicted].astype(float),
            }
        )
        return table.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)


def save_predictions(run_dir: Path, parts: Sequence[Predictions]) -> Path:
    """Write the splits of one run into one Parquet file that appears whole."""
    columns = {
        "split": pa.array(np.concatenate([np.repeat(part.split, len(part)) for part in parts])),
        "row": pa.array(np.concatenate([part.rows for part in parts]).astype(np.int64)),
        "content_id": pa.array(np.concatenate([part.content_ids for part in parts]).astype(str)),
        "label": pa.array(np.concatenate([part.labels for part in parts]).astype(np.int64)),
    }
    probabilities = np.concatenate([part.probabilities for part in parts]).astype(np.float32)
    columns |= {f"p{c}": pa.array(probabilities[:, c]) for c in range(probabilities.shape[1])}
    path = run_dir / PREDICTIONS
    with whole_file(path) as temporary:
        pq.write_table(pa.table(columns), temporary)
    return path


def judged_part(summary: Mapping[str, Any], domain: str = "target") -> str:
    """The name of the predictions that a finished run is judged by in a domain: on its test pictures.

    A trial of a study leaves these alone, for the winner only, and is judged by its validation pictures.
    """
    return str(summary.get("judged_on") or DOMAINS[domain])


def load_predictions(run_dir: Path, split: str = "test") -> Predictions:
    """Read one split ("val" or "test"). Raises NotFoundError when the run left none."""
    classes = tuple(load_summary(run_dir)["classes"])
    try:
        table = pq.read_table(run_dir / PREDICTIONS, filters=[("split", "==", split)])
    except (OSError, pa.ArrowInvalid) as error:
        raise NotFoundError(
            f"run {_run(run_dir)}: its predictions can't be read ({type(error).__name__}). Clone the run and start it again."
        ) from None
    if not table.num_rows:
        raise NotFoundError(f"run {_run(run_dir)}: no predictions for the {split} pictures. Clone the run and start it again.")
    return Predictions(
        split=split,
        rows=table["row"].to_numpy(),
        content_ids=np.array(table["content_id"].to_pylist()),
        labels=table["label"].to_numpy(),
        probabilities=np.stack([table[f"p{c}"].to_numpy() for c in range(len(classes))], axis=1),
        classes=classes,
    )


def load_summary(run_dir: Path) -> dict[str, Any]:
    """The figures that a finished run wrote. Raises NotFoundError when it isn't finished or the file is gone."""
    try:
        return json.loads((run_dir / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise NotFoundError(
            f"run {_run(run_dir)}: no result yet. Wait until it is done, or resume it on its page."
        ) from None


def _run(run_dir: Path) -> str:
    return run_dir.name.lstrip("0") or run_dir.name

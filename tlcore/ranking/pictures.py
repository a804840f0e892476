"""The pictures on which backbones are ranked: training pictures only, so that the test pictures stay unseen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlcore.config import SplitConfig
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import hash_order, make_split
from tlcore.label_errors import FOLDS

MOST = 2_000


def training_pictures(dataset: Dataset, classes: Sequence[str] | None, most: int = MOST) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Rows of up to `most` different training pictures, their labels, and the names that these index.

    Each class has its share of all, and 5 pictures where it has them; the same ones in every ranking.
    Raises: InputError where classes are unknown, or too few pictures.
    """
    split = make_split(dataset, classes, SplitConfig())
    ids, first = np.unique(dataset.content_ids[split.train], return_index=True)
    rows = split.train[first[hash_order(ids, 0, b"ranking")]]
    labels = split.labels(rows)
    place = np.empty(len(rows))  # In its class, as a share of it.
    for c in np.unique(labels):
        members = np.flatnonzero(labels == c)
        order = np.arange(len(members))
        place[members] = np.where(order < FOLDS, -1.0, (order + 0.5) / len(members))
    chosen = np.sort(rows[np.argsort(place, kind="stable")[:most]])
    return chosen, split.labels(chosen), split.classes

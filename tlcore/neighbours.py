"""Which training pictures does a run's network find most like a picture?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlcore.embedding import Embedding, nearest
from tlcore.errors import NotFoundError


def neighbours(embedding: Embedding, part: str, row: int, count: int) -> pd.DataFrame:
    """The training pictures nearest to one of a part, nearest first: part, domain, row, label (index), distance.

    Distances lie between 0, the same direction, and 2, the opposite one. Raises NotFoundError where the embedding lacks the picture.
    """
    at = np.flatnonzero((embedding.part == part) & (embedding.rows == row))
    if not len(at):
        raise NotFoundError(f"picture {row} is not on the run's map, which holds some pictures of a large dataset only. Choose another one.")
    return nearest_trained(embedding, embedding.vectors[at[0]], count)


def nearest_trained(embedding: Embedding, vector: np.ndarray, count: int) -> pd.DataFrame:
    """The same for a picture that lies at a place of its own. Shapes: vector (c,)."""
    learnt = embedding.learnt
    places, distances = nearest(vector[None], embedding.vectors[learnt], count)
    found = learnt[places[0]]
    return pd.DataFrame({"part": embedding.part[found], "domain": embedding.domain[found], "row": embedding.rows[found], "label": embedding.labels[found], "distance": distances[0]})

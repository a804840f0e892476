"""Is a picture unlike anything that the network was trained on? Its distance from the training pictures, against a limit.

A network answers a sofa with one of its classes, however sure: the probabilities can't say "none of these". The distance
of what its output layer is given can, as far as docs/unknown.md shows.

Source: Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors, arXiv:2204.06507; what the components
leave out: Wang et al. 2022, ViM: Out-Of-Distribution with Virtual-logit Matching, arXiv:2203.10807.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tlcore.embedding import Embedding, nearest

NEIGHBOURS = 5
PASSES = 0.95  # Of known pictures so many stay below the limit.
FEWEST = 20  # Validation pictures, fewer of which have no 95 % to speak of.


@dataclasses.dataclass(frozen=True, eq=False)
class Familiarity:
    """How far pictures of the known classes lie from the training pictures, and from where on one is called unlike them.

    `known` (n,): distances of validation pictures, ascending. `limit`: that below which 95 % of them lie.
    `elsewhere`: whether they are of the other domain, where labels of this one may not be read.
    """

    embedding: Embedding
    trained: np.ndarray
    known: np.ndarray
    limit: float
    elsewhere: bool

    @classmethod
    def of(cls, embedding: Embedding) -> Familiarity | None:
        """From what a run kept; None where that doesn't place new pictures, or has too few validation pictures for a limit."""
        trained = embedding.learnt
        part = "val" if len(embedding.at("val")) else "source_val"
        held_out = embedding.at(part)
        if not embedding.takes_more or len(held_out) < FEWEST or len(trained) <= NEIGHBOURS:
            return None
        known = np.sort(distances(embedding.vectors[held_out], embedding.rest[held_out], embedding.vectors[trained]))
        return cls(embedding, trained, known, float(np.quantile(known, PASSES, method="higher")), part != "val")

    def place(self, representations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where new pictures lie, and how far, of which this is what the output layer is given. Shapes: (n, d) → (n, c), (n,)."""
        vectors, rest = self.embedding.place(representations)
        return vectors, distances(vectors, rest, self.embedding.vectors[self.trained])

    def distances(self, representations: np.ndarray) -> np.ndarray:
        """How far new pictures lie. Shapes: (n, d) → (n,)."""
        return self.place(representations)[1]

    def share_as_far(self, distance: float) -> float:
        """The share of validation pictures that lie as far away, or farther."""
        return 1 - float(np.searchsorted(self.known, distance, side="left")) / len(self.known)


def distances(vectors: np.ndarray, rest: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Distance to the fifth nearest training picture, that of the direction which no component holds included.

    Distances are those of directions, from 0 to 2. Shapes: (n, c), (n,), (m, c) → (n,).
    """
    return np.sqrt(nearest(vectors, trained, NEIGHBOURS)[1][:, -1] ** 2 + rest)

"""One network on pictures of the source and labelled ones of the target together.

Source: joint training, as in Daumé III 2007, Frustratingly Easy Domain Adaptation ("all", with sampling weights).
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tlcore.nn.draws import Draws
from tlcore.nn.strategy import Batch, Losses, Parts, Strategy, Stream


class Mixed(Strategy):
    """Every batch holds a fixed share of the source; an epoch takes as many pictures as both have."""

    @property
    def batches(self) -> tuple[int, ...]:
        size = self.recipe.train.batch_size
        source = min(max(1, round(self.way.source_share * size)), max(1, size - 1))
        return max(1, size - source), source

    def steps(self, parts: Parts) -> int:
        return -(-sum(len(part.labels) for part in (parts.labelled, parts.source)) // sum(self.batches))

    def streams(self, parts: Parts, epoch: int) -> tuple[Stream, ...]:
        steps, pairs = self.steps(parts), zip((parts.labelled, parts.source), self.batches, strict=True)
        return tuple(self.labelled_stream(part, epoch, batch, steps, number) for number, (part, batch) in enumerate(pairs, 2))

    def counted(self, streams: Sequence[Stream]) -> int:
        return sum(len(stream.order) for stream in streams)

    def loss(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        return super().loss([joined(batches)], draws, progress)


def joined(batches: Sequence[Batch]) -> Batch:
    """Pictures of several streams as one batch."""
    weights = None if batches[0].weights is None else tf.concat([each.weights for each in batches], 0)
    return Batch(tf.concat([each.x for each in batches], 0), tf.concat([each.labels for each in batches], 0), weights)

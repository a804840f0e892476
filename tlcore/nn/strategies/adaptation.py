"""What domain adaptation without target labels has in common: labels of the source, and features that should not tell the domains apart."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tlcore.nn.draws import Draws
from tlcore.nn.strategy import (
    Batch,
    Group,
    Losses,
    Part,
    Parts,
    Strategy,
    Stream,
    as_input,
    by_depth,
)


class Adaptation(Strategy):
    """Half of each batch is of the source, with labels, half of the target, without; an epoch is one pass over the larger domain."""

    selects_on_source = True

    def groups(self) -> list[Group]:
        factor = self.way.rate_factor
        first, *deeper = super().groups() if factor == 1 else by_depth(self, factor)
        return [first._replace(variables=[*first.variables, *self.extras]), *deeper]

    @property
    def batches(self) -> tuple[int, ...]:
        half = max(1, self.recipe.train.batch_size // 2)
        return half, half

    def steps(self, parts: Parts) -> int:
        return -(-max(len(parts.source.labels), len(parts.unlabelled.rows(1))) // self.batches[0])

    def streams(self, parts: Parts, epoch: int) -> tuple[Stream, ...]:
        steps = self.steps(parts)
        source = self.labelled_stream(parts.source, epoch, self.batches[0], steps, 2)
        return source, self.unlabelled_stream(parts.unlabelled, epoch, self.batches[1], steps, 3)

    def loss(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        source, target = batches
        drop = draws.dropout(self.network.drop_level)
        x, targets = self.blended(source, draws)
        count = tf.shape(x)[0]
        # One pass for both: batch normalisation that follows the batches then follows both domains.
        features = self.network.features(tf.concat([x, as_input(target.x)], 0), training=True)
        seen = self.network.representation(features, drop)
        seen = tf.reshape(seen, [tf.shape(seen)[0], seen.shape[-1]])
        found = self.classified(targets, self.network.answer(seen[:count], drop), source)
        apart, further = self.difference(seen[:count], seen[count:], progress)
        return found._replace(total=found.total + self.way.weight * apart, further=further)

    def difference(self, source: tf.Tensor, target: tf.Tensor, progress: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        """How far apart the domains' features are, to be lowered, and the figures to show. Shapes: (n, d), (m, d)."""
        raise NotImplementedError

    def _main(self, parts: Parts) -> Part:
        return parts.source

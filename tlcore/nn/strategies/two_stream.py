"""A picture of the source and one of the target, of the same class, through two copies of the backbone.

Source: the recipe of transfer-learning courses (VGG-16 twice, all but the last block frozen, features flattened
and joined, dropout 0.5, softmax, Adam 1e-4); two streams as such: Simonyan and Zisserman 2014, arXiv:1406.2199.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tlcore.nn import losses
from tlcore.nn.classifier import TwoStreams
from tlcore.nn.draws import Draws, cycled
from tlcore.nn.strategy import Batch, Losses, Parts, Strategy, Stream, as_input, class_weights


class TwoStream(Strategy):
    """Every labelled target picture once an epoch, each with another source picture of its class."""

    network_type = TwoStreams

    @property
    def batches(self) -> tuple[int, ...]:
        return (self.recipe.train.batch_size,) * 2

    def streams(self, parts: Parts, epoch: int) -> tuple[Stream, ...]:
        target = self.labelled_stream(parts.labelled, epoch, self.batches[0])
        labels = parts.source.labels
        order = partners(self.recipe.train.seed, epoch, target.labels[target.order], labels)
        return target, Stream(parts.source.rows(epoch), labels, order, self.batches[1], class_weights(labels) if self.weighted else None)

    def loss(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        target, source = batches
        targets = losses.soft_targets(target.labels, self.network.classes, self.recipe.loss.label_smoothing)
        x, other = as_input(target.x), as_input(source.x)
        if self.recipe.loss.mixup:  # One share and one order for both, so that pairs stay of a kind.
            share = draws.mixing_share(self.recipe.loss.mixup)
            (x, mixed), (other, _) = losses.mixed_up(x, targets, share), losses.mixed_up(other, targets, share)
            targets = mixed
        features = self.network.features_of_pair(x, other, training=True)
        return self.classified(targets, self.network.classify(features, draws.dropout(self.network.drop_level)), target)


def partners(seed: int, epoch: int, wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each wanted label the position of a picture that has it; none comes again before all of its class came. Shapes: (n,), (m,) → int32 (n,)."""
    rng, found = np.random.default_rng((seed, epoch, 3)), np.empty(len(wanted), np.int32)
    for label in np.unique(wanted):
        places = np.flatnonzero(wanted == label)
        found[places] = cycled(rng, np.flatnonzero(labels == label), len(places))
    return found

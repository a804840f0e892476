"""What the network is sure of on unlabelled pictures becomes their label, more of it from epoch to epoch.

Source: Lee 2013, Pseudo-Label; the threshold as in Sohn et al. 2020, FixMatch, arXiv:2001.07685.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tlcore.nn import draws as chance
from tlcore.nn import losses
from tlcore.nn.draws import Draws
from tlcore.nn.strategies.mixed import joined
from tlcore.nn.strategy import Batch, Losses, Parts, Strategy, Stream, as_input
from tlcore.nn.trainer import Trainer


class PseudoLabel(Strategy):
    """Labelled pictures of the target, those of the source if there are any, and as many unlabelled ones that the network is sure of."""

    further = ("pseudo_loss",)

    def __init__(self, *settings: Any, **options: Any) -> None:
        super().__init__(*settings, **options)
        self._found = np.empty(0, np.int64), np.empty(0, np.int64)

    @property
    def batches(self) -> tuple[int, ...]:
        size = self.recipe.train.batch_size
        return (max(1, size // 2), max(1, size // 2), size) if self.with_source else (size, size)

    @property
    def weighted(self) -> bool:
        return True

    def steps(self, parts: Parts) -> int:
        known = sum(len(part.labels) for part in (parts.labelled, parts.source) if part is not None)
        unknown = len(parts.unlabelled.rows(1)) if parts.unlabelled else 0
        return -(-max(known, unknown) // self.recipe.train.batch_size)

    def before_epoch(self, number: int, trainer: Trainer, parts: Parts, check: Callable[[], None]) -> None:
        self._found = np.empty(0, np.int64), np.empty(0, np.int64)
        if parts.unlabelled is not None and number > self.way.warm_epochs:
            probabilities = trainer.probabilities(parts.unlabelled.rows(number), check)
            self._found = confident(probabilities, self.way.threshold, self.way.balance)

    def streams(self, parts: Parts, epoch: int) -> tuple[Stream, ...]:
        steps = self.steps(parts)
        labelled = [part for part in (parts.labelled, parts.source) if part is not None]
        known = [self.labelled_stream(part, epoch, batch, steps, number) for number, (part, batch) in enumerate(zip(labelled, self.batches[:-1], strict=True), 2)]
        known = [each if each.weights is not None and self.recipe.loss.class_weights == "balanced" else each._replace(weights=np.ones(len(each.labels), np.float32)) for each in known]
        return *known, self._pseudo(parts, epoch, steps)

    def counted(self, streams: Sequence[Stream]) -> int:
        return sum(len(stream.order) for stream in streams[:-1])

    def loss(self, batches: Sequence[Batch], draws: Draws, progress: tf.Tensor) -> Losses:
        known = super().loss([joined(batches[:-1])], draws, progress)
        unknown = batches[-1]
        targets = losses.soft_targets(unknown.labels, self.network.classes)
        logits = self.network.logits(as_input(unknown.x), draws.dropout(self.network.drop_level), training=True)
        pseudo = tf.reduce_mean(losses.cross_entropy(targets, logits) * unknown.weights)
        return known._replace(total=known.total + pseudo, further=(pseudo,))

    def _pseudo(self, parts: Parts, epoch: int, steps: int) -> Stream:
        """The sure ones, again and again; where there are none, pictures that don't count."""
        part, (places, labels), length = parts.unlabelled or parts.labelled, self._found, steps * self.batches[-1]
        rows = part.rows(epoch)
        given, weights = np.full(len(rows), -1), np.zeros(len(rows), np.float32)
        given[places] = labels
        weights[places] = self.way.weight * min(1.0, (epoch - self.way.warm_epochs) / self.way.ramp_epochs)
        order = places[chance.repeated(self.recipe.train.seed, epoch, len(places), length, 4)] if len(places) else np.zeros(length)
        return Stream(rows, given, order.astype(np.int32), self.batches[-1], weights)


def confident(probabilities: np.ndarray, threshold: float, balance: bool) -> tuple[np.ndarray, np.ndarray]:
    """Positions of pictures whose highest probability reaches the threshold, ascending, and the class of each.

    balance: no class gives more than the median of those that give any; the surest stay.
    """
    labels, sure = probabilities.argmax(1), probabilities.max(1)
    taken = np.flatnonzero(sure >= threshold)
    if balance and len(taken):
        counts = np.bincount(labels[taken])
        most = int(np.median(counts[counts > 0]))
        surest = taken[np.argsort(-sure[taken], kind="stable")]
        taken = np.sort(np.concatenate([surest[labels[surest] == c][:most] for c in range(len(counts))]))
    return taken, labels[taken]

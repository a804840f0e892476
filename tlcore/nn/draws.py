"""Chance inside a compiled step: it depends on (seed, epoch, step) only, so that a resumed run draws the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

LEVELS = 256  # Dropout rates are kept to a 256th: 8 random bits a number take a fifth of the time of a random float.
MIX = 1_000  # Beyond all layers.

Drop = Callable[[tf.Tensor, int], tf.Tensor]
Level = int | tf.Variable
"""How many of `LEVELS` are dropped; a variable, int32, where a compiled step shall serve several rates above 0."""


def level_of(rate: float) -> int:
    """The level nearest to a dropout rate."""
    return min(round(rate * LEVELS), LEVELS - 1)


def permutation(seed: int, epoch: int, count: int, stream: int = 0) -> np.ndarray:
    """The order of the pictures in an epoch, int32; another one each epoch, the same in each repetition."""
    words = (seed, epoch, stream) if stream else (seed, epoch)
    return np.random.default_rng(words).permutation(count).astype(np.int32)


def balanced(seed: int, epoch: int, labels: np.ndarray) -> np.ndarray:
    """As many positions as there are labels, in which each class comes equally often, up to one. Shapes: (n,) → int32 (n,)."""
    rng = np.random.default_rng((seed, epoch, 1))
    classes = np.unique(labels)
    share, rest = divmod(len(labels), len(classes))
    one_more = set(rng.permutation(len(classes))[:rest].tolist())
    drawn = [cycled(rng, np.flatnonzero(labels == c), share + (place in one_more)) for place, c in enumerate(classes)]
    return rng.permutation(np.concatenate(drawn)).astype(np.int32)


def repeated(seed: int, epoch: int, count: int, length: int, stream: int) -> np.ndarray:
    """`length` positions below `count`: every one comes before any comes again. Shapes: int32 (length,)."""
    rng = np.random.default_rng((seed, epoch, stream))
    return cycled(rng, np.arange(count), length).astype(np.int32)


def cycled(rng: np.random.Generator, members: np.ndarray, length: int) -> np.ndarray:
    """`length` of the members in random order: every one comes before any comes again."""
    rounds = [rng.permutation(members) for _ in range(-(-length // len(members)))]
    return np.concatenate(rounds)[:length] if rounds else members[:0]


class Draws:
    """The random numbers of one step, or of a bundle of steps. `seed`: run and epoch, int32 (2,); `step`: int32 ()."""

    def __init__(self, seed: tf.Tensor, step: tf.Tensor) -> None:
        self._seed, self._step = seed, step

    def dropout(self, level: Level) -> Drop | None:
        """A function that drops inputs of the i-th layer. Source: Srivastava et al. 2014, JMLR 15."""
        if isinstance(level, int) and level == 0:
            return None
        dropped = tf.convert_to_tensor(level)
        scale = LEVELS / tf.cast(LEVELS - dropped, tf.float32)

        def drop(x: tf.Tensor, layer: int) -> tf.Tensor:
            count = tf.size(x)
            fours = tf.random.stateless_uniform([(count + 3) // 4], self._words(layer), None, None, tf.int32)
            bits = tf.reshape(tf.bitcast(fours, tf.uint8), [-1])[:count]
            keep = tf.reshape(bits >= tf.cast(dropped, tf.uint8), tf.shape(x))
            return tf.where(keep, x * scale, 0.0)

        return drop

    def mixing_share(self, alpha: float) -> tf.Tensor:
        """One draw of Beta(α, α), as the ratio of two draws of Gamma(α)."""
        both = tf.random.stateless_gamma([2], self._words(MIX), alpha)
        return tf.math.divide_no_nan(both[0], both[0] + both[1])

    def _words(self, layer: int) -> tf.Tensor:
        """Two 32-bit words of seed: run and layer in one, epoch and step in the other."""
        return tf.stack([self._seed[0] ^ tf.constant((layer + 1) * 0x01000193 & 0x7FFFFFFF, tf.int32), self._seed[1] * 1_000_003 + self._step])

"""Equal covariances of features in both domains.

Source: Sun and Saenko 2016, Deep CORAL, arXiv:1607.01719.
"""

from __future__ import annotations

import tensorflow as tf

from tlcore.nn import losses
from tlcore.nn.strategies.adaptation import Adaptation


class Coral(Adaptation):
    """The distance of the covariances, of features as the output layer sees them."""

    further = ("coral",)

    def difference(self, source: tf.Tensor, target: tf.Tensor, progress: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        distance = losses.coral(source, target)
        return distance, (distance,)

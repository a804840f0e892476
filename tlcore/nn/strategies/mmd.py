"""Equal distributions of features in both domains, as Gaussian kernels see them.

Source: Long et al. 2015, Deep Adaptation Networks, arXiv:1502.02791.
"""

from __future__ import annotations

import tensorflow as tf

from tlcore.nn import losses
from tlcore.nn.strategies.adaptation import Adaptation


class Mmd(Adaptation):
    """The squared maximum mean discrepancy, of features as the output layer sees them."""

    further = ("mmd",)

    def difference(self, source: tf.Tensor, target: tf.Tensor, progress: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        distance = losses.mmd(source, target)
        return distance, (distance,)

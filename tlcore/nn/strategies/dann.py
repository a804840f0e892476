"""A domain classifier that the features learn to deceive.

Source: Ganin et al. 2016, Domain-Adversarial Training of Neural Networks, JMLR 17, arXiv:1505.07818.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tlcore.nn import losses
from tlcore.nn.strategies.adaptation import Adaptation

SEED_APART = 1_000  # From the head's, whose layers take the seeds after the run's.


class Dann(Adaptation):
    """The domain classifier learns to tell the domains apart; its gradient reaches the features reversed, with a strength that grows."""

    further = ("domain_loss", "domain_accuracy")

    def __init__(self, *settings: Any, **options: Any) -> None:
        super().__init__(*settings, **options)
        shape = (None, int(self.network.dense[-1].kernel.shape[0]))
        self._domain = []
        for i, units in enumerate((self.way.discriminator_units, self.way.discriminator_units, 1)):
            seed = self.recipe.train.seed + SEED_APART + i
            layer = layers.Dense(units, "relu" if i < 2 else None, name=f"domain_{i + 1}", kernel_initializer=keras.initializers.GlorotUniform(seed=seed))
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            self._domain.append(layer)

    @property
    def extras(self) -> list[keras.Variable]:
        return [v for layer in self._domain for v in layer.trainable_variables]

    def difference(self, source: tf.Tensor, target: tf.Tensor, progress: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
        x = losses.reverse_gradient(tf.concat([source, target], 0), losses.adversary_strength(progress, self.way.gamma))
        for layer in self._domain:
            x = layer(x)
        of_source = tf.concat([tf.ones_like(source[:, :1]), tf.zeros_like(target[:, :1])], 0)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(of_source, x))
        right = tf.reduce_mean(tf.cast(tf.equal(x > 0, of_source > 0.5), tf.float32))
        return loss, (loss, right)

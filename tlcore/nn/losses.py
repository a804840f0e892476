"""What a step lowers, as small functions of tensors; all of them are means over pictures or pairs of pictures."""

from __future__ import annotations

import tensorflow as tf

KERNEL_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # Of MMD's Gaussian kernels, times the mean squared distance.
LEAST_DISTANCE = 1e-12  # Equal features have none; a kernel's width must not be zero.


def soft_targets(labels: tf.Tensor, classes: int, smoothing: float = 0.0) -> tf.Tensor:
    """Probabilities to aim at: (1 − s) on the label, s spread over all classes. Shapes: (n,) → (n, classes).

    Source: Szegedy et al. 2016, Rethinking the Inception Architecture, section 7.
    """
    hard = tf.one_hot(labels, classes)
    return hard * (1 - smoothing) + smoothing / classes if smoothing else hard


def cross_entropy(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """−Σ target · log softmax(logits) of each picture, in nats. Shapes: (n, k), (n, k) → (n,)."""
    return -tf.reduce_sum(targets * tf.nn.log_softmax(logits), axis=1)


def mixed_up(x: tf.Tensor, targets: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Every picture blended with one from the batch's other end, and their targets alike.

    A batch is in random order already, so the reverse is as random a partner as any. `share`: λ of Beta(α, α).
    Shapes: x (n, …), targets (n, k) → the same. Source: Zhang et al. 2018, mixup, arXiv:1710.09412; on
    activations: Verma et al. 2019, Manifold Mixup, arXiv:1806.05236.
    """
    blended = share * tf.cast(x, tf.float32) + (1 - share) * tf.cast(tf.reverse(x, [0]), tf.float32)
    if x.dtype == tf.uint8:
        blended = tf.cast(tf.round(blended), tf.uint8)
    return blended, share * targets + (1 - share) * tf.reverse(targets, [0])


def coral(source: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """‖Cs − Ct‖²_F / (4 d²) of the features' covariances. Shapes: (n, d), (m, d) → ().

    Source: Sun and Saenko 2016, Deep CORAL, arXiv:1607.01719, equations 1 to 3.
    """
    d = tf.cast(tf.shape(source)[1], tf.float32)
    return tf.reduce_sum(tf.square(_covariance(source) - _covariance(target))) / (4 * d * d)


def mmd(source: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Squared maximum mean discrepancy under a mean of Gaussian kernels, the biased estimate. Shapes: (n, d), (m, d) → ().

    mean k(s, s') + mean k(t, t') − 2 mean k(s, t), with k = mean over w of exp(−‖a − b‖² / (w · mean ‖a − b‖²)).
    Source: Gretton et al. 2012, equation 5; several kernels in a convex combination: Long et al. 2015, arXiv:1502.02791, section 3.1.
    """
    both = tf.concat([source, target], 0)
    squares = tf.reduce_sum(tf.square(both), 1)
    distances = tf.nn.relu(squares[:, None] + squares[None, :] - 2 * tf.matmul(both, both, transpose_b=True))
    mean = tf.stop_gradient(tf.maximum(tf.reduce_mean(distances), LEAST_DISTANCE))
    kernel = tf.add_n([tf.exp(-distances / (width * mean)) for width in KERNEL_WIDTHS]) / len(KERNEL_WIDTHS)
    n = tf.shape(source)[0]
    return tf.reduce_mean(kernel[:n, :n]) + tf.reduce_mean(kernel[n:, n:]) - 2 * tf.reduce_mean(kernel[:n, n:])


def reverse_gradient(x: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """`x` as it is; on the way back the gradient is multiplied by −strength. Source: Ganin et al. 2016, JMLR 17, section 4.2."""

    @tf.custom_gradient
    def reversed_(value: tf.Tensor) -> tuple:
        return tf.identity(value), lambda upstream: -strength * upstream

    return reversed_(x)


def adversary_strength(progress: tf.Tensor, gamma: float) -> tf.Tensor:
    """2 / (1 + exp(−γ p)) − 1 for progress p from 0 to 1. Source: Ganin et al. 2016, JMLR 17, section 5.2.2."""
    return 2 / (1 + tf.exp(-gamma * progress)) - 1


def _covariance(x: tf.Tensor) -> tf.Tensor:
    """Unbiased. Shapes: (n, d) → (d, d)."""
    centred = x - tf.reduce_mean(x, 0, keepdims=True)
    return tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.maximum(tf.shape(x)[0] - 1, 1), tf.float32)

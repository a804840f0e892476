"""ResNet-20 for small pictures: the architecture of the bundled offline backbone."""

from __future__ import annotations

import keras
from keras import layers

STAGE_FILTERS = (16, 32, 64)
UNITS_PER_STAGE = 3


def ResNet20(
    include_top: bool = False,
    weights: str | None = None,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    name: str = "resnet20",
) -> keras.Model:
    """Build the 20-layer CIFAR ResNet, with the call signature of `keras.applications`.

    Shapes: in (n, side, side, 3) float32 in [-1, 1]; out (n, side/4, side/4, 64), or
    (n, classes) logits with `include_top`. `weights` is a path to a `.weights.h5` file.
    Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2;
    shortcuts that change shape are 1x1 projections (option B).
    """
    inputs = keras.Input(input_shape, name="image")
    x = _conv_bn(inputs, STAGE_FILTERS[0], 3, 1, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, filters in enumerate(STAGE_FILTERS, start=1):
        for unit in range(1, UNITS_PER_STAGE + 1):
            stride = 2 if stage > 1 and unit == 1 else 1
            x = _residual_unit(x, filters, stride, f"stage{stage}_unit{unit}")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, name="logits")(x)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        model.load_weights(weights)
    return model


def _residual_unit(x, filters: int, stride: int, name: str):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _conv_bn(x, filters, 1, stride, f"{name}_shortcut")
    x = _conv_bn(x, filters, 3, stride, f"{name}_a")
    x = layers.ReLU(name=f"{name}_a_relu")(x)
    x = _conv_bn(x, filters, 3, 1, f"{name}_b")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _conv_bn(x, filters: int, kernel: int, stride: int, name: str):
    x = layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)

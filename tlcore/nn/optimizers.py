"""Keras's optimisers as the settings ask for them, and the step size over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tlcore.config import OptimizerConfig


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Grows linearly from zero over `warmup_steps`, then stays, or falls to zero by a half cosine at `total_steps`.

    Source: Loshchilov and Hutter 2017, SGDR, arXiv:1608.03983 (without restarts); warm-up: Goyal et al. 2017, arXiv:1706.02677.
    """

    def __init__(self, rate: float, total_steps: int, warmup_steps: int, cosine: bool) -> None:
        self.rate, self.total_steps, self.warmup_steps, self.cosine = rate, total_steps, warmup_steps, cosine

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rate = ops.convert_to_tensor(self.rate, "float32")
        if self.cosine:
            gone = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
            rate = rate * 0.5 * (1 + ops.cos(3.141592653589793 * ops.clip(gone, 0.0, 1.0)))
        # The first step is one share of the warm-up already: a step of size zero would be wasted.
        return rate * ops.minimum(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else rate

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "total_steps": self.total_steps, "warmup_steps": self.warmup_steps, "cosine": self.cosine}


def step_size(config: OptimizerConfig, rate: float, steps_per_epoch: int, epochs: int) -> float | Schedule:
    """The rate of a group of weights that learns for `epochs`: a number where it never changes."""
    if config.schedule == "constant" and not config.warmup_epochs:
        return rate
    total = steps_per_epoch * max(1, epochs)
    warmup = min(total, round(config.warmup_epochs * steps_per_epoch))
    return Schedule(rate, total, warmup, config.schedule == "cosine")


def make_optimizer(config: OptimizerConfig, rate: float | Schedule | None = None) -> keras.optimizers.Optimizer:
    """Keras's optimiser with decoupled weight decay, from which biases are left out."""
    decay, clip = config.weight_decay or None, config.clip_norm
    rate = config.learning_rate if rate is None else rate
    optimizers: dict[str, Callable[[], keras.optimizers.Optimizer]] = {
        "adam": lambda: keras.optimizers.Adam(rate, weight_decay=decay, global_clipnorm=clip),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, global_clipnorm=clip),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay, global_clipnorm=clip),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate, weight_decay=decay, global_clipnorm=clip),
    }
    optimizer = optimizers[config.name]()
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer

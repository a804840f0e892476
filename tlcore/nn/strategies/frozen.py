"""Blocks below the cut never change: train head and tail on their stored activations.

Source: Donahue et al. 2014, DeCAF, arXiv:1310.1531; Yosinski et al. 2014, arXiv:1411.1792.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from tlcore.config import HeadConfig, LossConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.nn.classifier import Classifier
from tlcore.nn.draws import level_of
from tlcore.nn.strategy import Recipe, Strategy
from tlcore.nn.trainer import Trainer

TRAINERS_KEPT = 8
ANY_RATE = 0.5  # Of dropout, until it is set.


class Frozen(Strategy):
    """The target's labelled pictures, one rate for all that learns."""


def trainer_of_head(cut: Cut, row_shape: tuple[int, ...], classes: int, recipe: Recipe) -> Trainer:
    """A trainer of a head on frozen rows; one that is compiled already starts over where only seed, step size and dropout rate are others."""
    optimizer = recipe.optimizer.model_copy(update={"learning_rate": OptimizerConfig().learning_rate})
    head = recipe.head.model_copy(update={"dropout": ANY_RATE if level_of(recipe.head.dropout) else 0.0})
    trainer = _compiled(cut, row_shape, classes, head, optimizer, recipe.loss, recipe.train.batch_size)
    trainer.start_over(recipe)
    return trainer


@functools.lru_cache(maxsize=TRAINERS_KEPT)
def _compiled(cut: Cut, row_shape: tuple[int, ...], classes: int, head: HeadConfig, optimizer: OptimizerConfig, loss: LossConfig, batch_size: int) -> Trainer:
    recipe = Recipe(head, optimizer, loss, TrainConfig(batch_size=batch_size))
    network = Classifier(None, cut, row_shape, head, classes, recipe.train.seed)
    if network.drops:
        network.drop_level = tf.Variable(network.drop_level, trainable=False)
    return Trainer(Frozen(recipe, network))

"""Blocks below the cut never change: train head and tail on their stored activations.

Source: Donahue et al. 2014, DeCAF, arXiv:1310.1531; Yosinski et al. 2014, arXiv:1411.1792.
"""

from __future__ import annotations

import functools

from tlcore.config import HeadConfig, LossConfig, OptimizerConfig, TrainConfig
from tlcore.cuts import Cut
from tlcore.nn.classifier import Classifier
from tlcore.nn.strategy import Recipe, Strategy
from tlcore.nn.trainer import Trainer

TRAINERS_KEPT = 8


class Frozen(Strategy):
    """The target's labelled pictures, one rate for all that learns."""


def trainer_of_head(cut: Cut, row_shape: tuple[int, ...], classes: int, recipe: Recipe) -> Trainer:
    """A trainer of a head on frozen rows; one that is compiled already starts over where only seed and step size are others."""
    same = recipe.optimizer.model_copy(update={"learning_rate": OptimizerConfig().learning_rate})
    trainer = _compiled(cut, row_shape, classes, recipe.head, same, recipe.loss, recipe.train.batch_size)
    trainer.start_over(recipe.optimizer.learning_rate, recipe.train)
    return trainer


@functools.lru_cache(maxsize=TRAINERS_KEPT)
def _compiled(cut: Cut, row_shape: tuple[int, ...], classes: int, head: HeadConfig, optimizer: OptimizerConfig, loss: LossConfig, batch_size: int) -> Trainer:
    recipe = Recipe(head, optimizer, loss, TrainConfig(batch_size=batch_size))
    return Trainer(Frozen(recipe, Classifier(None, cut, row_shape, head, classes, recipe.train.seed)))

"""The range test of learning rates on a run's own trainer: mini-batch after mini-batch, each at a larger rate than the one before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tlcore.config import RunConfig
from tlcore.datasets.dataset import Dataset
from tlcore.nn import training
from tlcore.nn.strategy import Parts
from tlcore.nn.trainer import Trainer
from tlcore.rate_range import RateRange, has_run_away
from tlcore.reporter import Portion, Reporter
from tlcore.workspace import Workspace

FEATURES_SHARE = 0.5  # Of the time, about.


def find(
    config: RunConfig, dataset: Dataset, workspace: Workspace, run_dir: Path, reporter: Reporter, rates: np.ndarray, source: Dataset | None = None
) -> RateRange:
    """The loss at each of these rates, from the run's own start, until it runs away.

    The rate is that of the head; weights that the strategy lets learn slower keep their share of it. Where it lets some
    learn later, as after a head of its own, the test begins with the first epoch in which all do. Step sizes that change
    over time are left out. Raises as `training.run`.
    """
    plain = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"schedule": "constant", "warmup_epochs": 0.0})})
    with training.begun(plain, dataset, workspace, run_dir, Portion(reporter, 0.0, FEATURES_SHARE), source) as (trainer, parts):
        reporter.phase("rates")
        first = min(trainer.strategy.settled_from, config.train.epochs)
        for number in range(1, first):
            reporter.progress(FEATURES_SHARE, f"epoch {number} of {first - 1} before all learns")
            trainer.strategy.before_epoch(number, trainer, parts, reporter.check)
            trainer.epoch(number, parts, lambda fraction: reporter.check())
        losses = list(_swept(trainer, _steps(trainer, parts, first, reporter), rates, Portion(reporter, FEATURES_SHARE, 1 - FEATURES_SHARE)))
        trainer.release()
    return RateRange(tuple(rates[: len(losses)].tolist()), tuple(losses), len(rates))


def _steps(trainer: Trainer, parts: Parts, first: int, reporter: Reporter) -> Iterator[float]:
    """The losses of as many steps as are asked for, epoch after epoch."""
    for number in itertools.count(first):
        trainer.strategy.before_epoch(number, trainer, parts, reporter.check)
        yield from trainer.step_losses(number, parts, lambda fraction: reporter.check())


def _swept(trainer: Trainer, steps: Iterator[float], rates: np.ndarray, reporter: Reporter) -> Iterator[float]:
    """Take one step at each rate; the loss is that of the mini-batch before the step."""
    losses: list[float] = []
    for place, rate in enumerate(rates):
        trainer.scale_rates(rate / trainer.strategy.recipe.optimizer.learning_rate)
        losses.append(next(steps))
        reporter.progress((place + 1) / len(rates), f"rate {rate:.1e}")
        yield losses[-1]
        if has_run_away(losses, len(rates)):
            return

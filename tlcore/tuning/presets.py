"""Ready studies, made from the settings of one run."""

from __future__ import annotations

from tlcore.backbones import spec
from tlcore.config import RunConfig
from tlcore.errors import InputError
from tlcore.strategies import LearnsBlocks
from tlcore.tuning.axes import Listed, Ranged
from tlcore.tuning.study import Budget, Study

QUICK_TRIALS = 30


def quick_search(config: RunConfig) -> Study:
    """Head, rate and dropout: what costs next to nothing where the frozen layers' activations are stored."""
    rate = config.optimizer.learning_rate
    return Study(
        name=f"Quick search · {config.title}"[:120],
        base=config,
        space={
            "head.hidden": Listed(values=([], [64], [128], [256])),
            "optimizer.learning_rate": Ranged(low=rate / 10, high=min(10.0, rate * 10), log=True),
            "head.dropout": Ranged(low=0.0, high=0.6),
        },
        sampler="tpe", pruner="median", budget=Budget(trials=QUICK_TRIALS),
    )


def depth_sweep(config: RunConfig, seeds: int = 3) -> Study:
    """Every number of blocks that can learn, each repeated with other seeds.

    A strategy that needs blocks that learn begins with one. Raises InputError for one in which all of them do.
    """
    if config.strategy.name == "scratch":
        raise InputError("From scratch every block learns, so there is no depth to sweep. Choose another strategy.")
    first = 1 if isinstance(config.strategy, LearnsBlocks) else 0
    depths = range(first, len(spec(config.backbone.name).blocks) + 1)
    return Study(
        name=f"Depth sweep · {config.title}"[:120],
        base=config,
        space={"freeze.trainable_blocks": Listed(values=tuple(depths))},
        sampler="grid", pruner="none", budget=Budget(trials=len(depths)), seeds=seeds, finalists=None,
    )

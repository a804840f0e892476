"""The step size over time, against hand-worked numbers."""

import numpy as np
import pytest

from tlcore.config import OptimizerConfig
from tlcore.nn.optimizers import make_optimizer, step_size


def rates(steps, **settings):
    schedule = step_size(OptimizerConfig(**settings), 0.1, steps_per_epoch=10, epochs=10)
    return [float(schedule(step)) for step in steps]


def test_a_rate_that_never_changes_is_a_number():
    assert step_size(OptimizerConfig(), 0.1, 10, 10) == 0.1


def test_the_cosine_ends_at_zero():
    assert rates([0, 50, 100, 120], schedule="cosine") == pytest.approx([0.1, 0.05, 0, 0], abs=1e-8)
    assert rates([25], schedule="cosine") == pytest.approx([0.05 * (1 + np.cos(np.pi / 4))])


def test_the_warm_up_grows_in_equal_steps_and_never_is_zero():
    assert rates([0, 9, 19, 20, 99], warmup_epochs=2) == pytest.approx([0.005, 0.05, 0.1, 0.1, 0.1])
    assert rates([0, 20, 60, 100], warmup_epochs=2, schedule="cosine") == pytest.approx([0.005, 0.1, 0.05, 0], abs=1e-8)


def test_the_optimiser_takes_its_rate_from_the_schedule():
    optimizer = make_optimizer(OptimizerConfig(schedule="cosine"), step_size(OptimizerConfig(schedule="cosine"), 0.2, 5, 2))
    assert float(optimizer.learning_rate) == pytest.approx(0.2)

"""What is asked of settings before they run: which rate, and whether more labels would help; on real digits with the bundled network."""

from __future__ import annotations

import numpy as np
import pytest

from tlcore.config import parse, with_changes
from tlcore.datasets.sources import add_dataset
from tlcore.errors import Cancelled, InputError
from tlcore.nn import growth, rate_range
from tlcore.rate_range import rising
from tlcore.reporter import NullReporter, Portion
from tlcore.workspace import Workspace

DIGITS = {"dataset": "digits", "backbone": {"name": "ResNet20"}, "head": {"pooling": "flatten"}, "train": {"epochs": 10, "batch_size": 64}}


class Notes(NullReporter):
    """Keeps progress and phases; stops the job where it is told to."""

    def __init__(self, stop_at=2.0):
        super().__init__()
        self.told, self.stop_at = [], stop_at

    def progress(self, fraction, message=""):
        self.told.append(fraction)

    def check(self):
        if self.told and self.told[-1] >= self.stop_at:
            raise Cancelled("Cancelled.")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    return workspace, add_dataset("digits", None, workspace, NullReporter())


@pytest.fixture
def sweep(shared, tmp_path):
    def go(rates, reporter=None, **changes):
        workspace, dataset = shared
        return rate_range.find(parse(with_changes(DIGITS, changes)), dataset, workspace, tmp_path, reporter or NullReporter(), rates)

    return go


def test_a_head_gets_a_rate_at_which_it_learns_and_the_test_ends_when_the_loss_runs_away(sweep):
    notes = Notes()
    found = sweep(rising(), notes)
    assert 1e-4 < found.suggestion < 1e-2 and found.suggestion < found.rates[found.lowest] < found.diverges < 1
    assert found.smooth[found.lowest] < 0.5 < 2 < found.start
    assert len(found.losses) < found.planned == 140
    swept = notes.told[-len(found.losses) :]
    assert swept == sorted(swept) and max(notes.told[: -len(found.losses)]) <= 0.5 < swept[0] and {"features", "rates"} <= set(notes.phases())
    assert sweep(rising()).losses == found.losses  # The same question, the same answer.


def test_rates_are_those_that_were_asked_for_and_move_the_weights_as_much(sweep):
    # A rate of next to nothing leaves all as it is: each loss is that of the first weights.
    still = sweep(rising(1e-12, 1e-11, 46))
    assert len(still.rates) == 46 and still.suggestion is None
    assert np.std(still.losses[:23]) < 0.5 and np.mean(still.losses[:23]) == pytest.approx(np.mean(still.losses[23:]), rel=0.05)
    moved = sweep(rising(1e-3, 1.1e-3, 46))
    assert moved.losses[0] == pytest.approx(still.losses[0]) and np.mean(moved.losses[23:]) < 0.4 * np.mean(still.losses[23:])


def test_blocks_that_learn_take_part_once_the_head_has_had_its_epochs(sweep):
    own = {"classes": ["1", "4", "7"], "freeze.trainable_blocks": 1, "head.pooling": "avg"}
    found = sweep(rising(1e-5, 1e-2, 20), **own, **{"strategy.name": "fine_tune"})
    assert len(found.losses) == 20 and min(found.losses) < found.losses[0] - 0.2
    # After ten epochs of the head alone its loss is lower from the first mini-batch on.
    after = sweep(rising(1e-5, 1e-2, 20), **own, **{"strategy.name": "lp_ft", "strategy.head_epochs": 5, "strategy.head_rate": 0.01})
    assert after.losses[0] < found.losses[0] - 0.3


def test_a_cancelled_range_test_stops_soon(sweep):
    with pytest.raises(Cancelled):
        sweep(rising(), Notes(stop_at=0.7))


def test_more_labels_help_a_head_that_has_few_and_the_figures_are_of_validation_pictures(shared):
    workspace, dataset = shared
    changes = {"head.pooling": "avg", "optimizer.learning_rate": 0.02, "split.val_fraction": 0.3}
    notes, config = Notes(), parse(with_changes(DIGITS, changes))
    found = growth.measure(config, dataset, workspace, notes)
    assert len(found.labels) == 4 and found.labels[0] == pytest.approx(0.1 * found.labels[-1], abs=6)
    assert all(len(each) == 5 for each in found.accuracies) and found.judged == pytest.approx(540, abs=5)
    assert 0.7 < np.mean(found.accuracies[0]) < np.mean(found.accuracies[2]) < found.now < 0.95
    assert 0 < found.gain.low < found.gain.value < found.gain.high < 5
    assert len(found.classes) == 10 and notes.told[-20:] == sorted(notes.told[-20:])
    assert growth.measure(config, dataset, workspace, NullReporter()) == found


def test_too_few_pictures_are_refused_before_anything_is_computed(shared, monkeypatch):
    workspace, dataset = shared
    monkeypatch.setattr(growth, "_features", None)
    with pytest.raises(InputError, match="labelled training pictures; to see what a tenth of them would do it takes 20"):
        growth.measure(parse(with_changes(DIGITS, {"split.train_fraction": 0.1})), dataset, workspace, NullReporter())


def test_a_part_of_a_job_tells_its_own_share():
    notes = Notes()
    part = Portion(notes, 0.5, 0.25)
    for fraction in (0.0, 0.5, 1.2):
        part.progress(fraction)
    assert notes.told == [0.5, 0.625, 0.75]

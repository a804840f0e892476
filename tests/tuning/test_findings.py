"""What mattered, what is beaten by nothing, and how each value did: from trials whose scores are known by formula."""

from __future__ import annotations

import math

import pytest

from tests.tuning.studies import add_rows, recorded, row, study
from tlcore.store import Store
from tlcore.tuning import findings
from tlcore.tuning.trials import StudyView, gather

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)


@pytest.fixture
def store(workspace) -> Store:
    return Store.open(workspace)


def viewed(store: Store, rows: list[dict], **changes) -> StudyView:
    series = recorded(store, study(**changes))
    add_rows(store, series, rows)
    return gather(store, series)


def values(rate: float = 1e-3, hidden: tuple[int, ...] = (), dropout: float = 0.2) -> dict:
    return {"optimizer.learning_rate": rate, "head.hidden": list(hidden), "head.dropout": dropout}


def test_the_setting_that_the_score_hangs_on_is_the_weightiest(store):
    rows = [row(i, score=0.9 - 0.1 * abs(math.log10(RATES[i % 5]) + 3), values=values(RATES[i % 5], (64,) if i % 2 else (), i % 3 / 10)) for i in range(30)]
    found = findings.importance(viewed(store, rows))
    assert found["setting"][0] == "optimizer.learning_rate" and found["importance"][0] > 0.8
    assert found["importance"].sum() == pytest.approx(1) and set(found["setting"]) == {"optimizer.learning_rate", "head.hidden", "head.dropout"}


def test_too_few_trials_and_equal_scores_tell_nothing(store):
    assert findings.importance(viewed(store, [row(i, score=i / 10, values=values()) for i in range(findings.FEWEST - 1)])).empty
    assert findings.importance(viewed(store, [row(i, score=0.5, values=values(RATES[i % 5])) for i in range(20)])).empty


def test_pruned_trials_and_repeats_weigh_nothing(store):
    rows = [row(i, score=0.5 + i / 100, values=values(RATES[i % 5])) for i in range(7)] + [row(7, "cancelled", 0.9, pruned=True, values=values()), row(6, score=0.6, role="repeat", seed=1, values=values())]
    assert findings.importance(viewed(store, rows)).empty


def test_the_front_holds_what_no_other_trial_beats(store):
    rows = [row(0, score=0.8, seconds=1), row(1, score=0.9, seconds=3), row(2, score=0.85, seconds=4), row(3, score=0.7, seconds=0.5), row(4, "failed")]
    assert [trial.number for trial in findings.pareto(viewed(store, rows))] == [3, 0, 1]
    by_loss = viewed(store, rows, goal={"metric": "val_loss"})  # The rows' loss is 1 - score.
    assert [trial.number for trial in findings.pareto(by_loss)] == [3, 0, 1]


def test_a_value_is_judged_by_all_its_seeds(store):
    swept = {"space": {"freeze.trainable_blocks": {"values": [2, 0]}}, "sampler": "grid"}
    at = lambda blocks: {"freeze.trainable_blocks": blocks}  # noqa: E731
    rows = [row(0, score=0.9, seconds=4, values=at(2)), row(1, score=0.80, seconds=1, values=at(0)), row(1, score=0.82, seconds=2, role="repeat", seed=1, values=at(0)), row(1, score=0.84, seconds=3, role="repeat", seed=2, values=at(0)), row(0, score=0.99, role="final", values=at(2))]
    found = findings.by_value(viewed(store, rows, **swept), "freeze.trainable_blocks")
    assert found["value"].tolist() == [2, 0] and found["runs"].tolist() == [1, 3] and found["seconds"].tolist() == [4, 2]
    # t of two degrees of freedom is 4.303, s is 0.02: 0.82 ± 4.303 · 0.02 / √3.
    assert found["mean"][1] == pytest.approx(0.82) and found["low"][1] == pytest.approx(0.7703, abs=1e-4) and found["high"][1] == pytest.approx(0.8697, abs=1e-4)
    assert math.isnan(found["low"][0]), "one run gives no interval"

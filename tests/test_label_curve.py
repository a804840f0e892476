"""Does transfer help? The plan of the runs, the figures of those that ended, and the sentences made of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import t as student

from tests import label_series
from tests.label_series import FIGURES
from tlcore import demo, jobs, label_curve, label_points
from tlcore.config import parse
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import divide
from tlcore.errors import InputError
from tlcore.label_curve import plan
from tlcore.label_points import Mean, answer, gather
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace

pytestmark = pytest.mark.usefixtures("no_supervisor")


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Dataset:
    workspace = Workspace(tmp_path_factory.mktemp("labels") / "workspace").create()
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    return Dataset.open(workspace.dataset(store.dataset("digits").id))


def settings(**changes):
    return parse({"dataset": "digits", **changes})


def curve_of(store, series):
    return gather(store.series.get(series), store.series.jobs(series))


# --- the plan


def test_the_plan_is_every_way_with_every_number_of_labels_and_seed_once(digits):
    made = plan(settings(train={"seed": 7}, target={"seed": 3}), digits)
    found = {(run.strategy, run.fraction, run.config.train.seed, run.config.target.seed) for run in made.runs}
    assert found == {(way, fraction, 7 + n, 3 + n) for way in ("scratch", "frozen", "fine_tune") for fraction in (0.05, 0.2, 1.0) for n in range(3)}
    assert len(made.runs) == 27 == len({run.config.hash() for run in made.runs})
    assert made.runs[0].config.title == "Does transfer help? · frozen · 5% · seed 7"
    assert {run.config.train.seed for run in made.runs[:9]} == {7}, "one seed is whole before the next begins"
    assert made.labels == label_series.LABELS and not made.left_out


def test_test_pictures_are_the_same_in_all_runs_and_seeds_label_others(digits):
    made = plan(settings(source={"dataset": "digits"}), digits)  # Whose division would follow the seed.
    divided = {(run.strategy, run.fraction, run.config.train.seed): divide(run.config, digits, None).target for run in made.runs}
    first = divided["frozen", 0.05, 0]
    assert all(np.array_equal(split.test, first.test) and split.classes == first.classes for split in divided.values())
    for fraction in (0.05, 0.2):
        for seed in range(3):
            assert len({divided[way, fraction, seed].train.tobytes() for way in label_curve.WAYS}) == 1, "all ways learn from the same"
        assert len({divided["frozen", fraction, seed].train.tobytes() for seed in range(3)}) == 3
        assert len(divided["frozen", fraction, 0].train) == made.labels[fraction]
    assert len(divided["frozen", 1.0, 0].train) == 1259
    assert any("source" in sentence for sentence in made.left_out)


def by_way(config, digits, fraction=1.0):
    return {run.strategy: run.config for run in plan(config, digits, seeds=1).runs if run.fraction == fraction}


def test_each_way_gets_rates_blocks_and_epochs_that_suit_it(digits):
    ways = by_way(settings(optimizer={"learning_rate": 0.004}, train={"epochs": 30, "batch_size": 64, "early_stopping_patience": 5}), digits)
    assert [ways[way].freeze.trainable_blocks for way in ("frozen", "fine_tune", "scratch")] == [0, 2, 4]
    assert [ways[way].optimizer.learning_rate for way in ("frozen", "fine_tune", "scratch")] == pytest.approx([0.004, 0.0004, 0.001])
    assert [ways[way].optimizer.warmup_epochs for way in ("frozen", "fine_tune", "scratch")] == [0, 1, 0]
    assert {(run.train.epochs, run.train.early_stopping_patience) for run in ways.values()} == {(60, 10)}, "none is held shorter than another"
    longer = by_way(settings(train={"epochs": 90, "early_stopping_patience": 20}), digits)
    assert {(run.train.epochs, run.train.early_stopping_patience) for run in longer.values()} == {(90, 20)}
    assert [ways[way].backbone.weights for way in ("frozen", "fine_tune", "scratch")] == ["bundled", "bundled", "none"]


def test_fewer_labels_get_as_many_more_epochs_as_an_epoch_has_fewer_updates(digits):
    config = settings(train={"epochs": 30, "batch_size": 64, "early_stopping_patience": 5})
    few = by_way(config, digits, 0.05)
    # 1,259 pictures are 20 updates of 64, 60 are one; 250 are 4.
    assert (few["frozen"].train.epochs, few["frozen"].train.early_stopping_patience, few["fine_tune"].optimizer.warmup_epochs) == (1200, 200, 20)
    assert by_way(config, digits, 0.2)["scratch"].train.epochs == 300
    assert by_way(settings(train={"early_stopping_patience": None}), digits, 0.05)["scratch"].train.early_stopping_patience is None


def test_what_was_set_for_one_way_is_kept_for_that_way(digits):
    tuned = by_way(settings(strategy={"name": "fine_tune", "rate_factor": 0.5}, freeze={"trainable_blocks": 3}, optimizer={"learning_rate": 2e-5}), digits)
    assert (tuned["fine_tune"].optimizer.learning_rate, tuned["fine_tune"].strategy.rate_factor, tuned["fine_tune"].freeze.trainable_blocks) == (2e-5, 0.5, 3)
    assert (tuned["frozen"].optimizer.learning_rate, tuned["scratch"].optimizer.learning_rate, tuned["frozen"].freeze.trainable_blocks) == (1e-3, 1e-3, 0)
    scratch = by_way(settings(strategy={"name": "scratch"}, optimizer={"learning_rate": 3e-3}, train={"epochs": 90}), digits)
    assert (scratch["scratch"].optimizer.learning_rate, scratch["scratch"].train.epochs) == (3e-3, 90)
    assert (scratch["frozen"].backbone.weights, scratch["fine_tune"].freeze.trainable_blocks, scratch["frozen"].optimizer.learning_rate) == ("bundled", 2, 1e-3)
    assert by_way(settings(strategy={"name": "lp_ft", "head_rate": 0.02}, freeze={"trainable_blocks": 1}), digits)["frozen"].optimizer.learning_rate == 0.02


def test_fractions_with_too_few_labels_of_a_class_are_left_out_with_the_reason(digits):
    made = plan(settings(split={"train_fraction": 0.1}), digits)
    assert set(made.labels) == {0.2, 1.0} and len(made.runs) == 18
    (sentence,) = made.left_out
    assert sentence.startswith("5% of the labels: class '") and "would have 1 labelled training picture; 2 are the least" in sentence
    with pytest.raises(InputError, match="no number of labels can be planned"):
        plan(settings(split={"train_fraction": 0.001}), digits)


def test_nothing_to_transfer_and_odd_numbers_of_seeds_are_refused(digits):
    with pytest.raises(InputError, match="nothing to transfer"):
        plan(settings(backbone={"weights": "none"}), digits)
    with pytest.raises(InputError, match="1 to 10"):
        plan(settings(), digits, seeds=11)


def test_the_time_of_all_counts_frozen_layers_once_and_grows_with_seeds(store):
    demo.ensure_built_in("digits", store, store.workspace)
    three, six = (label_curve.plan_for(store, settings(), seeds) for seeds in (3, 6))
    expected = label_curve.forecasts(store, three)
    assert len(expected) == 9
    whole = label_curve.expected_seconds(three, expected)
    assert 0 < whole.low < whole.likely < whole.high
    assert 1.7 * whole.likely < label_curve.expected_seconds(six, expected).likely < 2 * whole.likely
    longer = {each: dataclasses.replace(outlook, phases={**outlook.phases, "features": whole}) for each, outlook in expected.items()}
    features = sum(max(outlook.phases["features"].likely for (way, _), outlook in expected.items() if way == each) for each in label_curve.WAYS)
    assert label_curve.expected_seconds(three, longer).likely == pytest.approx(whole.likely - features + 3 * whole.likely)


# --- what they say


def test_the_interval_of_a_mean_is_that_of_student():
    mean = Mean.of([0.70, 0.72, 0.74])
    # s = 0.02; 4.303 · 0.02 / √3 = 0.04969
    assert (mean.value, mean.low, mean.high) == pytest.approx((0.72, 0.67031, 0.76969), abs=1e-5)
    assert Mean.of([0.5]) == Mean(0.5, None, None) == Mean.of([0.5, 0.5, 0.5])
    assert Mean(0.98, 0.9, 1.06).within(0, 1) == Mean(0.98, 0.9, 1.0)
    assert pytest.approx([student.ppf(0.975, n) for n in range(1, 10)], abs=5e-4) == label_points.T_95


def test_points_are_means_over_seeds_against_the_number_of_labels(store):
    series = label_series.queued(store)
    assert curve_of(store, series).points == () and curve_of(store, series).progress == "0 of 27 done, 27 waiting"
    label_series.end(store)
    curve = curve_of(store, series)
    assert curve.progress == "27 of 27 done" and not curve.active
    table = curve.table().set_index(["strategy", "labels"])
    assert len(table) == 9 and set(table["runs"]) == {3}
    row = table.loc[("from scratch", 60)]  # 0.30, 0.30, 0.36: mean 0.32, s = 0.034641, half 4.303 · 0.02 = 0.08606
    assert (row["accuracy"], row["low"], row["high"], row["val_labels"]) == pytest.approx((0.32, 0.23394, 0.40606, 8), abs=1e-5)
    assert table.loc[("fine-tuned", 1259), "high"] == pytest.approx(0.97484, abs=1e-5)


def test_the_answer_tells_the_gain_with_few_and_with_all_labels_and_what_scratch_would_need(store):
    series = label_series.queued(store)
    label_series.end(store)
    few, most, needed = answer(curve_of(store, series))
    # Differences 0.40, 0.42, 0.38: mean 0.40, s = 0.02, half 0.04969.
    assert few == "With 60 labelled pictures transfer (frozen) reaches 72.0% (67.0 to 77.0), training from scratch 32.0% (23.4 to 40.6): 40.0 points gained (35.0 to 45.0)."
    assert most.startswith("With 1,259 labelled pictures transfer (fine-tuned) reaches 95.0%") and "no clear difference" in most
    # 0.62 with 250, 0.95 with 1,259: 0.72 lies 0.30303 of the way; 250 · (1259 / 250)^0.30303 = 408.
    assert needed == "Training from scratch needs about 410 labelled pictures for the 72.0% that transfer has with 60, read off the line between 250 and 1,259."


def test_scratch_that_wins_is_said_to_win(store):
    series = label_series.queued(store)
    label_series.end(store, figure=lambda job: FIGURES["scratch" if label_points.setting(job)[0] != "scratch" else "frozen", label_points.setting(job)[1]][job.config.train.seed])
    few, most = answer(curve_of(store, series))
    assert "scratch wins by 40.0 points (35.0 to 45.0)" in few and "no clear difference" in most


def test_what_scratch_would_need_is_left_out_where_the_gain_is_not_clear(store):
    series = label_series.queued(store)
    figures = {"frozen": (0.3, 0.5, 0.4), "fine_tune": (0.1, 0.1, 0.1), "scratch": (0.4, 0.3, 0.35)}
    label_series.end(store, figure=lambda job: figures[label_points.setting(job)[0]][job.config.train.seed])
    few, _ = answer(curve_of(store, series))
    assert "no clear difference" in few  # Two sentences, no third.


def test_scratch_that_never_gets_there_is_said_not_to(store):
    series = label_series.queued(store)
    label_series.end(store, figure=lambda job: 0.4 if label_points.setting(job)[0] == "scratch" else 0.8)
    assert answer(curve_of(store, series))[-1] == "Training from scratch doesn't reach the 80.0% that transfer has with 60 labelled pictures, with 1,259 neither."


def test_validation_chooses_the_way_that_is_told_not_the_test(store):
    series = label_series.queued(store)
    label_series.end(store)
    curve = curve_of(store, series)
    points = tuple(dataclasses.replace(point, chosen_by=0.9 if point.strategy == "fine_tune" else 0.1) for point in curve.points)
    assert "transfer (fine-tuned) reaches 71.0%" in answer(dataclasses.replace(curve, points=points))[0]


def test_a_series_that_goes_on_or_lost_runs_tells_what_there_is(store):
    series = label_series.queued(store)
    label_series.end(store, 2)
    assert answer(curve_of(store, series)) == [], "scratch has no result yet"
    label_series.end(store, 1)
    (only,) = answer(curve_of(store, series))
    assert only.endswith("40.0 points gained, by a single seed, which may be chance.")
    store.finish(store.claim("w"), JobState.failed, error="no")
    first = store.series.jobs(series)[0].id
    jobs.delete_run(store, store.workspace, first)
    curve = curve_of(store, series)
    assert curve.progress == "2 of 27 done, 23 waiting, 1 failed, 1 deleted"
    assert "transfer (fine-tuned)" in answer(curve)[0]
    document = curve.to_document()
    assert document["points"][0]["low"] is None and document["states"]["failed"] == 1 and len(document["runs"]) == 26


def test_the_least_number_of_epochs_has_a_range(digits):
    with pytest.raises(InputError, match="0 epochs at least can't be planned: choose 1 to 1,000"):
        plan(settings(), digits, least_epochs=0)

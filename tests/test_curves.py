"""Curves hold the committed figures of every part, and smoothing is what it says."""

from __future__ import annotations

import pandas as pd
import pytest

from tlcore.curves import COLUMNS, FURTHER, METRICS, curves, figure, metrics_of, series, smooth

EPOCHS = pd.DataFrame(
    {"epoch": [1, 2, 3], "seconds": [1.0, 2.0, 3.0], "loss": [4.0, 2.0, 1.0], "val_loss": [5.0, 3.0, None], "val_accuracy": [0.5, 0.6, 0.7]}
)
TWO_DOMAINS = EPOCHS.assign(learning_rate=0.1, val_macro_f1=0.5, source_val_loss=[2.0, 1.5, 1.0], source_val_auc=0.9, domain_accuracy=[0.9, 0.7, 0.5])


def sizes(points: pd.DataFrame) -> dict:
    return points.groupby(["run", "metric", "part"]).size().to_dict()


def test_each_series_becomes_points_and_gaps_are_left_out():
    points = curves({"a": EPOCHS, "b": EPOCHS.head(1)})
    assert list(points.columns) == COLUMNS
    assert sizes(points) == {
        ("a", "accuracy", "validation"): 3,
        ("a", "loss", "training"): 3,
        ("a", "loss", "validation"): 2,
        ("b", "accuracy", "validation"): 1,
        ("b", "loss", "training"): 1,
        ("b", "loss", "validation"): 1,
    }


def test_both_domains_and_the_strategys_own_figures_have_series():
    points = curves({"a": TWO_DOMAINS})
    assert set(sizes(points)) == {("a", *found) for found in (
        ("loss", "training"), ("loss", "validation"), ("loss", "source validation"), ("accuracy", "validation"),
        ("macro_f1", "validation"), ("auc", "source validation"), ("domain_accuracy", "training"),
    )}
    assert points[(points["metric"] == "loss") & (points["part"] == "source validation")]["value"].tolist() == [2.0, 1.5, 1.0]
    assert set(curves({"a": TWO_DOMAINS}, metrics=["auc"])["metric"]) == {"auc"}


def test_where_no_label_of_the_target_is_read_validation_is_the_sources():
    assert series("val_balanced_accuracy", on_source=True) == ("balanced_accuracy", "source validation")
    assert series("val_balanced_accuracy") == ("balanced_accuracy", "validation")
    points = curves({"a": EPOCHS, "b": EPOCHS}, on_source=["b"])
    assert set(points[points["run"] == "a"]["part"]) == {"training", "validation"}
    assert set(points[points["run"] == "b"]["part"]) == {"training", "source validation"}


def test_metrics_come_in_the_order_in_which_they_are_drawn_each_with_its_title():
    assert metrics_of(TWO_DOMAINS.columns) == ["accuracy", "loss", "macro_f1", "auc", "domain_accuracy"]
    assert metrics_of(["epoch", "seconds", "learning_rate"]) == []
    assert figure("domain_accuracy").meaning.startswith("Share of pictures whose domain") and figure("auc").title == "AUC"
    assert figure("some_loss").title == "Some loss", "of a strategy that nobody has described yet"
    assert not set(METRICS) & set(FURTHER)


def test_the_best_epoch_is_marked_in_every_series_of_its_run():
    points = curves({"a": TWO_DOMAINS, "b": EPOCHS}, best={"a": 2})
    assert set(points[points["best"]]["epoch"]) == {2} and set(points[points["best"]]["run"]) == {"a"}
    assert points[points["best"]]["metric"].nunique() == 5


def test_smoothing_by_hand():
    # Weights 0.5^age: (2 + 0.5*4) / 1.5, then (1 + 0.5*2 + 0.25*4) / 1.75.
    assert smooth(EPOCHS["loss"], 0.5).tolist() == pytest.approx([4, 4 / 1.5, 3 / 1.75])
    assert smooth(EPOCHS["loss"], 0.0).tolist() == [4, 2, 1]


def test_a_run_without_epochs_has_no_points():
    assert curves({"a": EPOCHS.head(0)}).empty
    assert list(curves({}).columns) == COLUMNS


def test_a_long_run_is_drawn_with_its_first_last_and_best_epoch():
    epochs = pd.DataFrame({"epoch": range(1, 5001), "seconds": range(5000), "loss": [1.0] * 5000})
    drawn = curves({"long": epochs})["epoch"]
    assert len(drawn) == 400 and drawn.is_unique
    assert (drawn.iloc[0], drawn.iloc[-1]) == (1, 5000)
    left_out = next(epoch for epoch in range(2, 5000) if epoch not in set(drawn))
    marked = curves({"long": epochs}, best={"long": left_out})
    assert len(marked) == 401 and marked["epoch"].is_monotonic_increasing
    assert marked[marked["best"]]["epoch"].tolist() == [left_out]

"""Curves hold the committed figures, and smoothing is what it says."""

from __future__ import annotations

import pandas as pd
import pytest

from tlcore.curves import COLUMNS, curves, smooth

EPOCHS = pd.DataFrame(
    {"epoch": [1, 2, 3], "seconds": [1.0, 2.0, 3.0], "loss": [4.0, 2.0, 1.0], "val_loss": [5.0, 3.0, None], "val_accuracy": [0.5, 0.6, 0.7]}
)


def test_each_series_becomes_points_and_gaps_are_left_out():
    points = curves({"a": EPOCHS, "b": EPOCHS.head(1)})
    assert list(points.columns) == COLUMNS
    assert points.groupby(["run", "metric", "part"]).size().to_dict() == {
        ("a", "accuracy", "validation"): 3,
        ("a", "loss", "training"): 3,
        ("a", "loss", "validation"): 2,
        ("b", "accuracy", "validation"): 1,
        ("b", "loss", "training"): 1,
        ("b", "loss", "validation"): 1,
    }


def test_smoothing_by_hand():
    # Weights 0.5^age: (2 + 0.5*4) / 1.5, then (1 + 0.5*2 + 0.25*4) / 1.75.
    assert smooth(EPOCHS["loss"], 0.5).tolist() == pytest.approx([4, 4 / 1.5, 3 / 1.75])
    assert smooth(EPOCHS["loss"], 0.0).tolist() == [4, 2, 1]


def test_a_run_without_epochs_has_no_points():
    assert curves({"a": EPOCHS.head(0)}).empty
    assert list(curves({}).columns) == COLUMNS


def test_a_long_run_is_drawn_with_its_first_and_last_epoch():
    epochs = pd.DataFrame({"epoch": range(1, 5001), "seconds": range(5000), "loss": [1.0] * 5000})
    drawn = curves({"long": epochs})["epoch"]
    assert len(drawn) == 400 and drawn.is_unique
    assert (drawn.iloc[0], drawn.iloc[-1]) == (1, 5000)

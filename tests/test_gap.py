"""The generalisation gap is training less validation, by hand, and told in words."""

from __future__ import annotations

import pandas as pd
import pytest

from tlcore.gap import COLUMNS, gaps, in_words

EPOCHS = pd.DataFrame(
    {
        "epoch": [1, 2, 3], "seconds": [1.0, 2.0, 3.0],
        "accuracy": [0.5, 0.8, 0.973], "val_accuracy": [0.55, 0.8, 0.9], "source_val_accuracy": [0.4, 0.6, 0.973],
        "loss": [2.0, 1.0, 0.1], "val_loss": [1.9, 1.25, None],
    }
)


def of(points: pd.DataFrame, metric: str, part: str) -> list[float]:
    return points[(points["metric"] == metric) & (points["part"] == part)]["value"].tolist()


def test_the_gap_is_above_zero_where_training_pictures_fare_better():
    points = gaps(EPOCHS, best=2)
    assert list(points.columns) == COLUMNS
    assert of(points, "accuracy", "validation") == pytest.approx([-0.05, 0.0, 0.073])
    assert of(points, "accuracy", "source validation") == pytest.approx([0.1, 0.2, 0.0])
    assert of(points, "loss", "validation") == pytest.approx([-0.1, 0.25]), "validation less training; an epoch without a figure leaves no point"
    assert set(points[points["best"]]["epoch"]) == {2}


def test_where_no_label_of_the_target_is_read_the_validation_pictures_are_the_sources():
    assert set(gaps(EPOCHS[["epoch", "seconds", "accuracy", "val_accuracy"]], on_source=True)["part"]) == {"source validation"}


def test_the_gap_in_words():
    points = gaps(EPOCHS)
    assert in_words(points, 3) == [
        "At epoch 3 the training pictures are recognised 7.3 points better than the validation pictures.",
        "At epoch 3 the training pictures are recognised as well as the source validation pictures.",
    ]
    assert in_words(points, 1)[0] == "At epoch 1 the training pictures are recognised 5.0 points worse than the validation pictures; their loss is 0.100 nats higher."
    assert in_words(points, 2)[0].endswith("as well as the validation pictures; their loss is 0.250 nats lower.")


def test_without_training_or_validation_figures_there_is_no_gap():
    assert gaps(EPOCHS[["epoch", "seconds", "val_accuracy"]]).empty and gaps(EPOCHS.head(0)).empty
    assert in_words(gaps(EPOCHS), 99) == []


def test_a_long_run_keeps_its_best_epoch():
    long = pd.DataFrame({"epoch": range(1, 2001), "seconds": 1.0, "accuracy": 0.9, "val_accuracy": 0.8})
    points = gaps(long, best=1234)
    assert 400 <= len(points) <= 401 and points[points["best"]]["epoch"].tolist() == [1234]

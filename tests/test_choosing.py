"""The best epoch by hand: of losses the lowest, of other figures the highest, and none before one may be chosen."""

from __future__ import annotations

import math

from tlcore.choosing import Choice
from tlcore.config import parse

FIGURES = list(enumerate((0.4, 0.9, 0.2, 0.9, 0.3), start=1))


def test_of_losses_the_lowest_is_best_and_of_others_the_first_of_the_highest():
    assert Choice("val_loss").best(FIGURES) == 3
    assert Choice("val_macro_f1").best(FIGURES) == 2
    assert Choice("val_loss").best([]) is None


def test_before_one_may_be_chosen_the_latest_counts():
    assert [Choice("val_macro_f1", 4).best(FIGURES[:n]) for n in range(1, 6)] == [1, 2, 3, 4, 4]
    assert Choice("val_loss", 4).best(FIGURES) == 5


def test_a_figure_that_is_no_number_is_never_better():
    assert Choice("val_auc").best([(1, math.nan), (2, 0.6), (3, math.nan), (4, 0.5)]) == 2
    assert Choice("val_auc").best([(1, math.nan), (2, math.nan)]) == 1


def test_it_follows_from_the_settings_of_a_run_whole_or_not():
    whole = parse({"dataset": "d", "source": {"dataset": "s"}, "strategy": {"name": "coral"}, "head": {"hidden": [8]}, "train": {"epochs": 9, "monitor": "val_auc"}})
    assert Choice.of(whole.model_dump(mode="json")) == Choice("val_auc", 5)
    assert Choice.of({"dataset": "d", "strategy": {"name": "source_only"}}) == Choice.of({}) == Choice("val_loss", 1)
    assert Choice.of({"strategy": {"name": "of a later version"}}) == Choice("val_loss", 1)

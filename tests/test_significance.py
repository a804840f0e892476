"""Paired tests against numbers by hand and SciPy's, and on simulated models that don't differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from tests.finished_run import digits_predictions
from tests.simulated import models
from tlcore import metrics
from tlcore.resampling import resampled
from tlcore.significance import (
    Difference,
    Pair,
    best,
    holm,
    kappa,
    mcnemar,
    most_telling,
    pair_table,
    paired,
    resolution,
    smallest_difference,
)


def test_mcnemar_by_hand_and_as_scipy():
    # 1 against 5 of six: (C(6,0) + C(6,1)) / 2⁶, both sides: 14/64.
    assert mcnemar(1, 5) == pytest.approx(14 / 64) == mcnemar(5, 1)
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(0, 0) == mcnemar(4, 4) == 1
    for one, other in ((3, 17), (40, 61), (700, 650)):
        assert mcnemar(one, other) == pytest.approx(stats.binomtest(one, one + other, 0.5).pvalue)


def test_holm_by_hand():
    # 0.01 · 4, 0.02 · 3 = 0.06, 0.03 · 2 = 0.06, and 0.2 · 1; given in another order.
    assert holm([0.2, 0.01, 0.03, 0.02]) == pytest.approx([0.2, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1, 1] and holm([]) == []


def test_kappa_by_hand_and_as_scikit_learn():
    # Agreed on 3 of 4; by chance 3/4 · 1/2 + 1/4 · 1/2 = 1/2: (3/4 − 1/2) / (1/2).
    assert kappa(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2) == pytest.approx(0.5)
    assert kappa(np.zeros(4, int), np.zeros(4, int), 2) is None
    one, other = digits_predictions().predicted, digits_predictions(0.0001).predicted
    assert kappa(one, other, 10) == pytest.approx(cohen_kappa_score(one, other))


def test_the_smallest_difference_is_where_the_test_begins_to_tell():
    assert smallest_difference(400, 3) == 6 / 400, "fewer than six can show nothing"
    for apart in (6, 20, 33, 100):
        least = round(smallest_difference(1000, apart) * 1000)
        assert mcnemar((apart - least) // 2, (apart + least) // 2) < 0.05
        assert mcnemar((apart - least) // 2 + 1, (apart + least) // 2 - 1) >= 0.05


def rejected(sizes: list[int], skills: list[float], times: int) -> dict[str, float]:
    """How often two models are told apart, by figure; `mcnemar` beside them."""
    counts = dict.fromkeys([*metrics.FIGURES, "mcnemar"], 0)
    for seed in range(times):
        labels, given = models(np.random.default_rng(seed), sizes, skills)
        drawn = dict(zip((1, 2), resampled(labels, given, 400), strict=True))
        [pair] = paired(labels, dict(zip((1, 2), given, strict=True)), drawn)
        for name, difference in pair.differences.items():
            counts[name] += not difference.low <= 0 <= difference.high
        counts["mcnemar"] += pair.differences["accuracy"].p < 0.05
    return {name: count / times for name, count in counts.items()}


def test_models_that_do_not_differ_are_told_apart_in_one_of_twenty():
    shares = rejected([100, 60, 40], [1.5, 1.5], 250)
    assert shares.pop("ece") <= 0.08  # Its bias makes the test careful.
    assert 0.005 <= shares.pop("mcnemar") <= 0.08  # Exact: never more often than it says, in the long run.
    for name, share in shares.items():
        assert 0.02 <= share <= 0.09, name


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "skill"), [([200, 200], 1.0), ([20] * 10, 3.0), ([60, 60, 60], 2.0)])
def test_models_that_do_not_differ_are_rarely_told_apart_whatever_the_classes(sizes, skill):
    shares = rejected(sizes, [skill, skill], 600)
    assert shares.pop("ece") <= 0.075 and shares.pop("mcnemar") <= 0.07
    for name, share in shares.items():
        assert 0.02 <= share <= 0.08, name


def test_a_real_difference_is_found_and_told():
    labels, given = models(np.random.default_rng(0), [150, 150, 150], [1.0, 1.0, 2.0])
    pairs = paired(labels, dict(zip((4, 5, 9), given, strict=True)))
    assert [(pair.a, pair.b) for pair in pairs] == [(4, 5), (4, 9), (5, 9)]
    assert [pair.differences["accuracy"].better for pair in pairs] == [None, 9, 9]
    assert [pair.differences["log_loss"].better for pair in pairs] == [None, 9, 9], "of losses the lower one is better"
    assert best(pairs, "accuracy") == best(pairs, "macro_f1") == best(pairs, "log_loss") == 9
    told = pairs[1].differences["accuracy"]
    assert told.low < told.value < told.high and told.p <= told.p_holm < 0.05
    assert pairs[1].in_words() == (
        f"Run 9 is better than run 4 by {100 * told.value:.1f} points, between {100 * told.low:.1f} and {100 * told.high:.1f}; "
        f"on 450 pictures, differences under {100 * pairs[1].smallest:.1f} points can't be told apart."
    )
    assert pairs[0].in_words(names={4: "Small", 5: "Large"}).startswith("Small and Large can't be told apart: ")
    assert pairs[2].in_words("log_loss").startswith("Run 9 is better than run 5 in log loss by 0.")
    assert resolution(pairs).startswith("On 450 pictures, differences under ")
    ordered = most_telling(pairs, "accuracy")
    assert (ordered[-1].a, ordered[-1].b) == (4, 5), "those that can't be told apart come last"
    table = pair_table(ordered, "accuracy")
    assert table["ahead"].tolist()[:2] == [9, 9] and table["p_holm"].is_monotonic_increasing and table["real"].tolist() == [True, True, False]
    assert table.loc[table["behind"].eq(4) & table["ahead"].eq(9), ["gain", "low", "high"]].values.tolist() == [[told.value, told.low, told.high]]


def test_a_gain_is_told_from_whichever_is_ahead():
    lost = Difference("accuracy", 1, 2, -0.05, -0.08, -0.02, 0.01, 0.01)
    assert lost.gain == (1, 2, 0.05, 0.02, 0.08) and lost.better == 1
    cheaper = Difference("log_loss", 1, 2, -0.3, -0.5, 0.1, 0.2, 0.2)
    assert cheaper.gain == (2, 1, 0.3, -0.1, 0.5) and cheaper.better is None
    dearer = Difference("log_loss", 1, 2, 0.3, 0.1, 0.5, 0.01, 0.01)
    assert dearer.gain == (1, 2, 0.3, 0.1, 0.5) and dearer.better == 1
    pair = Pair(1, 2, 100, 3, 8, 0.9, 0.8, 0.1, {"accuracy": lost})
    assert pair_table([pair], "accuracy")[["ahead", "only_ahead", "only_behind"]].values.tolist() == [[1, 3, 8]]


def test_a_difference_equals_the_figures_of_both():
    one, other = digits_predictions(), digits_predictions(0.0001)
    [pair] = paired(one.labels, {1: one.probabilities, 2: other.probabilities})
    figures = [metrics.evaluate(each.labels, each.probabilities) for each in (one, other)]
    for name, difference in pair.differences.items():
        assert difference.value == pytest.approx(figures[1][name] - figures[0][name])
    right = [each.predicted == each.labels for each in (one, other)]
    assert (pair.only_a, pair.only_b) == ((right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum())
    assert pair.differences["accuracy"].p == mcnemar(pair.only_a, pair.only_b)


def test_equal_models_are_equal():
    given = digits_predictions()
    [pair] = paired(given.labels, {1: given.probabilities, 2: given.probabilities.copy()})
    assert pair.kappa == pytest.approx(1) and pair.agreement == 1 and pair.only_a == pair.only_b == 0
    assert all(each.p == each.p_holm == 1 and not each.real for each in pair.differences.values())
    assert best([pair], "accuracy") is None
    assert pair.in_words().startswith("Run 1 and run 2 are equal; on 359 pictures")


def test_many_comparisons_make_a_lucky_one_doubtful():
    # 15 of 20 for one side: p = 0.041; as one of three pairs, 0.12.
    labels, right, wrong = np.zeros(200, int), np.array([0.9, 0.1]), np.array([0.1, 0.9])
    a, b = np.tile(right, (200, 1)), np.tile(right, (200, 1))
    a[:15], b[15:20] = wrong, wrong
    labels[100:] = 1
    a[100:], b[100:] = a[100:, ::-1], b[100:, ::-1]
    [alone] = paired(labels, {1: a, 2: b})
    assert alone.differences["accuracy"].better == 2
    among = paired(labels, {1: a, 2: b, 3: b.copy()})[0]
    assert among.differences["accuracy"].p_holm == pytest.approx(3 * alone.differences["accuracy"].p) and among.differences["accuracy"].better is None
    assert among.in_words().startswith("Run 2 seems better than run 1 by 5.0 points, between ") and "but that may be chance (p = 0.12)" in among.in_words()


def test_one_picture_and_a_class_alone():
    [pair] = paired(np.array([0]), {1: np.array([[0.9, 0.1]]), 2: np.array([[0.2, 0.8]])})
    assert not any(each.real for each in pair.differences.values()) and "auc" not in pair.differences
    assert pair.in_words("auc") == "There is no AUC to compare."
    assert pair_table(most_telling([pair], "auc"), "auc").empty
    assert pair.in_words().endswith("; on 1 picture, no difference at all can be told.")


def test_a_few_pictures_or_one_of_each_class_prove_nothing():
    # Six of six for one side: nothing can vary when they are redrawn, yet no test gives less than 2 / 2⁶.
    labels = np.repeat([0, 1], 3)
    [pair] = paired(labels, {1: np.eye(2)[1 - labels], 2: np.eye(2)[labels]})
    assert {pair.differences[name].p for name in metrics.FIGURES if name != "ece"} == {2 / 64}
    labels = np.arange(20)
    [pair] = paired(labels, {1: np.roll(np.eye(20), 1, axis=1), 2: np.eye(20)})
    assert pair.differences["macro_f1"].value == 1 and pair.differences["macro_f1"].p == 1

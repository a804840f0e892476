"""What is read off a range test: on curves whose answer is known beforehand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tlcore import rate_range
from tlcore.rate_range import RateRange, has_run_away, in_words, rising, smoothed


def falling(middle: float, unstable: float, noise: float = 0.0) -> RateRange:
    """2 nats at small rates, 0.5 at larger ones, fastest down at `middle`, and up again about `unstable`."""
    rates = rising()
    at = np.log10(rates)
    losses = 2 - 1.5 / (1 + np.exp(-6 * (at - math.log10(middle)))) + 6 / (1 + np.exp(-6 * (at - math.log10(unstable))))
    losses += noise * np.random.default_rng(0).normal(size=len(rates))
    return RateRange(tuple(rates.tolist()), tuple(losses.tolist()), len(rates))


def test_rates_rise_by_the_same_factor():
    np.testing.assert_allclose(rising(1e-3, 10, 5), [1e-3, 1e-2, 1e-1, 1, 10])


def test_a_value_is_smoothed_with_its_neighbours_on_both_sides():
    # Spread 1: weights 1 and e^(-1/2) = 0.60653 beside it, e^(-2) = 0.13534 two places off.
    found = smoothed(np.array([0.0, 1.0, 0.0]), 1.0)
    assert found[1] == pytest.approx(1 / (1 + 2 * 0.60653), abs=1e-5)
    assert found[0] == pytest.approx(0.60653 / (1 + 0.60653 + 0.13534), abs=1e-5)
    np.testing.assert_allclose(smoothed(np.full(9, 2.0), 3.0), 2.0)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_suggestion_is_where_the_loss_falls_fastest(noise):
    found = falling(3e-3, 1.0, noise)
    assert found.start == pytest.approx(2, abs=0.05)
    assert found.suggestion == pytest.approx(3e-3, rel=0.3)
    assert 1e-2 < found.rates[found.lowest] < 0.3
    # Half of the fall of 1.5 is lost where 6 / (1 + e^-6x) = 0.75, x = -ln(7) / 6 = -0.324: at 0.47.
    assert found.diverges == pytest.approx(0.47, rel=0.35)
    assert found.lowest > found.suggested
    first, second = in_words(found)
    assert first == f"Try a learning rate of {found.suggestion:g}: there the loss falls fastest."
    assert "from 0." in second and "unstable" in second


def test_without_an_unstable_end_that_is_said():
    found = falling(3e-3, 1e9)
    assert found.diverges is None and "up to 10 it doesn't run away" in in_words(found)[1]


def test_a_loss_that_hardly_falls_gives_no_suggestion():
    rates = tuple(rising().tolist())
    found = RateRange(rates, tuple(2 - 0.0005 * place for place in range(len(rates))), len(rates))
    assert found.suggestion is None and len(in_words(found)) == 1
    assert in_words(found)[0].startswith("No rate from 1e-06 to 10 lowered the loss by much: it began at 2.00 and was 1.9")


def test_the_test_ends_when_the_loss_has_run_away():
    calm = [2.0] * 10
    assert not has_run_away(calm, 100) and not has_run_away([], 100)
    assert not has_run_away([*calm, 5.0, 1.0, 5.0], 100)  # One bad mini-batch is none too many.
    assert has_run_away([*calm, 4.1, 5.0, 6.0], 100)
    assert has_run_away([2.0, float("nan")], 100)


def test_numbers_that_are_none_come_back_and_do_no_harm():
    whole = falling(3e-3, 1.0)
    cut = RateRange(whole.rates[:120], (*whole.losses[:119], math.nan), whole.planned)
    again = RateRange.of(json.loads(json.dumps(cut.to_json())))
    assert again.losses[:119] == cut.losses[:119] and math.isinf(again.losses[119])
    assert np.isfinite(again.smooth).all() and again.suggestion == whole.suggestion
    assert rate_range.two_digits(0.0031622) == 0.0032


def test_a_loss_that_runs_away_at_once_is_told_in_numbers():
    at_once = RateRange((1.0, 2.0, 4.0), (2.0, 4.0, math.inf), 140)
    assert at_once.start == 3.0 and np.isfinite(at_once.smooth).all()
    assert rate_range.in_words(at_once)[0].startswith("No rate from 1 to 4 lowered the loss by much: it began at 3.00")
    assert "no number at a rate of 1 already" in rate_range.in_words(RateRange((1.0,), (math.inf,), 140))[0]

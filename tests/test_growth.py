"""Would more labels help? The law is found again where it is known, and says how sure it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlcore import growth
from tlcore.errors import InputError
from tlcore.growth import Growth, fit, fits, grown, in_words, part_of, refuse_few

LABELS = (100, 250, 500, 1000)


def hits_of(errors: np.ndarray, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Pictures recognised by chance: (amounts, seeds, n) from the error of each picture at each amount, (amounts, n)."""
    return rng.random((len(errors), seeds, errors.shape[1])) > errors[:, None]


def test_a_law_is_found_again_from_its_own_points():
    # error(n) = 0.04 · (n / 1000)^−0.5 + 0.02: at 250 pictures 0.04 · 2 + 0.02 = 0.10, at 1000 0.06.
    errors = np.array([0.04 * (n / 1000) ** -0.5 + 0.02 for n in LABELS])
    assert errors[1] == pytest.approx(0.10) and errors[3] == pytest.approx(0.06)
    law = fit(LABELS, errors)
    assert law.a == pytest.approx(0.04, rel=0.1) and law.b == pytest.approx(0.5, rel=0.1) and law.c == pytest.approx(0.02, rel=0.2)
    # Doubling: 0.04 · (1 − 1/√2) = 0.0117, so 1.17 points.
    found = growth.doubling(law, fits(LABELS, errors[None]), 1000)
    assert found.value == pytest.approx(1.17, abs=0.03) and found.low == pytest.approx(found.high)


def test_an_error_that_never_falls_or_even_rises_promises_nothing():
    flat, rising = np.full(4, 0.3), np.array([0.1, 0.12, 0.14, 0.16])
    laws = fits(LABELS, np.stack([flat, rising]))
    np.testing.assert_allclose(laws[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(laws[:, 2], [0.3, 0.13])  # The mean of what was measured.


def test_an_error_that_would_end_below_nought_ends_there():
    law = fit(LABELS, np.array([0.4, 0.2, 0.08, 0.01]))
    assert law.c == 0 and law.a > 0


def test_shares_are_by_class_and_a_larger_one_holds_the_smaller():
    labels = np.repeat([0, 1], [40, 20])
    tenth, half, again = (part_of(labels, fraction, 7) for fraction in (0.1, 0.5, 0.1))
    assert np.bincount(labels[tenth]).tolist() == [4, 2] and np.bincount(labels[half]).tolist() == [20, 10]
    assert set(tenth) < set(half) and (tenth == again).all() and (np.diff(half) > 0).all()
    assert set(tenth) != set(part_of(labels, 0.1, 8))
    assert len(part_of(labels, 1.0, 7)) == 60


def test_the_interval_holds_the_truth_and_narrows_with_pictures():
    rng = np.random.default_rng(1)
    held, widths = 0, {}
    for n in (200, 4000):
        for _ in range(4):
            easy = 0.5 + rng.random(n)  # Some pictures are harder than others.
            errors = np.clip(np.array([[0.04 * (m / 1000) ** -0.5 + 0.02] for m in LABELS]) * easy, 0, 1)
            found = grown(LABELS, hits_of(errors, 5, rng), rng.integers(0, 2, n), (500, 500), ("a", "b"))
            held += found.gain.low <= 1.17 <= found.gain.high
            widths.setdefault(n, []).append(found.gain.high - found.gain.low)
    assert held >= 6 and np.mean(widths[4000]) < 0.7 * np.mean(widths[200])


def test_growth_says_what_doubling_brings_and_to_which_class():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [600, 600, 10])
    slope = np.where(truth == 1, 0.10, 0.0)  # Only the second class still learns.
    errors = slope * (np.array(LABELS)[:, None] / 1000) ** -0.5 + 0.05
    found = grown(LABELS, hits_of(errors, 5, rng), truth, (480, 480, 40, 30), ("cat", "dog", "rare", "never judged"))
    assert [each.name for each in found.classes] == ["dog", "cat"]  # The third has too few validation pictures.
    dog = found.classes[0]
    assert dog.gain.low < 10 * (1 - 2**-0.5) < dog.gain.high and dog.labels == 480 and dog.judged == 600
    assert found.classes[1].gain.value < 0.5
    assert found.curve[0].labels == 100 and found.curve[-1].labels == 2000
    assert all(each.accuracy.low <= each.accuracy.value <= each.accuracy.high for each in found.curve)
    said = in_words(found)
    assert said[0] == f"Doubling the labels, from 1,000 to 2,000 training pictures, would bring about {found.gain.value:.1f} points, between {found.gain.low:.1f} and {found.gain.high:.1f}."
    assert said[2].startswith("'dog' would gain most: about ")
    assert Growth.of(json.loads(json.dumps(found.to_json()))) == found


def test_a_head_that_has_learnt_all_there_is_is_told_so():
    hits = np.ones((4, 5, 200), bool)
    found = grown(LABELS, hits, np.arange(200) % 2, (500, 500), ("a", "b"))
    assert found.gain == (0, 0, 0) and "next to nothing: 0.0 points at most" in in_words(found)[0]


def test_too_few_pictures_are_refused_in_one_sentence():
    few, many = np.repeat([0, 1], [100, 19]), np.repeat([0, 1], [100, 20])
    with pytest.raises(InputError, match="class 'dog' has 19 labelled training pictures; to see what a tenth of them would do it takes 20"):
        refuse_few(few, np.zeros(50, int), ("cat", "dog"))
    with pytest.raises(InputError, match="49 validation pictures can't tell small gains from chance; it takes 50"):
        refuse_few(many, np.zeros(49, int), ("cat", "dog"))
    refuse_few(many, np.zeros(50, int), ("cat", "dog"))

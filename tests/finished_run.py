"""Finished runs without a training engine: a logistic regression on real digits, written as a worker writes."""

from __future__ import annotations

import functools

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tlcore.results import Predictions


@functools.lru_cache(maxsize=8)
def digits_predictions(strength: float = 0.01, seed: int = 0) -> Predictions:
    """Probabilities of a logistic regression for 359 digits that it has not seen."""
    pixels, labels = load_digits(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(labels))
    train, test = rows[359:], np.sort(rows[:359])
    model = LogisticRegression(C=strength, max_iter=200).fit(pixels[train] / 16, labels[train])
    return Predictions(
        split="test",
        rows=test,
        content_ids=np.array([f"{row:064x}" for row in test]),
        labels=labels[test],
        probabilities=model.predict_proba(pixels[test] / 16).astype(np.float32),
        classes=tuple(str(c) for c in range(10)),
    )

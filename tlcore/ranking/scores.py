"""Transferability scores: how well features that nobody has trained for them tell classes apart; the higher, the better.

Each is a function of what a frozen backbone gives for labelled pictures, none of them twice. Scores of several backbones
on the same pictures are compared with each other; by themselves only the last two mean something, an accuracy.
"""

from __future__ import annotations

import numpy as np

from tlcore.label_errors import FOLDS, out_of_fold

ITERATIONS, TOLERANCE = 100, 1e-5
NEIGHBOURS = 5
TINY = 1e-12


def log_me(features: np.ndarray, labels: np.ndarray) -> float:
    """The maximum log evidence of a Bayesian linear model, a picture; the mean over classes, each told from all others.

    Shapes: (n, d), (n,) → nats a picture.
    Source: You et al. 2021, LogME: Practical Assessment of Pre-trained Models for Transfer Learning, arXiv:2102.11005.
    """
    squares, left = _decomposed(features.astype(np.float64))
    targets = [(labels == c).astype(np.float64) for c in np.unique(labels)]
    return float(np.mean([_log_evidence(squares, left, target) for target in targets]))


def log_evidence(features: np.ndarray, target: np.ndarray) -> float:
    """max over α, β of log p(target | features, α, β) / n: weights w ~ N(0, 1/α), target = features · w + noise ~ N(0, 1/β).

    Shapes: (n, d), (n,).
    """
    return _log_evidence(*_decomposed(features.astype(np.float64)), target.astype(np.float64))


def _decomposed(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared singular values (r,) and left singular vectors (n, r)."""
    if len(features) <= features.shape[1]:  # The smaller of the two products has the same ones.
        squares, left = np.linalg.eigh(features @ features.T)
        kept = squares > TINY * max(squares[-1], TINY)
        return squares[kept], left[:, kept]
    squares, right = np.linalg.eigh(features.T @ features)
    kept = squares > TINY * max(squares[-1], TINY)
    return squares[kept], features @ right[:, kept] / np.sqrt(squares[kept])


def _log_evidence(squares: np.ndarray, left: np.ndarray, target: np.ndarray) -> float:
    """By the fixed point of You et al. 2022, Ranking and Tuning Pre-trained Models, arXiv:2110.10545, algorithm 3.

    t = α / β. Where the best t has no bound, the features tell nothing and it ends far out.
    """
    n, seen = len(target), (left.T @ target) ** 2  # (r,)
    unseen = max(float(target @ target - seen.sum()), 0.0)  # What no weights reach.
    t = 1.0
    for _ in range(ITERATIONS):
        before, effective = t, (squares / (squares + t)).sum()  # Weights that the data determine.
        length = (squares * seen / (squares + t) ** 2).sum()  # |w|²
        error = (seen * (t / (squares + t)) ** 2).sum() + unseen
        alpha, beta = effective / max(length, TINY), (n - effective) / max(error, TINY)
        t = alpha / beta
        if abs(t - before) <= TOLERANCE * before:
            break
    length = (squares * seen / (squares + t) ** 2).sum()
    error = (seen * (t / (squares + t)) ** 2).sum() + unseen
    return float(np.log(beta / (2 * np.pi)) - (np.log1p(squares / t).sum() + beta * error + alpha * length) / n) / 2


def h_score(features: np.ndarray, labels: np.ndarray) -> float:
    """Variance between class means against all variance: trace(Σ⁻¹ · (1 - s) · Σ_means), Σ shrunk by s after Ledoit and Wolf.

    Shapes: (n, d), (n,) → 0 to classes - 1.
    Source: Bao et al. 2019, An Information-Theoretic Approach to Transferability; regularised by Ibrahim et al. 2021,
    Newer is not always better, arXiv:2110.06893.
    """
    from sklearn.covariance import ledoit_wolf

    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    shrunk, shrinkage = ledoit_wolf(centred, assume_centered=True)
    classes, counts = np.unique(labels, return_counts=True)
    means = np.stack([centred[labels == c].mean(axis=0) for c in classes])  # (k, d)
    weighted = np.sqrt(counts / len(labels))[:, None] * means
    solved = np.linalg.lstsq(shrunk, weighted.T, rcond=None)[0]  # Features that are all alike leave nothing to invert.
    return float((1 - shrinkage) * (weighted * solved.T).sum())


def nce(answers: np.ndarray, labels: np.ndarray) -> float:
    """Negative conditional entropy of the labels, given what the backbone's own head answers: Σ p(y, z) · log p(y | z).

    Shapes: answers z (n,), labels y (n,) → nats, at most 0.
    Source: Tran, Nguyen and Hassner 2019, Transferability and Hardness of Supervised Classification Tasks, arXiv:1908.08142.
    """
    joint = np.zeros((labels.max() + 1, answers.max() + 1))
    np.add.at(joint, (labels, answers), 1 / len(labels))
    given = joint / np.maximum(joint.sum(axis=0), TINY)
    held = joint > 0
    return float((joint[held] * np.log(given[held])).sum())


def leep(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean log likelihood of the labels by way of the backbone's own head: log Σ_z p(y | z) · θ_z, a picture.

    Shapes: θ (n, z), labels (n,) → nats, at most 0.
    Source: Nguyen et al. 2020, LEEP: A New Measure to Evaluate Transferability of Learned Representations, arXiv:2002.12462.
    """
    theta = probabilities.astype(np.float64)
    joint = np.zeros((labels.max() + 1, theta.shape[1]))
    np.add.at(joint, labels, theta / len(labels))
    given = joint / np.maximum(joint.sum(axis=0), TINY)  # p(y | z), (k, z)
    return float(np.log(np.maximum((given[labels] * theta).sum(axis=1), TINY)).mean())


def nearest_neighbours(features: np.ndarray, labels: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Share of the pictures that have the class of most of their k nearest others; of equally frequent ones that of the nearest.

    Shapes: (n, d), (n,). Near: by the angle between features.
    Source: Cover and Hart 1967; to choose among backbones Puigcerver et al. 2020, arXiv:2009.13239.
    """
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), TINY)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -np.inf)
    k = min(k, len(labels) - 1)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :k]
    votes = np.zeros((len(labels), labels.max() + 1))
    # A nearer one weighs more by so little that it only decides between equally frequent classes.
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[nearest]), 1 + 2.0 ** -np.arange(1, k + 1) / k)
    return float((votes.argmax(axis=1) == labels).mean())


def logistic_regression(features: np.ndarray, labels: np.ndarray, seed: int = 0) -> float | None:
    """Cross-validated accuracy of a logistic regression on standardised features; None where a class has fewer pictures than folds.

    Shapes: (n, d), (n,).
    Source: Kornblith et al. 2019, Do Better ImageNet Models Transfer Better?, arXiv:1805.08974.
    """
    counts = np.bincount(labels)
    if counts[counts > 0].min() < FOLDS:
        return None
    probabilities = out_of_fold(features, labels, np.arange(len(labels)), len(counts), seed)
    return float((probabilities.argmax(axis=1) == labels).mean())

"""Epochs, early stopping and committed epochs: the same for every strategy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tlcore import metrics
from tlcore.choosing import better
from tlcore.config import TrainConfig
from tlcore.errors import InputError
from tlcore.metrics import SMALLEST_PROBABILITY
from tlcore.nn import checkpoints
from tlcore.nn.strategy import Part, Parts
from tlcore.nn.trainer import Trainer
from tlcore.reporter import Reporter

PROGRESS_S = 1.0
COMMIT_S = 0.25  # Epochs that take milliseconds are committed together, this often.
VALIDATION = "val"


def fit(
    trainer: Trainer,
    parts: Parts,
    watched: Mapping[str, Part],
    config: TrainConfig,
    config_hash: str,
    run_dir: Path,
    reporter: Reporter,
    state: checkpoints.State | None = None,
    report: Callable[[float], None] = lambda epochs: None,
) -> checkpoints.State:
    """Train to the end or until the monitored figure stalls, committing epochs; the trainer ends at the best one.

    `watched`: pictures that are only looked at, by the name that their figures get; "val" chooses the epoch.
    The first epoch and the last are committed at once, others no more often than every `COMMIT_S`.
    `report(epochs)` hears how many epochs are done, and fractions of those that take seconds.
    """
    committed_at = -np.inf
    if state:
        trainer.restore(state)
    while not _finished(state, config, trainer):
        reporter.check()
        number = state.epoch + 1 if state else 1
        figures = _one_epoch(trainer, number, parts, watched, reporter, report)
        if not np.isfinite([figures["loss"], figures["val_loss"]]).all():
            raise InputError(f"training became unstable in epoch {number}: the loss is no longer a number. Lower optimizer.learning_rate.")
        weights = trainer.weights()
        if state is None or number <= trainer.strategy.selects_from or better(figures, state.best_metrics, config.monitor):
            best = (number, figures, weights)
        else:
            best = (state.best_epoch, state.best_metrics, state.best_weights)
        state = checkpoints.State(number, weights, [], *best)
        due = _finished(state, config, trainer) or time.perf_counter() - committed_at > COMMIT_S
        if due:
            state.optimizer = trainer.optimizer_state()
        reporter.epoch(number, figures, checkpoints.save(state, config_hash, run_dir) if due else None)
        committed_at = time.perf_counter() if due else committed_at
        report(number)
    assert state is not None
    trainer.set_weights(state.best_weights)
    return state


def figures_of(labels: np.ndarray, probabilities: np.ndarray, name: str) -> dict[str, float]:
    """What is told of watched pictures after each epoch. Shapes: labels (n,), probabilities (n, k)."""
    predicted, k = probabilities.argmax(1), probabilities.shape[1]
    true = np.maximum(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY)
    auc = metrics.mean_auc(labels, probabilities)
    return {
        f"{name}_loss": float(-np.log(true.astype(np.float64)).mean()),
        f"{name}_accuracy": float((predicted == labels).mean()),
        f"{name}_balanced_accuracy": metrics.balanced_accuracy(labels, predicted, k),
        f"{name}_macro_f1": metrics.macro_f1(labels, predicted, k),
        f"{name}_auc": float("nan") if auc is None else auc,
    }


def _finished(state: checkpoints.State | None, config: TrainConfig, trainer: Trainer) -> bool:
    if state is None:
        return False
    patience, since = config.early_stopping_patience, max(state.best_epoch, trainer.strategy.settled_from - 1)
    return state.epoch >= config.epochs or (patience is not None and state.epoch - since >= patience)


def _one_epoch(
    trainer: Trainer, number: int, parts: Parts, watched: Mapping[str, Part], reporter: Reporter, report: Callable[[float], None]
) -> dict[str, float]:
    began = told = time.perf_counter()

    def tick(fraction: float) -> None:
        nonlocal told
        reporter.check()
        if fraction and time.perf_counter() - told > PROGRESS_S:
            told = time.perf_counter()
            report(number - 1 + fraction)

    trainer.strategy.before_epoch(number, trainer, parts, reporter.check)
    learnt = trainer.epoch(number, parts, tick)
    figures = {"loss": learnt.loss, "accuracy": learnt.accuracy, **learnt.further}
    for name, part in watched.items():
        assert part.labels is not None
        figures |= figures_of(part.labels, trainer.probabilities(part.rows(number), reporter.check, number), name)
    return {**figures, "learning_rate": trainer.learning_rate(number), "seconds": time.perf_counter() - began}

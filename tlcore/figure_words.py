"""How the headline figures are called, what they mean, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tlcore.amounts import size
from tlcore.intervals import Interval
from tlcore.metrics import FIGURES
from tlcore.significance import IN_POINTS


class Words(NamedTuple):
    """Title, and the meaning in one sentence."""

    title: str
    meaning: str


TEST_WORDS = {
    "accuracy": Words("Accuracy", "Share of the test pictures recognised."),
    "balanced_accuracy": Words("Balanced accuracy", "Mean over classes of the share recognised; small classes count as much as large ones."),
    "macro_f1": Words("Macro F1", "Mean over classes of F1, the harmonic mean of precision and recall; 1 is perfect."),
    "weighted_f1": Words("Weighted F1", "Mean over classes of F1, each class by its number of pictures."),
    "precision": Words("Precision", "Mean over classes: of the pictures taken for a class, the share that belongs to it."),
    "recall": Words("Recall", "Mean over classes: of the pictures of a class, the share that was found."),
    "auc": Words("AUC", "Mean area under the ROC curve of one class against the rest; 0.5 is chance, 1 perfect."),
    "log_loss": Words("Log loss (nats)", "Cost of the probabilities; being sure and wrong costs most. Lower is better."),
    "ece": Words("ECE", "Expected calibration error: how far confidence and accuracy are apart on average. Lower is better."),
}
RUN_WORDS = {
    "seconds": Words("Time worked", "Seconds of work, pauses left out."),
    "epochs": Words("Epochs", "Passes over the training pictures."),
    "total_params": Words("Parameters", "Numbers that the whole model consists of."),
    "trainable_params": Words("Learned", "Parameters that the run changed."),
    "model_bytes": Words("Size", "Of the model's files."),
    "latency_ms": Words("Latency", "Median milliseconds for one picture on a processor, measured at the end of the run."),
}
WORDS = TEST_WORDS | RUN_WORDS
DIGITS = {"auc": 4}
MISSING = "–"


def written(figure: str, value: float | None) -> str:
    """`93.4%`, `0.934`, `1.2 MB`; a dash where there is none."""
    if value is None or value != value:
        return MISSING
    if figure in FIGURES:
        return f"{value:.1%}" if figure in IN_POINTS else f"{value:.{DIGITS.get(figure, 3)}f}"
    units = {"seconds": f"{value:,.1f} s", "latency_ms": f"{value:,.2f} ms"}
    return size(value) if figure == "model_bytes" else units.get(figure, f"{value:,.0f}")


def with_interval(figure: str, value: float | None, interval: Interval | None) -> str:
    """`93.4% (91.0–95.2)`: a figure with its 95% interval, where it has one."""
    told = written(figure, value)
    if interval is None or told == MISSING:
        return told
    return f"{told} ({_bare(figure, interval.low)}–{_bare(figure, interval.high)})"


def between(figure: str, interval: Interval | None) -> str:
    """`94.6 – 98.6%`: an interval by itself."""
    return MISSING if interval is None else f"{_bare(figure, interval.low)} – {written(figure, interval.high)}"


def with_spread(figure: str, mean: float, spread: float) -> str:
    """`93.4% ± 0.8`: mean and standard deviation."""
    told = written(figure, mean)
    if told == MISSING or spread != spread:
        return told
    return f"{told} ± {_bare(figure, spread) if figure in FIGURES else written(figure, spread)}"


def written_gain(figure: str, value: float) -> str:
    """A difference with its sign: `+1.8` points, or `+0.018`."""
    return f"{100 * value:+.1f}".replace("-", "−") if figure in IN_POINTS else f"{value:+.{DIGITS.get(figure, 3)}f}".replace("-", "−")


def written_p(p: float) -> str:
    """`0.023`; below a ten-thousandth nobody needs the digits."""
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"


def best_mark(best: Mapping[str, int | None], figure: str, run: int) -> str:
    """A star where the run is better in this figure than each other one, and not by chance."""
    return "★ " if best.get(figure) == run else ""


def _bare(figure: str, value: Any) -> str:
    """Without the unit, which the figure itself has."""
    return written(figure, value).removesuffix("%")

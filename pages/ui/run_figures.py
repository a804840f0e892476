"""What the figures and costs of a run are called, and how they are written."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st


class Figure(NamedTuple):
    """One figure or cost of a run, as people know it."""

    label: str
    form: str  # As a column of a table wants it.
    axis: str  # As an axis wants it.
    help: str


FIGURES = {
    "val_accuracy": Figure("Validation accuracy", "percent", ".2~%", "Share of the validation pictures recognised after the best epoch; which one that is, the figure tells by which the run stops and chooses."),
    "accuracy": Figure("Test accuracy", "percent", ".2~%", "Share of the test pictures recognised."),
    "balanced_accuracy": Figure("Balanced accuracy", "percent", ".2~%", "Mean over classes of the share of test pictures recognised."),
    "macro_f1": Figure("Macro F1", "%.3f", ".3~f", "Mean F1 over classes, on the test pictures."),
    "auc": Figure("AUC", "%.4f", ".3~f", "Mean area under the ROC curve, one class against the rest, on the test pictures."),
}
COSTS = {
    "seconds": Figure("Time to train", "%.1f s", ",~r", "Seconds from the beginning of its work to the end, pauses left out."),
    "parameters": Figure("Parameters", "compact", "~s", "All of the model."),
    "learned": Figure("Learned", "compact", "~s", "Parameters that the run changed."),
    "bytes": Figure("File size", "bytes", "~s", "The model's file."),
    "latency_ms": Figure("Latency", "%.2f ms", ",~r", "Milliseconds for one picture, measured at the end of the run; runs of earlier versions have none."),
}
UNITS = {"seconds": "s", "bytes": "bytes", "latency_ms": "ms"}


def column(name: str, width: int | None = None, label: str | None = None) -> Any:
    """The column of a table that holds this figure or cost."""
    shown = (FIGURES | COSTS)[name]
    return st.column_config.NumberColumn(label or shown.label, format=shown.form, help=shown.help, width=width)

"""The parts of a comparison: curves, figures, settings, confusion matrices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.ui import charts, confusion_chart
from pages.ui.download import download_csv
from pages.ui.pick import short_name
from pages.ui.run_curves import FIRST, shown_figures
from pages.ui.run_domain import predictions
from pages.ui.state import store, workspace
from pages.ui.text import literal
from tlcore.compare import Comparison, compare_runs
from tlcore.curves import (
    METRICS,
    SOURCE_VALIDATION,
    TRAINING,
    VALIDATION,
    curves,
    figure,
    metrics_of,
    series,
)
from tlcore.results import Predictions
from tlcore.source_figures import SourceFigures, source_figures
from tlcore.store import Job

_COLUMNS = {
    "accuracy": ("Accuracy", "percent", "Share of test pictures recognised."),
    "balanced_accuracy": ("Balanced accuracy", "percent", "Mean over classes of the share recognised."),
    "macro_f1": ("Macro F1", "%.3f", "Mean F1 over classes."),
    "weighted_f1": ("Weighted F1", "%.3f", "Mean F1 over classes, each by its number of pictures."),
    "precision": ("Precision", "%.3f", "Mean over classes."),
    "recall": ("Recall", "%.3f", "Mean over classes."),
    "auc": ("AUC", "%.4f", "Mean area under the ROC curve, one class against the rest."),
    "log_loss": ("Log loss (nats)", "%.3f", "Cost of the probabilities; lower is better."),
    "ece": ("ECE", "%.3f", "How far confidence and accuracy are apart on average; lower is better."),
    "seconds": ("Time worked", "%.1f s", "Pauses left out."),
    "epochs": ("Epochs", "%d", "Passes over the training pictures."),
    "total_params": ("Parameters", "compact", "All of the model."),
    "trainable_params": ("Learned", "compact", "Parameters that this run changed."),
    "model_bytes": ("Size", "bytes", "The Keras file."),
}


@st.cache_resource(max_entries=2, show_spinner=False)
def compared(root: str, named: tuple[tuple[int, str], ...], _runs: Sequence[Job]) -> Comparison:
    """The comparison of these runs, by number and title: what they left behind never changes."""
    return compare_runs(_runs, workspace(), lambda run: predictions(root, run))


@st.cache_resource(max_entries=2, show_spinner=False)
def on_source(root: str, named: tuple[tuple[int, str], ...], _runs: Sequence[Job]) -> SourceFigures:
    """The same of the source's test pictures. Raises ConflictError where these are not the same."""
    return source_figures(_runs, lambda run: predictions(root, run, "source"))


def metric_table(metrics: pd.DataFrame) -> None:
    columns = {name: st.column_config.NumberColumn(label, format=form, help=meaning) for name, (label, form, meaning) in _COLUMNS.items()}
    columns |= {"run": st.column_config.NumberColumn("Run", width=50, pinned=True), "title": st.column_config.TextColumn("Name", width=220)}
    st.dataframe(metrics, hide_index=True, column_config=columns, alt="Figures of each run on the same test pictures")
    download_csv(metrics, "comparison.csv", "metrics")


def overlaid_curves(runs: Sequence[Job]) -> None:
    """Accuracy, loss and what else is chosen, of all runs in one chart each."""
    epochs = {short_name(run): store().epochs(run.id) for run in runs}
    without = [short_name(run) for run in runs if not run.config.strategy.reads_target_labels]
    parts = _parts(epochs, without)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control("Axis", ["epoch", "time"], key="compare_axis", default="epoch", required=True, persist_state="session")
        part = st.segmented_control("Pictures", [*parts, "all"], key="compare_part", default=parts[0], required=True, persist_state="session")
        smoothing = st.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="compare_smoothing", persist_state="session", width=220, help="Mean over earlier epochs. Higher: calmer lines that lag behind.")
        more = shown_figures(metrics_of(column for table in epochs.values() for column in table), None, "compare_show")
    if part == "all":
        st.caption("Dashed lines: training; continuous: validation; dotted: validation on the source.")
    elif part == VALIDATION and without:
        st.caption(f"No label of the target may be read while these learn, so they have no such curve; look at {SOURCE_VALIDATION}: {', '.join(map(literal, without))}.")
    drawn = [*FIRST, *more]
    points = curves(epochs, smoothing, without, metrics=drawn)
    # A strategy's own figures are of training, whatever the others are looked at on.
    points = points if part == "all" else points[(points["part"] == part) | ~points["metric"].isin(list(METRICS))]
    with st.grid(2, min_column_width=300):
        for metric in drawn:
            with st.container(key=f"compared_{metric}"):
                title = figure(metric).title
                st.markdown(f"**{title}**")
                spec = charts.curves(metric, "seconds" if axis == "time" else "epoch", tuple(epochs), smoothing > 0)
                st.vega_lite_chart(points[points["metric"] == metric], spec, key=f"compare_{metric}", alt=f"{title} of {len(runs)} runs over {axis}, {part}")


def _parts(epochs: Mapping[str, pd.DataFrame], without: Collection[str]) -> list[str]:
    """On which pictures any of these runs has figures, validation first."""
    held = {found[1] for run, table in epochs.items() for column in table if (found := series(str(column), run in without))}
    return [part for part in (VALIDATION, SOURCE_VALIDATION, TRAINING) if part in held] or [VALIDATION]


def differing(comparison: Comparison) -> None:
    if comparison.settings.empty:
        st.caption("All settings are equal; what differs is chance or the machine.")
        return
    names = {column: st.column_config.TextColumn(f"Run {column}") for column in comparison.settings.columns if column != "setting"}
    st.dataframe(comparison.settings, hide_index=True, column_config={"setting": st.column_config.TextColumn("Setting", pinned=True), **names}, alt="Settings that are not equal in all runs")
    download_csv(comparison.settings, "settings.csv", "settings")


def confusion_matrices(runs: Sequence[Job], tested: Mapping[int, Predictions]) -> None:
    """One matrix a run, two side by side; on a narrow screen one below the other."""
    shown = st.segmented_control("Figures in the cells", ["counts", "share of the row", "share of the column"], default="counts", required=True, key="compare_confusion", persist_state="session")
    dark = st.context.theme.type == "dark"
    with st.grid(2, min_column_width=300):
        for run in runs:
            result = tested[run.id]
            with st.container(key=f"matrix_{run.id}"):
                st.markdown(f"**{literal(short_name(run))}**")
                cells = result.confusion_cells("column" if shown == "share of the column" else "row")
                wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
                st.vega_lite_chart(cells, confusion_chart.confusion(result.classes, dark, shown != "counts"), key=f"confusion_{run.id}", alt=f"Confusion matrix of run {run.id}: {wrong} of {len(result)} test pictures mistaken")

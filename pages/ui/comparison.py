"""The parts of a comparison: curves, figures, settings, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import charts
from pages.ui.download import download_csv
from pages.ui.pick import short_name
from pages.ui.run_tabs import predictions
from pages.ui.state import store, workspace
from pages.ui.text import literal
from tlcore.compare import Comparison, compare_runs
from tlcore.curves import curves
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


def metric_table(comparison: Comparison) -> None:
    columns = {name: st.column_config.NumberColumn(label, format=form, help=meaning) for name, (label, form, meaning) in _COLUMNS.items()}
    columns |= {"run": st.column_config.NumberColumn("Run", width=50, pinned=True), "title": st.column_config.TextColumn("Name", width=220)}
    st.dataframe(comparison.metrics, hide_index=True, column_config=columns, alt="Figures of each run on the same test pictures")
    download_csv(comparison.metrics, "comparison.csv", "metrics")


def overlaid_curves(runs: Sequence[Job]) -> None:
    """Accuracy and loss of all runs in one chart each."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control("Axis", ["epoch", "time"], key="compare_axis", default="epoch", required=True, persist_state="session")
        part = st.segmented_control("Pictures", ["validation", "training", "both"], key="compare_part", default="validation", required=True, persist_state="session")
        smoothing = st.slider("Smoothing", 0.0, 0.95, 0.0, 0.05, key="compare_smoothing", persist_state="session", width=220, help="Mean over earlier epochs. Higher: calmer lines that lag behind.")
    names = tuple(short_name(run) for run in runs)
    points = curves({short_name(run): store().epochs(run.id) for run in runs}, smoothing)
    points = points if part == "both" else points[points["part"] == part]
    for column, metric in zip(st.columns(2), ("accuracy", "loss"), strict=True):
        with column:
            st.markdown(f"**{metric.capitalize()}**")
            spec = charts.curves(metric, "seconds" if axis == "time" else "epoch", names, smoothing > 0)
            st.vega_lite_chart(points[points["metric"] == metric], spec, key=f"compare_{metric}", alt=f"{metric.capitalize()} of {len(runs)} runs over {axis}")


def differing(comparison: Comparison) -> None:
    if comparison.settings.empty:
        st.caption("All settings are equal; what differs is chance or the machine.")
        return
    names = {column: st.column_config.TextColumn(f"Run {column}") for column in comparison.settings.columns if column != "setting"}
    st.dataframe(comparison.settings, hide_index=True, column_config={"setting": st.column_config.TextColumn("Setting", pinned=True), **names}, alt="Settings that are not equal in all runs")
    download_csv(comparison.settings, "settings.csv", "settings")


def confusion_matrices(runs: Sequence[Job], comparison: Comparison) -> None:
    """One matrix a run, two side by side; on a narrow screen one below the other."""
    shown = st.segmented_control("Figures in the cells", ["counts", "share of the row", "share of the column"], default="counts", required=True, key="compare_confusion", persist_state="session")
    dark = st.context.theme.type == "dark"
    with st.grid(2, min_column_width=300):
        for run in runs:
            result = comparison.predictions[run.id]
            with st.container(key=f"matrix_{run.id}"):
                st.markdown(f"**{literal(short_name(run))}**")
                cells = result.confusion_cells("column" if shown == "share of the column" else "row")
                wrong = int(cells.loc[cells["kind"] == "mistaken", "count"].sum())
                st.vega_lite_chart(cells, charts.confusion(result.classes, dark, shown != "counts"), key=f"confusion_{run.id}", alt=f"Confusion matrix of run {run.id}: {wrong} of {len(result)} test pictures mistaken")

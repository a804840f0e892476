"""How good is it, and what did it take?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from pages.ui.download import download_csv
from pages.ui.state import workspace
from pages.ui.text import count, duration, literal, millions, size
from tlcore.results import load_summary
from tlcore.store import Job
from tlcore.strategies import Adaptation


class Line(NamedTuple):
    """A figure of a run as it is read."""

    title: str
    written: Callable[[float], str]
    meaning: str


FIGURES = {
    "accuracy": Line("Accuracy", "{:.1%}".format, "Share of pictures recognised."),
    "balanced_accuracy": Line("Balanced accuracy", "{:.1%}".format, "Mean over classes of the share recognised; small classes count as much as large ones."),
    "macro_f1": Line("Macro F1", "{:.3f}".format, "Mean over classes of the harmonic mean of precision and recall; 1 is perfect."),
    "precision": Line("Precision", "{:.3f}".format, "Mean over classes: of the pictures taken for a class, how many belong to it."),
    "recall": Line("Recall", "{:.3f}".format, "Mean over classes: of the pictures of a class, how many were found."),
    "auc": Line("AUC", "{:.4f}".format, "Mean area under the ROC curve of one class against the rest; 0.5 is chance, 1 perfect."),
    "log_loss": Line("Log loss", "{:.3f} nats".format, "Cost of the probabilities; being sure and wrong costs most. Lower is better."),
}
Cards = dict[str, tuple[str, str]]  # Title → value, meaning.


def summary(run: Job) -> None:
    """Test figures, of both domains side by side where there are two, then what the run took."""
    figures = load_summary(workspace().run(run.id))
    of_test = {line.title: (_written(figures["test"], name), line.meaning) for name, line in FIGURES.items()}
    costs = _costs(run, figures)
    if "source_test" in figures:
        table = _both(run, figures)
        _cards(costs)
        rest = pd.DataFrame({"figure": list(costs), "target": [value for value, _ in costs.values()]})  # One value for both.
        download = pd.concat([table.drop(columns="meaning"), rest.assign(source=rest["target"])], ignore_index=True)
    else:
        st.markdown(f"On **{count(figures['test_images'], 'test picture')}** that the run has never seen:")
        cards = of_test | costs
        _cards(cards)
        download = pd.DataFrame({"figure": list(cards), "value": [value for value, _ in cards.values()]})
    if isinstance(run.config.strategy, Adaptation):
        st.caption("The epoch was chosen in the second half of the run by pictures of the source, since no label of the target may choose; it need not be the best one for the target.")
    elif figures["best_epoch"] == run.config.train.epochs:
        st.info("It was still getting better when it ended: more epochs may reach more. Clone it and raise them.", icon=":material/trending_up:")
    download_csv(download, f"run-{run.id}-summary.csv", "summary")


def _written(found: Mapping[str, float | None], name: str) -> str:
    value = found.get(name)
    return "–" if value is None else FIGURES[name].written(value)


def _both(run: Job, figures: Mapping[str, Any]) -> pd.DataFrame:
    """Figures of target and source as one table, which is returned: figure, target, source, meaning."""
    target, source = literal(run.config.dataset), literal(str(run.config.source.dataset))
    ours, theirs = (f"**{count(figures[of], 'test picture')}**" for of in ("test_images", "source_test_images"))
    parts = f"{ours} of the target and {theirs} of the source, both of {target}," if target == source else f"{ours} of the target {target} and {theirs} of the source {source}"
    st.markdown(f"On {parts} that the run has never seen:")
    rows = [(line.title, _written(figures["test"], name), _written(figures["source_test"], name), line.meaning) for name, line in FIGURES.items()]
    table = pd.DataFrame(rows, columns=["figure", "target", "source", "meaning"])
    st.dataframe(
        table,
        hide_index=True,
        alt=f"Test figures of target and source; accuracy {rows[0][1]} on the target, {rows[0][2]} on the source",
        column_config={
            "figure": st.column_config.TextColumn("Figure", pinned=True, width=136),
            "target": st.column_config.TextColumn("Target", width=104, alignment="right", help="Pictures as those on which the network shall work."),
            "source": st.column_config.TextColumn("Source", width=104, alignment="right", help="Pictures of the other domain."),
            "meaning": st.column_config.TextColumn("What it says"),
        },
    )
    return table


def _costs(run: Job, figures: Mapping[str, Any]) -> Cards:
    """Which epoch was chosen, time and size."""
    whose = "the validation pictures" if run.config.strategy.reads_target_labels else "validation pictures of the source"
    return {
        "Best epoch": (f"{figures['best_epoch']} of {figures['epochs']}", f"Chosen on {whose}; accuracy there {figures['best_val_accuracy']:.1%}."),
        "Time": (duration(figures["seconds"]), "Working time, pauses left out."),
        "Parameters": (millions(figures["total_params"]), f"{figures['trainable_params']:,} of {figures['total_params']:,} learned in this run."),
        "Model size": (size(figures["model_bytes"]), "The whole network with its head, float32."),
        "Training pictures": (f"{figures['train_images']:,}", f"{_without(run, figures)}Validation: {figures['val_images']:,}."),
    }


def _without(run: Job, figures: Mapping[str, Any]) -> str:
    """Of the training pictures, those that were read without a label."""
    unlabelled = figures.get("unlabelled_images", 0) if run.config.strategy.reads_unlabelled else 0
    return f"{figures['train_images'] - unlabelled:,} with their labels, {unlabelled:,} without. " if unlabelled else ""


def _cards(cards: Cards) -> None:
    with st.grid(min_column_width=150):
        for label, (value, meaning) in cards.items():
            st.metric(label, value, help=meaning, border=True)

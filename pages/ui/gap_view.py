"""Does it do better on the pictures that it learned from? The generalisation gap, in words and over the epochs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import gap_chart
from tlcore.config import RunConfig
from tlcore.curves import figure
from tlcore.gap import gaps, in_words
from tlcore.store import Job

HELP = (
    "Accuracy on training pictures less that on validation pictures; for the loss the other way round. Above 0: the training pictures fare better. "
    "A gap that widens while the validation figure no longer gets better is overfitting: more pictures, augmentation, dropout, or fewer layers that learn narrow it."
)
FORMULAS = {"accuracy": "training − validation", "loss": "validation − training"}
HOW = "Training figures are means over an epoch, while the weights still change"


def generalisation_gap(run: Job, epochs: pd.DataFrame, best: int | None, on_source: bool, axis: str, smoothing: float) -> None:
    """A sentence on the best epoch, then a chart for accuracy and one for the loss; nothing where a side has no figures."""
    points = gaps(epochs, on_source, best, smoothing)
    if points.empty:
        return
    told = best or int(points["epoch"].max())
    st.subheader("Generalisation gap", anchor=False, help=HELP)
    st.markdown("  \n".join(in_words(points, told)))
    with st.grid(2, min_column_width=300):
        for metric in points["metric"].unique():
            drawn = points[points["metric"] == metric]
            parts, title = tuple(drawn["part"].unique()), figure(metric).title
            with st.container(key=f"gap_of_{metric}"):
                st.markdown(f"**Gap in {title.lower()}**: {FORMULAS[metric]}")
                alt = f"Gap in {title.lower()} between training and {' and '.join(parts)} pictures over {drawn['epoch'].max()} epochs; now {drawn['value'].iloc[-1]:.3f}"
                st.vega_lite_chart(drawn, gap_chart.spec(metric, axis, smoothing > 0, parts), key=f"gap_{metric}", alt=alt)
    st.caption(_how(run.config))


def _how(config: RunConfig) -> str:
    """What sets training figures apart besides learning: they are measured under other conditions."""
    hard = [name for name, on in (("augmentation", config.augment.enabled), ("dropout", config.head.dropout > 0), ("mixup", config.loss.mixup > 0)) if on]
    under = f", with {' and '.join(hard)} at work" if hard else ""
    other = [name for name, on in (("label smoothing", config.loss.label_smoothing > 0), ("class weights", config.loss.class_weights != "none")) if on]
    losses = f" The training loss also counts {' and '.join(other)}, so the losses' gap holds that too." if other else ""
    both = " They are of both domains' pictures." if config.strategy.domain == "both" else ""
    return f"{HOW}{under}; validation figures are measured after it, on pictures as they are. So the gap looks smaller than it is, early on even negative.{both}{losses}"

"""Head and training on Train: what is set often in sight, the rest behind "More"."""

from __future__ import annotations

import streamlit as st

from pages.ui import forms
from pages.ui.state import read_text
from tlcore import devices

HEAD = ("head.pooling", "head.hidden", "head.dropout")
TRAINING = (
    "optimizer.name",
    "optimizer.learning_rate",
    "optimizer.weight_decay",
    "train.epochs",
    "train.batch_size",
    "train.early_stopping_patience",
    "train.seed",
)
MORE = (
    "optimizer.schedule",
    "optimizer.warmup_epochs",
    "optimizer.clip_norm",
    "train.monitor",
    "train.sampling",
    "loss.class_weights",
    "loss.label_smoothing",
    "loss.mixup",
)
DEVICES = "train.devices"


def section() -> None:
    """Widgets of the head, the optimiser, the loss and the epochs."""
    st.subheader("Head", anchor=False)
    with st.grid(3, min_column_width=170):
        for dotted in HEAD:
            forms.field(dotted)
    st.subheader("Training", anchor=False)
    with st.grid(3, min_column_width=170):
        for dotted in TRAINING:
            forms.field(dotted)
        if _several_cards():
            forms.field(DEVICES)
    with st.expander("More", icon=":material/tune:"), st.grid(3, min_column_width=170):
        for dotted in MORE:
            forms.field(dotted)


def _several_cards() -> bool:
    """Whether there are some to choose from, or several were asked for: only what is seen can be changed back."""
    return len(devices.plan().cards) > 1 or str(st.session_state.get(DEVICES) or read_text(DEVICES) or 1) != "1"

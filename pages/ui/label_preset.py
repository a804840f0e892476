"""On Train: the settings of the form as the many runs that answer "Does transfer help?"."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import streamlit as st

from pages.ui.errors import guarded
from pages.ui.outlook_view import between
from pages.ui.state import store, toast_next
from pages.ui.text import count, literal
from pages.ui.thumbnails import open_dataset
from tlcore import label_curve
from tlcore.config import RunConfig
from tlcore.errors import TLError
from tlcore.forecast.outlook import Outlook
from tlcore.label_curve import Plan
from tlcore.records import DatasetRecord

Expected = Mapping[tuple[str, float], Outlook]


def section(config: RunConfig | None, record: DatasetRecord) -> None:
    """A part that opens; what it would start is worked out only then. `config`: None where the form can't be started."""
    part = st.expander(label_curve.QUESTION, icon=":material/query_stats:", key="labels_open", on_change="rerun")
    if not part.open:
        return
    with part, guarded():
        if config is None:
            st.caption("These settings can't be started: see what is said above.")
        else:
            _plan(config, record)


def _plan(config: RunConfig, record: DatasetRecord) -> None:
    st.markdown(
        "Trains these settings **from scratch**, **frozen** and **fine-tuned**, with 5, 20 and 100% of the labels, and repeats each with other seeds. "
        "A chart then shows test accuracy against the number of labels, and whether the difference is more than chance."
    )
    with st.grid(2, min_column_width=150):
        seeds = st.number_input("Seeds", 1, label_curve.MOST_SEEDS, label_curve.SEEDS, key="labels_seeds", persist_state="session", help="How often each is repeated. More: narrower intervals, and so much longer. With one there are no intervals.")
        epochs = st.number_input(
            "Epochs, at least", 1, 1000, label_curve.LEAST_EPOCHS, key="labels_epochs", persist_state="session",
            help="Passes over all training pictures; early stopping may end sooner. Lower: done sooner, but training from scratch, which needs most, may look worse than it is.",
        )
    planned = _planned(config.model_dump_json(), record.id, int(seeds), int(epochs))
    expected = _expected(config.model_dump_json(), record.id, int(seeds), int(epochs))
    numbers = ", ".join(f"{number:,}" for number in planned.labels.values())
    st.markdown(f"**{count(len(planned.runs), 'run')}**: 3 ways, with {numbers} labelled pictures, {count(int(seeds), 'seed')}. {_duration(planned, expected)}")
    for sentence in planned.left_out:
        st.warning(literal(f"Left out: {sentence}"), icon=":material/warning:")
    clicked = st.button(f"Queue {count(len(planned.runs), 'run')}", key="queue_labels", icon=":material/playlist_add:", width="stretch")
    st.caption("\n".join(f"- {literal(sentence)}" for sentence in planned.choices))
    if not clicked:  # Both clicks of a double click carry the same token.
        st.session_state["labels_token"] = uuid.uuid4().hex
        return
    series = label_curve.submit(store(), planned, expected, st.session_state["labels_token"])
    toast_next(f"{count(len(planned.runs), 'run is', 'runs are')} queued.", icon=":material/schedule:")
    st.switch_page("tune.py", query_params={"series": str(series)})


def _duration(planned: Plan, expected: Expected) -> str:
    if not expected:
        return ""
    return f"Together about {between(label_curve.expected_seconds(planned, expected))}, one after the other."


@st.cache_resource(max_entries=8, show_spinner=False)
def _planned(config_json: str, dataset_id: str, seeds: int, least_epochs: int) -> Plan:
    return label_curve.plan(RunConfig.model_validate_json(config_json), open_dataset(dataset_id), seeds, least_epochs)


@st.cache_resource(max_entries=8, ttl=30, show_spinner=False)
def _expected(config_json: str, dataset_id: str, seeds: int, least_epochs: int) -> Expected:
    """A forecast of each kind of run; empty where that can't be said, which is no reason not to start."""
    try:
        return label_curve.forecasts(store(), _planned(config_json, dataset_id, seeds, least_epochs))
    except (TLError, OSError):
        return {}

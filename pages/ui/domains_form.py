"""Source and target on Train: which dataset is the source, whose labels are used, and how many pictures that makes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import forms, shift_view
from pages.ui.domains_view import domain_counts, domains_chart
from pages.ui.download import download_csv
from pages.ui.errors import guarded
from pages.ui.state import store
from pages.ui.text import count, literal
from tlcore import jobs
from tlcore.config import RunConfig, parse
from tlcore.errors import TLError
from tlcore.records import DatasetRecord
from tlcore.strategies import Strategy

KEY = "source.dataset"
TARGET = ("target.label_fraction", "target.balanced", "target.seed")
# All on which division and shift depend: a mistake elsewhere, which the panel beside tells, hides no counts.
DECIDING = ("dataset", "classes", "source", "target", "split", "strategy", "backbone", "freeze", "head", "train")


def section(record: DatasetRecord, records: Sequence[DatasetRecord], strategy: Strategy) -> None:
    """Widgets of both domains; once something is divided, the pictures of each class by role, and the shift."""
    st.markdown("**Source and target**")
    names = [each.name for each in records]
    if st.session_state.get(KEY) not in (None, *names):
        st.session_state[KEY] = None
    with st.grid(3, min_column_width=170):
        source = st.selectbox(forms.LABELS[KEY], names, index=None, key=KEY, bind="query-params", placeholder="none", help=forms.setting(KEY).description)
        if source == record.name:
            forms.field(forms.SHARE)
        for dotted in TARGET:
            forms.field(dotted)
    if source is None and strategy.needs_source:
        st.info(
            f"'{strategy.title}' needs a source: pictures of the same classes, drawn or taken another way, whose labels are known. "
            f"Choose a dataset under **Source**; '{literal(record.name)}' itself is then divided at random.",
            icon=":material/info:",
        )
        return
    with guarded():
        _result(record)


def _result(record: DatasetRecord) -> None:
    """What the choice makes of the pictures; nothing where it is wrong, since the panel beside says why."""
    try:
        document = forms.collect()
        config = parse({name: document[name] for name in DECIDING if name in document}, "Settings")
        jobs.check_run(config, record, store())
        counts = domain_counts(config, record)
    except TLError:
        return
    if config.source.dataset is None and not counts["unlabelled"].any():
        return  # All as in any other run: the panel beside says how many.
    st.caption(_in_words(config, counts[["source", "labelled", "unlabelled", "test"]].sum().to_dict()))
    domains_chart(counts, config.strategy)
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe(counts, hide_index=True, alt="Pictures of each class by role: source, labelled, without labels, validation, test", column_config=COLUMNS)
        download_csv(counts, "domains.csv", "domains")
    if config.source.dataset is not None:
        shift_view.section(config)


COLUMNS = {
    "source": "source, training", "source_val": "source, validation", "labelled": "target, labelled training", "labelled_val": "target, labelled validation",
    "unlabelled": "target, without labels", "test": "target, test",
}


def _in_words(config: RunConfig, total: dict[str, int]) -> str:
    """One line above the chart."""
    said = []
    if config.source.dataset is not None:
        divided = ", the rest of the same dataset" if config.source.dataset == config.dataset else ""
        said.append(f"{count(total['source'], 'training picture')} of the source {literal(config.source.dataset)}{divided}")
    said += [f"of the target {total['labelled']:,} with labels", f"{total['unlabelled']:,} without", f"{total['test']:,} for the test"]
    text = ", ".join(said)
    return f"{text[0].upper()}{text[1:]}."

"""Which way of carrying over: its paragraph, its own settings, and what it reads."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import domains_form, forms
from tlcore.records import DatasetRecord
from tlcore.strategies import STRATEGIES, Frozen

READS = {
    "labelled": "Reads the target's labelled pictures only.",
    "both": "Reads the source's pictures and the target's labelled ones.",
    "source": "Reads the source's pictures only; no label of the target but those of its test pictures, for the final figures.",
    "unlabelled": "Reads the source's pictures, and the target's without their labels; the best epoch is chosen on the source's.",
    "semi": "Reads the target's pictures, those without labels too, and the source's if there is one.",
}


def section(record: DatasetRecord, records: Sequence[DatasetRecord]) -> None:
    """The choice of a strategy, then of source and target."""
    st.subheader("Strategy", anchor=False)
    names = list(STRATEGIES)
    if st.session_state.get("strategy.name", names[0]) not in names:
        st.session_state["strategy.name"] = names[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Way of transferring", names, key="strategy.name", bind="query-params", index=names.index(Frozen().name), width=300, help="What is carried over and how. The paragraph below says when it pays.")
        with st.popover("Compare all", icon=":material/menu_book:"):
            for other, kind in STRATEGIES.items():
                st.markdown(f"**{kind.title}** (`{other}`)  \n:small[{kind.help}]")
    chosen = STRATEGIES[name]()
    st.markdown(f"**{chosen.title}.** {chosen.help}  \n:small[:material/visibility: {READS[chosen.domain]}]")
    own = forms.of_strategy(name)
    if own:
        with st.grid(3, min_column_width=170):
            for dotted in own:
                forms.field(dotted)
    domains_form.section(record, records, chosen)

"""Choosing one of the experiments of a kind; the choice stands in the link by its number."""

from __future__ import annotations

import time

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import read_id, store, write_query
from tlcore.errors import NotFoundError
from tlcore.store import Series


def choose(listed: list[Series], kind: str, name: str, label: str) -> Series:
    """The experiment that the parameter `name` of the link asks for, else the newest; the link follows the choice."""
    asked, key = read_id(name), f"{name}_chosen"
    known = {series.id: series for series in listed}
    if asked is not None and asked not in known:
        try:
            series = store().series.get(asked)
            known |= {asked: series} if series.kind == kind else {}  # An old one, or one whose runs were deleted.
        except NotFoundError:
            pass
        if asked not in known:
            st.warning(f"The link names a {label.lower()} that isn't here, deleted perhaps. The newest one is shown instead.", icon=":material/search_off:")
    first = asked if asked in known else listed[0].id
    if asked != first:
        write_query(**{name: first})
    if st.session_state.get(key) not in known:
        st.session_state.pop(key, None)  # It was deleted.
    take_from_link(key, name, lambda: first)
    number = st.selectbox(
        label, list(known), key=key, width=480, on_change=put_into_link, args=(key, name),
        format_func=lambda number: named(known[number]), help="Each is one experiment of many runs. The newest comes first.",
    )
    return known[number]


def named(series: Series) -> str:
    """Number, title and when it was queued: not how long ago, since the browser sends back the words that it was given."""
    return f"{series.id} · {series.title} · {time.strftime('%d %b %Y, %H:%M', time.localtime(series.created_at))}"

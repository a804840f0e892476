"""Widgets whose value stands in the link under a plain name and in plain words.

Streamlit's own binding writes the label as shown, icons and all, into the address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.state import read_text, write_query


def take_from_link(key: str, name: str, parse: Callable[[], Any]) -> None:
    """Before the widget `key` is drawn: give it what the link says, unless it has that already."""
    link = read_text(name) or ""
    if key not in st.session_state or st.session_state.get(f"{key}_link") != link:
        st.session_state[key] = parse()
        st.session_state[f"{key}_link"] = link


def put_into_link(key: str, name: str) -> None:
    """The widget's `on_change`: write its value, plain words or numbers, into the link."""
    write_query(**{name: st.session_state[key]})
    st.session_state[f"{key}_link"] = read_text(name) or ""

"""Widgets whose value stands in the link under a plain name and in plain words.

Streamlit's own binding writes the label as shown, icons and all, into the address, and takes it out when the widget isn't drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.ui.state import read_text, write_query
from pages.ui.text import literal


def take_from_link(key: str, name: str, parse: Callable[[], Any]) -> None:
    """Before the widget `key` is drawn: give it what the link says, unless it has that already."""
    link = read_text(name) or ""
    if key not in st.session_state or st.session_state.get(f"{key}_link") != link:
        st.session_state[key] = parse()
        st.session_state[f"{key}_link"] = link


def put_into_link(key: str, name: str) -> None:
    """The widget's `on_change`: write its value, plain words or numbers, into the link."""
    value = st.session_state[key]
    write_query(**{name: f"{value:g}" if isinstance(value, float) else value})
    st.session_state[f"{key}_link"] = read_text(name) or ""


def choice(label: str, options: Sequence[str], key: str, name: str, default: str | None = None, help_text: str | None = None) -> str:
    """One of a few words side by side; what the link says in vain is the default, the first one unless told otherwise."""
    default = default or options[0]
    take_from_link(key, name, lambda: read_text(name) if read_text(name) in options else default)
    return st.segmented_control(label, options, key=key, required=True, default=default, format_func=literal, on_change=put_into_link, args=(key, name), help=help_text)


def switch(label: str, key: str, name: str, help_text: str | None = None) -> bool:
    """A switch, off at first; on, the link says 1."""
    take_from_link(key, name, lambda: read_text(name) == "1")

    def put() -> None:
        write_query(**{name: "1" if st.session_state[key] else None})
        st.session_state[f"{key}_link"] = read_text(name) or ""

    return st.toggle(label, key=key, on_change=put, help=help_text)


def some_of(label: str, options: Sequence[str], key: str, name: str, default: Sequence[str], help_text: str | None = None, format_func: Callable[[str], str] = str) -> list[str]:
    """Any of a few words side by side, joined by commas in the link; `none` says that none is wanted."""
    def asked() -> list[str]:
        link = read_text(name)
        return [each for each in options if each in link.split(",")] if link else list(default)

    take_from_link(key, name, asked)
    st.session_state[key] = [each for each in st.session_state[key] if each in options]  # Of another run, perhaps.

    def put() -> None:
        write_query(**{name: ",".join(st.session_state[key]) or "none"})
        st.session_state[f"{key}_link"] = read_text(name) or ""

    chosen = st.pills(label, options, selection_mode="multi", key=key, format_func=format_func, on_change=put, help=help_text)
    return [each for each in options if each in chosen]


def smoothing_slider(key: str, more: str = "") -> float:
    """How much curves are smoothed, 0 to 0.95, as `smoothing` in the link."""
    take_from_link(key, "smoothing", lambda: round(20 * number_in_link("smoothing", 0.0, 0.0, 0.95)) / 20)
    help_text = f"Mean over earlier epochs. Higher: calmer lines that lag behind{more}."
    return st.slider("Smoothing", 0.0, 0.95, step=0.05, key=key, width=220, on_change=put_into_link, args=(key, "smoothing"), help=help_text)


def number_in_link(name: str, default: float, low: float, high: float) -> float:
    """A number of the link, and the default where it is missing, none, or out of range."""
    try:
        value = float(read_text(name) or default)
    except ValueError:
        return default
    return value if math.isfinite(value) and low <= value <= high else default


def names(label: str, options: Sequence[str], key: str, name: str, default: Sequence[str], most: int | None = None, **more: Any) -> list[str]:
    """Some of many names, repeated in the link: they may hold commas. Those of the link that aren't there are left out."""
    link = tuple(st.query_params.get_all(name))
    if key not in st.session_state or st.session_state.get(f"{key}_link") != link:
        st.session_state[key] = [each for each in dict.fromkeys(link) if each in options][:most] or list(default)
        st.session_state[f"{key}_link"] = link
    if gone := [each for each in st.session_state[key] if each not in options]:  # As in another domain.
        st.session_state[key] = [each for each in st.session_state[key] if each not in gone]
    return st.multiselect(label, options, key=key, max_selections=most, on_change=_put_names, args=(key, name), select_all=False, **more)


def _put_names(key: str, name: str) -> None:
    chosen = list(st.session_state[key])
    if chosen:
        st.query_params[name] = chosen
    elif name in st.query_params:
        del st.query_params[name]
    st.session_state[f"{key}_link"] = tuple(chosen)

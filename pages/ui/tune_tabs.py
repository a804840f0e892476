"""The tabs of Tune, one question and one file each; only the open one is computed, and it stands in the link."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from pages.ui.label_tab import labels
from pages.ui.more_tab import more_labels
from pages.ui.rank_tab import rank_backbones
from pages.ui.rate_tab import rates
from pages.ui.search_tab import search
from pages.ui.state import guarded, read_text, write_query


class Tab(NamedTuple):
    """What a tab is called, and what draws it."""

    title: str
    draw: Callable[[], None]


# By the word that stands in the link, `?tab=labels`.
TABS: dict[str, Tab] = {
    "search": Tab("Search", search),
    "rank": Tab("Rank backbones", rank_backbones),
    "rate": Tab("Learning rate", rates),
    "more": Tab("More labels?", more_labels),
    "labels": Tab("Labels", labels),
}
KEY, FROM_LINK = "tune_tab", "tune_tab_link"
BY_PARAMETER = {"study": "search", "series": "labels", "rank": "rank", "rate": "rate", "more": "more"}
"""Links that name one thing and no tab, such as `?series=7`, open the tab that shows it."""


def tabs() -> None:
    """All tabs, with what is in the open one."""
    word = _asked()
    if KEY not in st.session_state or st.session_state.get(FROM_LINK) != word:
        st.session_state[KEY] = TABS.get(word, next(iter(TABS.values()))).title
        st.session_state[FROM_LINK] = word
    panels = st.tabs([tab.title for tab in TABS.values()], key=KEY, on_change=_put)
    for panel, tab in zip(panels, TABS.values(), strict=True):
        if panel.open:
            with panel, guarded():
                tab.draw()


def _asked() -> str:
    """The word of the tab that the link asks for, or "" where it asks for none."""
    return read_text("tab") or next((word for name, word in BY_PARAMETER.items() if name in st.query_params), "")


def _put() -> None:
    """Write the open tab's word into the link."""
    write_query(tab=next(word for word, tab in TABS.items() if tab.title == st.session_state[KEY]))
    st.session_state[FROM_LINK] = _asked()

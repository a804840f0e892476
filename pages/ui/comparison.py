"""A comparison, one tab a question and one file a tab; only the open tab is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui.compare_changes import changes
from pages.ui.compare_classes import classes
from pages.ui.compare_confusion import confusion
from pages.ui.compare_curves import overlaid_curves
from pages.ui.compare_figures import figures
from pages.ui.compare_pairs import pairs
from pages.ui.compare_pictures import pictures
from pages.ui.compare_report import downloads
from pages.ui.compare_settings import settings
from pages.ui.linked import put_into_link, take_from_link
from pages.ui.state import guarded, read_text
from pages.ui.text import count
from tlcore.compare import Comparison
from tlcore.store import Job

TABS: dict[str, Callable[[Sequence[Job], Comparison], None]] = {
    "Figures": figures,
    "Pairs": pairs,
    "Curves": overlaid_curves,
    "Classes": classes,
    "Confusion": confusion,
    "Changes": changes,
    "Pictures": pictures,
    "Settings": settings,
}


def comparison_tabs(runs: Sequence[Job], comparison: Comparison) -> None:
    """On what, the report, and the tabs; which one is open stands in the link."""
    of = " of the source" if comparison.domain == "source" else ""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{count(len(runs), 'run')} on the same {count(len(comparison.labels), 'test picture')}{of}", anchor=False, width="content")
        downloads(runs, comparison)
    take_from_link("compare_tab", "tab", lambda: read_text("tab") if read_text("tab") in TABS else "Figures")
    panels = st.tabs(list(TABS), on_change=lambda: put_into_link("compare_tab", "tab"), key="compare_tab")
    for panel, draw in zip(panels, TABS.values(), strict=True):
        if panel.open:
            with panel, guarded():
                draw(runs, comparison)

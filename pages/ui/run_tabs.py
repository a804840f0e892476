"""The evaluation of a finished run, one tab a question and one file a tab; only the open tab is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui.linked import put_into_link, take_from_link
from pages.ui.run_calibration import calibration
from pages.ui.run_classes import classes
from pages.ui.run_confusion import confusion
from pages.ui.run_curves import curves_and_log
from pages.ui.run_data import data
from pages.ui.run_export import export
from pages.ui.run_files import files
from pages.ui.run_map import pictures_map
from pages.ui.run_mistakes import mistakes
from pages.ui.run_roc import roc_and_precision
from pages.ui.run_settings import settings
from pages.ui.run_summary import summary
from pages.ui.run_time import time_by_phase
from pages.ui.state import guarded, read_text
from tlcore.store import Job

TABS: dict[str, Callable[[Job], None]] = {
    "Summary": summary,
    "Curves": curves_and_log,
    "Confusion": confusion,
    "Classes": classes,
    "ROC & PR": roc_and_precision,
    "Calibration": calibration,
    "Mistakes": mistakes,
    "Map": pictures_map,
    "Data": data,
    "Settings": settings,
    "Time": time_by_phase,
    "Export": export,
    "Files": files,
}
OF_A_RUN = frozenset({
    "run", "tab", "domain", "confusion", "cells", "arranged", "zoom", "only", "figure", "listed", "curve", "positive", "miss", "false-alarm", "threshold",
    "map", "colour", "coloured", "kinds", "mistake", "cell", "axis", "smoothing", "also",
})
"""Query parameters of a run's page: they leave the address with it."""


def evaluation(run: Job) -> None:
    """The tabs of a finished run; which one is open stands in the link."""
    take_from_link("run_tab", "tab", lambda: read_text("tab") if read_text("tab") in TABS else "Summary")
    panels = st.tabs(list(TABS), on_change=lambda: put_into_link("run_tab", "tab"), key="run_tab")
    for panel, draw in zip(panels, TABS.values(), strict=True):
        if panel.open:
            with panel, guarded():
                draw(run)

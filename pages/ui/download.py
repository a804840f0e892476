"""Tables as CSV files that a spreadsheet may open.

Streamlit's own export of a table is switched off in .streamlit/config.toml: it writes names from outside as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from tlcore.tables import to_csv


def download_csv(table: pd.DataFrame | Callable[[], pd.DataFrame], name: str, key: str, label: str = "Download CSV") -> None:
    """A button that gives `table`, or what it makes when clicked, as the file `name`, with its formulas harmless."""
    st.download_button(label, lambda: to_csv(table() if callable(table) else table), name, "text/csv", key=f"download_{key}", icon=":material/download:", on_click="ignore")

"""How well is each class recognised?"""

from __future__ import annotations

import streamlit as st

from pages.ui.download import download_csv
from pages.ui.run_domain import tested
from tlcore.store import Job


def classes(run: Job) -> None:
    """Precision, recall, F1 and number of pictures, one row a class."""
    given = tested(run)
    table = given.predictions.per_class
    share = {"format": "%.3f", "min_value": 0, "max_value": 1}
    st.dataframe(
        table,
        hide_index=True,
        alt=f"Precision, recall, F1 and number of {given.pictures} by class",
        column_config={
            "class": st.column_config.TextColumn("Class", pinned=True),
            "precision": st.column_config.ProgressColumn("Precision", help="Of the pictures taken for this class, the share that belongs to it.", **share),
            "recall": st.column_config.ProgressColumn("Recall", help="Of the pictures of this class, the share that was found.", **share),
            "f1": st.column_config.ProgressColumn("F1", help="Harmonic mean of precision and recall.", **share),
            "support": st.column_config.NumberColumn("Pictures", help="Test pictures of this class."),
        },
    )
    download_csv(table, f"{given.name}-classes.csv", "classes")

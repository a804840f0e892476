"""With which settings was it run?"""

from __future__ import annotations

import streamlit as st

from tlcore.store import Job


def settings(run: Job) -> None:
    text = run.config.to_yaml()
    st.code(text, language="yaml")
    st.download_button("Download YAML", text, f"run-{run.id}.yaml", "application/yaml", key="download_yaml", icon=":material/download:", on_click="ignore")

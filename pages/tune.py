"""Searching for better settings: today by queueing several runs and comparing them."""

import streamlit as st

from pages.ui.state import head

head("Find better settings", "Queue several runs that differ in one thing, then compare them on the same test pictures.")
st.markdown(
    "1. On **Train**, choose dataset and classes, then several backbones or depths at once; each becomes a run in the queue.\n"
    "2. On **Runs**, watch them. Cancel those that fall behind, clone the best and change one setting.\n"
    "3. On **Compare**, put them side by side: figures, curves, and only the settings that differ.\n\n"
    "Keep the dataset, the classes, the test share and the split seed equal: otherwise the test pictures differ and the figures can't be compared. "
    "Repeat the best with another training seed to see how much of a lead is chance."
)
with st.container(horizontal=True):
    st.page_link("train.py", label="Queue several runs", icon=":material/model_training:")
    st.page_link("runs.py", label="Watch them", icon=":material/monitoring:")
    st.page_link("compare.py", label="Compare the finished ones", icon=":material/compare_arrows:")

"""Experiments of many runs, one tab a question: `/tune?tab=labels`."""

from pages.ui.state import head
from pages.ui.tune_tabs import tabs

head("Find better settings", "Experiments of many runs: see whether transfer helps and how many labels it saves, or search settings by hand.")
tabs()

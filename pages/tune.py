"""Experiments of many runs, one tab a question: `/tune?tab=labels`."""

from pages.ui.state import head
from pages.ui.tune_tabs import tabs

head("Find better settings", "Search settings, rank backbones, find a learning rate, and see whether more labels or transfer help.")
tabs()

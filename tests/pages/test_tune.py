"""The Tune page: its tabs, their links, and what can be done without any experiment."""

from __future__ import annotations

from pages.ui.tune_tabs import TABS
from tests.pages.conftest import texts


def test_the_page_leads_to_what_exists(empty, open_page):
    at = open_page("tune.py", tab="labels")
    assert "beside Start" in texts(at) and "then several backbones or depths at once" in texts(at)
    assert [link.value for link in at.page_link] == ["Set up the experiment", "Queue several runs", "Watch them", "Compare the finished ones"]


def test_the_open_tab_stands_in_the_link_and_an_old_link_to_a_series_opens_its_tab(empty, open_page):
    at = open_page("tune.py", series="7")
    assert at.session_state["tune_tab"] == "Labels" and "tab" not in at.query_params
    at = open_page("tune.py", tab="labels")
    assert at.session_state["tune_tab"] == "Labels"
    at = open_page("tune.py", tab="<none>")
    assert at.session_state["tune_tab"] in [tab.title for tab in TABS.values()] and not at.error


def test_no_two_tabs_share_a_title():
    assert len({tab.title for tab in TABS.values()}) == len(TABS)

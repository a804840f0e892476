"""The Tune page says what can be done today, and where."""

from __future__ import annotations

from tests.pages.conftest import texts


def test_the_page_leads_to_what_exists(empty, open_page):
    at = open_page("tune.py")
    assert "Queue several runs" in texts(at)
    assert [link.value for link in at.page_link] == ["Queue several runs", "Watch them", "Compare the finished ones"]

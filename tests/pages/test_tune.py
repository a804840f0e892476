"""The Tune page says what can be done today, and where."""

from __future__ import annotations

from tests.pages.conftest import texts


def test_the_page_leads_to_what_exists(empty, open_page):
    at = open_page("tune.py")
    assert "beside Start" in texts(at) and "then several backbones or depths at once" in texts(at)
    assert [link.value for link in at.page_link] == ["Set up the experiment", "Queue several runs", "Watch them", "Compare the finished ones"]

"""The Tune page says what can be done today, and where."""

from __future__ import annotations

from tests.pages.opening import open_page, words


def test_the_page_leads_to_what_exists(workspace, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    at = open_page("tune.py")
    assert "Queue several runs" in words(at)
    assert [link.value for link in at.page_link] == ["Queue several runs", "Watch them", "Compare the finished ones"]

"""Pages without a browser: the whole app through its shell, on a workspace of the test's own."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"


def open_page(file: str, **query: str) -> AppTest:
    """Run one page as a link would open it; nothing may be raised."""
    at = AppTest.from_file(str(SHELL), default_timeout=30)
    for name, value in query.items():
        at.query_params[name] = value
    return settled(at.switch_page(file))


def settled(at: AppTest) -> AppTest:
    """Run again after a change; nothing may be raised."""
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def words(at: AppTest) -> str:
    """All texts of the page."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.info, at.warning, at.error, at.success, at.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)

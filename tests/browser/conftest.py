"""A server and a browser for the tests that click; they skip, saying so, where no Chromium is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser.serving import serve
from tests.browser.trained import train_pair

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A camera that shows a turning pattern, and nobody who would have to allow it.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
# An image source is gone when its view was left before the browser had fetched it; loaded pictures are looked at themselves.
# A server that is gone is noticed by whatever waits for it; one test starts it again.
HARMLESS = ("/_stcore/health", "/_stcore/host-config", "404 (Not Found)", "favicon", "Image source error", "ERR_CONNECTION_REFUSED", "disconnected from server", "server is not responding")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium() -> str | None:
    """Path of an installed Chromium, or "" for Playwright's own, or None."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return "" if Path(playwright.chromium.executable_path).exists() else None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium, or playwright install chromium")
    return {**browser_type_launch_args, "args": ARGUMENTS, **({"executable_path": path} if path else {})}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server a test file; a traceback in its log fails the file."""
    with serve(tmp_path_factory.mktemp("served")) as running:
        yield running
        assert not running.tracebacks(), running.tracebacks()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A server whose workspace holds two finished runs of the demonstration, and their numbers."""
    with serve(tmp_path_factory.mktemp("trained")) as running:
        yield running, train_pair(running.workspace)
        assert not running.tracebacks(), running.tracebacks()


@pytest.fixture
def page(page):
    """A page that fails its test when the browser reports a script error or a broken policy."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" and not any(word in line.text for word in HARMLESS) else None)
    page.set_default_timeout(20_000)
    yield page
    assert not complaints, complaints

"""The served app: how soon the first page is there, how much memory it takes, and what it never loads."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from tests.browser.serving import open_page, serve
from tlcore import demo
from tlcore.store import Store
from tlcore.workspace import Workspace

PATHS = ("", "data", "data?dataset=digits", "train?dataset=digits", "runs", "compare", "tune", "predict")
HEAVY = ("/tensorflow/", "/keras/", "/openvino/", "/jaxlib/", "/torch/")
FIRST_PAGE_S = 3.0
LARGEST_RSS_BYTES = 300_000_000


@pytest.fixture
def prepared(tmp_path):
    workspace = Workspace(tmp_path / "workspace").create()
    demo.ensure_built_in("digits", Store.open(workspace), workspace)
    return tmp_path


def test_the_first_page_is_soon_there_and_the_server_stays_light(prepared, page, record_property):
    page.goto("about:blank")
    busy = max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))  # Other work on the machine stretches the wall clock.
    began = time.monotonic()
    with serve(prepared, TLCORE_STANDBY="0") as server:
        page.goto(server.url)
        page.get_by_role("button", name="Run the demonstration").wait_for()
        first_page_s = time.monotonic() - began
        for path in PATHS:
            open_page(page, f"{server.url}/{path}")
        loaded = {file.path for file in psutil.Process(server.process.pid).memory_maps()}
        rss_bytes = server.rss_bytes()
        page.goto("about:blank")
        assert not server.tracebacks(), server.tracebacks()
    print(f"first page {first_page_s:.2f} s after the start (server ready after {server.seconds_to_health:.2f} s); RSS {rss_bytes / 1e6:.0f} MB after all pages")
    record_property("first_page_s", round(first_page_s, 2))
    record_property("rss_mb", round(rss_bytes / 1e6))
    assert not [path for path in loaded if any(word in path for word in HEAVY)]
    assert rss_bytes <= LARGEST_RSS_BYTES
    assert first_page_s <= FIRST_PAGE_S * busy

"""A long history in the browser: leafed through, searched, taken along, and chosen from."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, serve, settle
from tests.finished_run import listed_runs
from tlcore import demo
from tlcore.store import Store
from tlcore.workspace import Workspace

RUNS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    workspace = Workspace(folder / "workspace").create()
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    listed_runs(store, RUNS)
    store.close()
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running
        assert not running.tracebacks(), running.tracebacks()


def test_the_list_is_leafed_through_searched_and_taken_along(page, server):
    open_page(page, f"{server.url}/runs")
    expect(page.get_by_text("60 runs")).to_be_visible()
    page.get_by_role("button", name="Page 3").click()
    settle(page)
    assert parameter(page, "page") == ["3"]
    page.reload()
    settle(page)
    expect(page.get_by_text("60 runs")).to_be_visible()
    assert parameter(page, "page") == ["3"]
    page.get_by_role("searchbox", name="Find a run").fill("step 4")
    expect(page.get_by_text("16 runs")).to_be_visible()  # Fifteen have a 4 in their name, and there is run 4.
    settle(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 16 and lines[0].startswith("run,status,title,score,test")


def test_an_old_run_is_found_and_chosen(page, server):
    open_page(page, f"{server.url}/compare")
    for number in (3, 7):
        page.get_by_role("searchbox", name="Find a run").fill(f"{number + 1}")
        settle(page)
        page.locator(".st-key-compare_runs").get_by_role("combobox").click()
        page.get_by_role("option", name=f"{number + 1} · step {number}").click()
        page.keyboard.press("Escape")
        settle(page)
    assert parameter(page, "runs") == ["4,8"]

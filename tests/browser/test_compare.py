"""Runs chosen, refused, looked into and taken along, in the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.serving import number_in, open_page, parameter, serve, settle
from tests.browser.trained import open_tab
from tests.finished_run import finished_run
from tlcore.compare import compare_runs
from tlcore.store import Store
from tlcore.workspace import Workspace

SHORT, LONG, APART = 1, 2, 3
CELLS = '[data-testid=stVegaLiteChart] svg path[aria-roledescription="rect mark"]'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Two runs on the same pictures, one that learns more than the other, and one on other pictures."""
    folder = tmp_path_factory.mktemp("comparing")
    store = Store.open(Workspace(folder / "workspace").create())
    changes = ({"name": "short", "train__epochs": 1, "optimizer__learning_rate": 1.0}, {"name": "<b>long</b>", "train__epochs": 4}, {"split__seed": 3, "train__epochs": 2})
    assert [finished_run(store, store.workspace, **each) for each in changes] == [SHORT, LONG, APART]
    store.close()
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running
        assert not running.tracebacks(), running.tracebacks()


def test_two_runs_are_chosen_and_looked_at_from_tab_to_tab(page, server):
    open_page(page, f"{server.url}/compare")
    for run in (SHORT, LONG):
        page.locator(".st-key-compare_runs").get_by_role("combobox").click()
        page.get_by_role("option", name=f"{run} ·").click()
        page.keyboard.press("Escape")
        settle(page)
    assert parameter(page, "runs") == [f"{SHORT},{LONG}"]
    expect(page.get_by_text("2 runs on the same 359 test pictures")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart] svg text", has_text="★ best")).to_have_count(1)
    for tab, charts in (("Pairs", 1), ("Curves", 2), ("Classes", 1), ("Confusion", 2), ("Settings", 0)):
        open_tab(page, tab)
        assert parameter(page, "tab") == [tab]
        expect(page.locator("[data-testid=stVegaLiteChart] svg")).to_have_count(charts + 1)  # Accuracy against cost stands below every tab.
    page.reload()
    settle(page)
    expect(page.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")


def test_runs_on_other_pictures_are_refused_and_compared_on_the_common_ones(page, server):
    open_page(page, f"{server.url}/compare?runs={SHORT},{APART}")
    expect(page.get_by_text("split seed (0 against 3)")).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(0)
    offer = page.get_by_text("Evaluate on the")
    common = number_in(offer.inner_text())
    offer.click()
    expect(page.get_by_text(f"2 runs on the same {common} test pictures")).to_be_visible()
    expect(page.get_by_text(f"{359 - common} of 359 of run {APART}")).to_be_visible()
    settle(page)
    assert parameter(page, "common") == ["1"]
    page.reload()
    settle(page)
    expect(page.get_by_text(f"2 runs on the same {common} test pictures")).to_be_visible()


def test_a_clicked_change_shows_its_pictures_and_stands_in_the_link(page, server):
    open_page(page, f"{server.url}/compare?runs={SHORT},{LONG}&tab=Changes")
    for place in (3, 5):
        cell = page.locator(f'{CELLS}[aria-label*="pictures before:"]').nth(place)
        named = dict(part.split(": ", 1) for part in cell.get_attribute("aria-label").split("; "))
        cell.click()
        expect(page.get_by_role("combobox", name="Cell")).to_have_value(re.compile(f"{named['pictures before']} → {named['after']} "))
        settle(page)
        assert parameter(page, "cell") == [f"{named['true class']} → {named['predicted class']}"]
        expect(page.locator("[data-testid=stImage] img").first).to_be_visible()
    page.reload()
    settle(page)
    assert parameter(page, "cell") == [f"{named['true class']} → {named['predicted class']}"]
    expect(page.get_by_role("combobox", name="Cell")).to_have_value(re.compile(f"^{named['true class']} .*{named['pictures before']} → {named['after']} "))
    expect(page.locator("[data-testid=stImage] img").first).to_be_visible()


def test_the_report_opens_without_a_network(page, server, context, tmp_path):
    open_page(page, f"{server.url}/compare?runs={SHORT},{LONG}")
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == f"comparison-{SHORT}-{LONG}.html"
    asked: list[str] = []
    context.set_offline(True)
    context.on("request", lambda request: asked.append(request.url))
    offline = context.new_page()
    offline.goto(file.as_uri())
    assert asked == [file.as_uri()]
    store = Store.open(server.workspace)
    comparison = compare_runs([store.job(run) for run in (SHORT, LONG)], server.workspace)
    expect(offline.get_by_text(comparison.pairs[0].outcome("accuracy", comparison.spoken))).to_be_visible()
    expect(offline.get_by_role("cell", name="<b>long</b>").first).to_be_visible()
    assert offline.locator("svg").count() >= 8 and all(box["width"] > 300 for box in map(lambda each: each.bounding_box(), offline.locator("svg").all()))
    assert offline.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "tables scroll by themselves"

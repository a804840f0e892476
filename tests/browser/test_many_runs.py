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


def choose(page, label: str, option: str) -> None:
    """An option of a box, which may take several."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option).click()
    settle(page)


def tick(page, *rows: int) -> None:
    """Tick rows of the table, the first is 1; it is drawn on a canvas."""
    for row in rows:
        table = page.get_by_test_id("stDataFrame").first.bounding_box()
        page.mouse.click(table["x"] + 16, table["y"] + 33 * row + 17)
        settle(page)


def test_runs_are_sorted_tagged_filtered_grouped_and_hidden(page, server):
    open_page(page, f"{server.url}/runs")
    choose(page, "Order", "Best test accuracy")
    assert parameter(page, "sort") == ["accuracy"]
    tick(page, 1, 3)  # Runs 60 and 58: the last ones are the best.
    page.get_by_role("button", name="Tags").click()
    box = page.get_by_role("combobox", name="Tags of all 2 runs")
    box.fill("best of all")
    box.press("Enter")
    settle(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filter").click()
    choose(page, "Tag", "best of all (2)")
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 runs", exact=True)).to_be_visible()
    assert parameter(page, "tag") == ["best of all"]
    choose(page, "Groups", "By backbone")
    expect(page.get_by_text("1 group by backbone")).to_be_visible()  # Both have the second of two backbones.
    page.reload()
    settle(page)
    expect(page.get_by_text("1 group by backbone")).to_be_visible()
    choose(page, "Groups", "Not in groups")
    tick(page, 1, 2)
    page.get_by_role("button", name="Hide", exact=True).click()
    expect(page.get_by_text("No run fits.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("58 runs")).to_be_visible()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("radio", name="only these").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 runs", exact=True)).to_be_visible()
    tick(page, 1, 2)
    page.get_by_role("button", name="Show again").click()
    expect(page.get_by_text("No run fits.")).to_be_visible()


def test_runs_are_picked_in_the_chart_of_accuracy_against_cost_and_compared(page, server):
    open_page(page, f"{server.url}/compare")
    marks = page.get_by_test_id("stVegaLiteChart").locator('svg path[aria-roledescription="point"]')
    expect(marks).to_have_count(RUNS)
    marks.first.click()
    expect(page.get_by_text("1 run picked")).to_be_visible()
    settle(page)
    chart = page.get_by_test_id("stVegaLiteChart").locator("svg").bounding_box()
    page.mouse.move(chart["x"] + chart["width"] * 0.25, chart["y"] + 20)
    page.mouse.down()
    page.mouse.move(chart["x"] + chart["width"] * 0.95, chart["y"] + 200, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Compare the best 8").click()
    settle(page)
    chosen = parameter(page, "runs")[0].split(",")
    assert len(chosen) == 8 and all(int(run) > RUNS / 2 for run in chosen)


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

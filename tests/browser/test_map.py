"""The map of a run's pictures in the browser: a lasso and a box show what lies inside, and a double click clears."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.serving import number_in, open_page, serve, settle
from tests.browser.trained import open_tab
from tests.finished_run import finished_run
from tlcore.store import Store
from tlcore.workspace import Workspace

LASSO, BOX = (25, 27), (58, 27)  # Places of the tools on the chart.


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    workspace = Workspace(folder / "workspace").create()
    store = Store.open(workspace)
    finished_run(store, workspace, train__epochs=1)
    store.close()
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running
        assert not running.tracebacks(), running.tracebacks()


def drawn(page, tool: tuple[int, int], path: list[tuple[float, float]]) -> int:
    """Take a tool and draw with it; places as shares of the chart. Gives the number of pictures that are then chosen."""
    chart = page.locator(".st-key-map canvas").first.bounding_box()
    page.mouse.click(chart["x"] + tool[0], chart["y"] + tool[1])
    points = [(chart["x"] + x * chart["width"], chart["y"] + y * chart["height"]) for x, y in path]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    expect(chosen(page)).to_be_visible()
    settle(page)
    page.wait_for_timeout(500)  # The chart tells of the last movement a moment later.
    settle(page)
    return number_in(chosen(page).inner_text())


def chosen(page) -> Locator:
    return page.get_by_text(re.compile(r"pictures? chosen"))


def test_a_lasso_and_a_box_show_the_pictures_inside_and_a_double_click_clears(page, server):
    page.set_viewport_size({"width": 1280, "height": 1200})
    open_page(page, f"{server.url}/runs?run=1")
    open_tab(page, "Map")
    expect(page.locator(".st-key-map canvas").first).to_be_visible()
    expect(chosen(page)).to_have_count(0)
    circle = [(0.5 + 0.2 * math.cos(turn * math.pi / 8), 0.5 + 0.2 * math.sin(turn * math.pi / 8)) for turn in range(17)]
    inside = drawn(page, LASSO, circle)
    assert 0 < inside < 1797
    expect(page.locator("[data-testid=stImage] img").first).to_be_visible()
    assert page.locator("[data-testid=stImage] img").count() == min(inside, 48)
    everything = drawn(page, BOX, [(0.015, 0.085), (0.985, 0.86)])
    assert everything > inside and everything == 1797
    expect(page.get_by_text(re.compile("with an answer mistaken"))).to_be_visible()
    chart = page.locator(".st-key-map canvas").first.bounding_box()
    page.mouse.dblclick(chart["x"] + 0.5 * chart["width"], chart["y"] + 0.5 * chart["height"])
    expect(chosen(page)).to_have_count(0)

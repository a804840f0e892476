"""A finished run's figures in a real browser: clicked, sorted, zoomed, and weighed by what errors cost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, serve, settle
from tests.browser.trained import open_tab
from tests.simulated_run import simulated_run
from tlcore import demo
from tlcore.confusions import worst_pairs
from tlcore.evaluation import Evaluation, evaluate_part
from tlcore.store import Store
from tlcore.workspace import Workspace

TEN, MANY, TWO = 1, 2, 3
CHART = "[data-testid=stVegaLiteChart] svg"
CELLS = f'{CHART} path[aria-roledescription="rect mark"][aria-label*="share:"]'
ROW_PX = 35


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with runs of 10, 45 and 2 classes, and their evaluations."""
    folder = tmp_path_factory.mktemp("evaluate")
    workspace = Workspace(folder / "workspace").create()
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    made = [simulated_run(store, workspace, [20] * 10), simulated_run(store, workspace, [8] * 45, 3.0), simulated_run(store, workspace, [60, 30], 1.2, 3.0, ["well", "ill"])]
    assert made == [TEN, MANY, TWO]
    store.close()
    found: dict[int, Evaluation] = {run: evaluate_part(workspace.run(run), "test") for run in made}
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running, found
        assert not running.tracebacks(), running.tracebacks()


def test_a_clicked_cell_shows_its_pictures_and_confused_classes_can_be_put_together(served, page):
    server, found = served
    open_page(page, f"{server.url}/runs?run={TEN}")
    expect(page.get_by_text(f"It recognises {found[TEN].figures['accuracy']:.1%} of 200 test pictures")).to_be_visible()
    open_tab(page, "Confusion")
    labels = page.locator(f"{CHART} .role-axis-label text")
    expect(labels.nth(0)).to_be_attached()
    page.get_by_role("radio", name="confused ones together").click()
    page.wait_for_url("**arranged=confused*")
    settle(page)
    expect(page.locator(f"{CHART} .role-axis").nth(1).locator(".role-axis-label text")).to_have_text(list(found[TEN].class_order))
    pair = worst_pairs(found[TEN].predictions).iloc[0]
    page.locator(f'{CELLS}[aria-label*="true class: {pair["true"]};"][aria-label*="predicted class: {pair["predicted"]};"]').last.click()
    expect(page.get_by_text(f"{pair['count']} picture").first).to_be_visible()
    expect(page.locator("[data-testid=stImage] img")).to_have_count(min(24, int(pair["count"])))
    page.reload()
    settle(page)
    assert parameter(page, "arranged") == ["confused ones together"] and parameter(page, "tab") == ["Confusion"]


def test_of_many_classes_a_worst_pair_is_chosen_and_the_matrix_zoomed(served, page):
    server, found = served
    pairs = worst_pairs(found[MANY].predictions, None)
    open_page(page, f"{server.url}/runs?run={MANY}&tab=Confusion")
    table = page.locator("[data-testid=stDataFrame]").first
    expect(table).to_be_visible()
    for row in (0, 3):
        if row:  # The first is chosen from the start.
            table.click(position={"x": 18, "y": ROW_PX * (row + 1.5)})
        expect(page.get_by_text(f"of {pairs.loc[row, 'true']} taken for {pairs.loc[row, 'predicted']}", exact=False).first).to_be_visible()
        expect(page.locator("[data-testid=stImage] img")).to_have_count(int(pairs.loc[row, "count"]))
    page.get_by_role("radio", name="matrix").click()
    page.wait_for_url("**confusion=matrix*")
    settle(page)
    expect(page.get_by_text("33 others").first).to_be_attached()
    page.locator(f'{CELLS}[aria-label*="33 others"]').last.click()
    expect(page.locator("[data-testid=stImage] img").first).to_be_visible()


def test_a_moved_threshold_changes_what_is_missed_and_stands_in_the_link(served, page):
    server, found = served
    open_page(page, f"{server.url}/runs?run={TWO}&tab=ROC+%26+PR")
    slider = page.get_by_role("slider", name="Threshold")
    slider.wait_for()
    ill = int((found[TWO].predictions.labels == 1).sum())
    expect(page.get_by_text(re.compile(r"ill from 0\.500 on"))).to_be_visible()
    slider.focus()
    page.keyboard.press("End")
    expect(page.get_by_text(re.compile(rf"ill from 1\.000 on: of 90 pictures it misses {ill}"))).to_be_visible()
    page.wait_for_url("**threshold=1*")
    page.get_by_role("spinbutton", name="Cost of a miss").fill("20")
    page.keyboard.press("Tab")
    expect(page.get_by_text(f"{found[TWO].cheapest(1, 20.0, 1.0).threshold:.3f}").first).to_be_visible()
    page.reload()
    settle(page)
    expect(page.get_by_text(re.compile(rf"ill from 1\.000 on: .* at a cost of {20 * ill}"))).to_be_visible()
    assert parameter(page, "miss") == ["20"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").last.click()
    assert download.value.path().read_text().startswith("threshold,found,missed,false_alarms,rejected,accuracy,recall,precision,cost")

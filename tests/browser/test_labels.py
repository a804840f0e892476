"""Does transfer help? In a real browser: the preset started for real until its first point, and a finished chart."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests import label_series
from tests.browser.serving import Server, open_page, parameter, serve, settle
from tlcore import demo, jobs
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace

POINTS = "[data-testid=stVegaLiteChart] svg [aria-roledescription=point]"
# Two classes and all pictures in one batch: each run has a handful of updates.
TINY = "dataset=digits&classes=1&classes=7&train.epochs=3&train.batch_size=512&head.pooling=flatten"


@pytest.fixture
def digits(server: Server) -> Server:
    demo.ensure_built_in("digits", Store.open(server.workspace), server.workspace)
    return server


@pytest.mark.slow
def test_the_preset_is_started_and_its_first_point_comes(digits, page):
    start(page, digits)
    (series,) = store_of(digits).series.listed()
    assert parameter(page, "series") == [str(series.id)]
    page.locator(POINTS).first.wait_for(timeout=120_000)
    expect(page.get_by_text("1 of 9 done").or_(page.get_by_text("2 of 9 done")).first).to_be_visible()
    page.get_by_role("button", name="that wait").click()
    page.get_by_role("button", name="that wait").wait_for(state="detached")
    runs = store_of(digits).series.jobs(series.id)
    assert runs[0].state is JobState.done and runs[0].result["train_images"] == label_count(page)
    assert sum(run.state is JobState.cancelled for run in runs) >= 5


@pytest.mark.slow
def test_all_runs_of_the_preset_end_with_an_answer(digits, page):
    start(page, digits)
    series = int(parameter(page, "series")[0])
    store = store_of(digits)
    ended = [jobs.wait(store, job.id, 120) for job in store.series.jobs(series)]
    assert [job.state for job in ended] == [JobState.done] * 9, [job.error for job in ended]
    expect(page.get_by_text("9 of 9 done.")).to_be_visible()
    expect(page.locator(".st-key-label_answer")).to_contain_text("by a single seed, which may be chance")
    assert page.locator(POINTS).count() == 9 * 2, "a mean and its only run for each way and number of labels"
    assert len({job.result["test_images"] for job in ended}) == 1


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A server with a finished series, and its number."""
    folder = tmp_path_factory.mktemp("finished")
    store = Store.open(Workspace(folder / "workspace").create())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
        series = label_series.queued(store)
    label_series.end(store)
    store.close()
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running, series
        assert not running.tracebacks(), running.tracebacks()


def test_a_finished_series_is_a_chart_with_intervals_an_answer_and_a_table_to_take_along(finished, page):
    server, series = finished
    open_page(page, f"{server.url}/tune?series={series}")
    page.locator(POINTS).first.wait_for()
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    assert page.locator(POINTS).count() == 9 + 27, "means and single runs"
    assert chart.locator("svg path[aria-roledescription=rule], svg line[aria-roledescription='rule mark'], svg [aria-roledescription='rule mark']").count() == 9
    assert {"60", "250", "1,259"} <= set(chart.locator("svg text").all_text_contents())
    expect(page.locator(".st-key-label_answer")).to_contain_text("40.0 points gained (35.0 to 45.0)")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "strategy,labels,accuracy,low,high,runs,val_labels" and len(lines) == 1 + 9
    page.reload()
    page.locator(POINTS).first.wait_for()
    assert parameter(page, "series") == [str(series)]


def start(page: Page, server: Server) -> None:
    """Queue the preset with one seed from the form."""
    open_page(page, f"{server.url}/train?{TINY}")
    page.get_by_text("Does transfer help?").click()
    page.get_by_role("button", name="Queue 27 runs").wait_for()
    for label in ("Seeds", "Epochs, at least"):
        settle(page)
        page.get_by_role("spinbutton", name=label).fill("1")
        page.keyboard.press("Tab")
    page.get_by_role("button", name="Queue 9 runs").wait_for()
    settle(page)
    page.get_by_role("button", name="Queue 9 runs").click()
    page.wait_for_url("**/tune?series=*")
    settle(page)


def store_of(server: Server) -> Store:
    return Store.open(server.workspace)


def label_count(page: Page) -> int:
    """The only number of labels on the chart's axis."""
    texts = page.locator("[data-testid=stVegaLiteChart]").first.locator("svg .role-axis-label text").all_text_contents()
    (number,) = [text for text in texts if "%" not in text]
    return int(number.replace(",", ""))

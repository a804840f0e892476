"""The forecast in a real browser: on Train before the start, refined by the probe, and against the truth afterwards."""

from __future__ import annotations

import re

import pytest

from tests.browser.serving import open_page, parameter, settle
from tests.browser.trained import open_tab
from tlcore import demo, jobs
from tlcore.forecast.outlook import expected_of
from tlcore.store import JobState, Store

PATIENCE_S = 180


@pytest.mark.slow
def test_forecast_before_and_after_a_run(server, page):
    store = Store.open(server.workspace)
    demo.ensure_built_in("digits", store, server.workspace)
    open_page(page, f"{server.url}/train?dataset=digits&train.epochs=3")
    panel = page.locator(".st-key-launch")
    assert re.search(r"Time, about\s+\S+ s \(.+ to .+\)", panel.inner_text())
    assert "0 of 1,797 pictures" in panel.inner_text()
    panel.get_by_text(re.compile("from a short measurement of")).wait_for(timeout=PATIENCE_S * 1000)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile("run="))
    run_id = int(parameter(page, "run")[0])
    kept = expected_of(store.job(run_id))
    assert kept.basis in ("machine", "prefix")
    ended = jobs.wait(store, run_id, PATIENCE_S)
    assert ended.state is JobState.done, ended.error
    page.get_by_role("tab", name="Time", exact=True).wait_for(timeout=30_000)
    settle(page)
    open_tab(page, "Time")
    page.get_by_text("Predicted for all phases together").wait_for()
    chart = page.locator("[data-testid=stVegaLiteChart]").last
    assert chart.locator('path[aria-roledescription="bar"]').count() == len(ended.result["phases"]) + 1, "one bar a phase, and the start"
    assert chart.locator('[aria-roledescription="tick"]').count() == len(kept.phases)
    open_page(page, f"{server.url}/train?dataset=digits&train.epochs=3")
    assert "1,797 of 1,797 pictures" in panel.inner_text()
    assert "from runs like this one" in panel.inner_text()

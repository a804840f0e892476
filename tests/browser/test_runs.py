"""A run as a user sees it: started, watched, refreshed in the middle, finished, found again after a restart."""

from __future__ import annotations

import re
import zipfile

from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, serve, settle
from tests.browser.trained import PATIENCE_S, open_tab

CELLS = '[data-testid=stVegaLiteChart] svg path[aria-roledescription="rect mark"]'


def test_the_demonstration_from_click_to_confusion_matrix_and_after_a_restart(page, tmp_path):
    with serve(tmp_path) as server:
        open_page(page, server.url)
        page.get_by_role("button", name="Run the demonstration").click()
        page.wait_for_url(re.compile(r"/runs\?run=\d+"))
        expect(page.locator("[data-testid=stVegaLiteChart] svg").first).to_be_visible(timeout=PATIENCE_S * 1000)
        run = parameter(page, "run")
        page.reload()
        settle(page)
        assert parameter(page, "run") == run
        expect(page.get_by_role("tab", name="Summary")).to_be_visible(timeout=PATIENCE_S * 1000)
        expect(page.locator(".st-key-verdict")).to_contain_text("It recognises", timeout=PATIENCE_S * 1000)
        verdict = page.locator(".st-key-verdict").inner_text()
        assert float(re.search(r"recognises ([\d.]+)%", verdict).group(1)) > 80 and "better than always giving the most frequent class" in verdict
        open_tab(page, "Confusion")
        assert parameter(page, "tab") == ["Confusion"]
        expect(page.locator(CELLS).first).to_be_visible()
        page.locator(f'{CELLS}[aria-label*="share:"]').last.click()
        expect(page.locator("[data-testid=stImage] img").first).to_be_visible()
        open_tab(page, "Export")
        page.locator(".st-key-make_keras").get_by_role("button", name="Make it").click()
        expect(page.locator(".st-key-download_keras").get_by_role("button", name="Download")).to_be_visible(timeout=PATIENCE_S * 1000)
        with page.expect_download() as service:
            page.locator(".st-key-download_service").get_by_role("button", name="Download").click()
        assert {"serve.py", "requirements.txt", "MODEL_CARD.md", "run/model.xml", "run/predictions.parquet"} <= set(zipfile.ZipFile(service.value.path()).namelist())
        page.goto("about:blank")  # Nothing is asked of the server that stops now.
        assert not server.tracebacks()
    with serve(tmp_path) as again:
        open_page(page, f"{again.url}/runs?run={run[0]}&tab=Classes")
        expect(page.get_by_role("tab", name="Classes")).to_have_attribute("aria-selected", "true")
        expect(page.locator("[data-testid=stDataFrame]").first).to_be_visible()
        page.get_by_role("button", name="All runs").click()
        expect(page.get_by_role("heading", name="Watch and manage your runs")).to_be_visible()
        settle(page)
        assert parameter(page, "run") == []
        assert not again.tracebacks()

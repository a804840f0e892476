"""Two real runs chosen in the browser and compared."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, settle


def test_two_runs_are_chosen_and_compared(page, trained):
    server, runs = trained
    open_page(page, f"{server.url}/compare")
    for run in runs:
        page.locator(".st-key-compare_runs").get_by_role("combobox").click()
        page.get_by_role("option", name=f"{run} ·").click()
        page.keyboard.press("Escape")
        settle(page)
    assert parameter(page, "runs") == [",".join(map(str, runs))]
    expect(page.get_by_role("heading", name="Confusion matrices")).to_be_visible()
    expect(page.get_by_text("All settings are equal")).to_have_count(0)
    expect(page.locator("[data-testid=stVegaLiteChart] svg")).to_have_count(4)
    page.reload()
    settle(page)
    expect(page.locator("[data-testid=stVegaLiteChart] svg")).to_have_count(4)

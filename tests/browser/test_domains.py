"""Source and target in a real browser: from the choice of both to counts and the strategy's paragraph, and what a finished run tells of each."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, settle
from tests.browser.trained import open_tab
from tests.finished_run import finished_run
from tlcore.results import load_predictions
from tlcore.store import Store
from tlcore.strategies import STRATEGIES

RUN = {"dataset": "digits-textures", "source.dataset": "digits", "strategy.name": "mixed", "train.epochs": 5, "train.monitor": "val_auc"}
CHART = "[data-testid=stVegaLiteChart] svg"
CELLS = f'{CHART} path[aria-roledescription="rect mark"][aria-label*="share:"]'


@pytest.fixture(scope="module")
def both(server):
    """A server with both datasets and, as run 1, a finished run on the two; made before a page is open, and with it a supervisor that ends what nobody holds."""
    finished_run(Store.open(server.workspace), server.workspace, **RUN)
    return server


def choose(page, label: str, option: str) -> None:
    settle(page)  # A click while the page is drawn anew is lost.
    page.get_by_role("combobox", name=label).click()
    page.keyboard.type(option)  # Long lists show only a part.
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def test_source_and_target_are_chosen_and_counted_before_anything_runs(both, page):
    open_page(page, f"{both.url}/train?dataset=digits-textures&freeze.trainable_blocks=1")
    page.get_by_text(STRATEGIES["frozen"].help[:60]).wait_for()
    choose(page, "Way of transferring", "coral")
    page.wait_for_url("**strategy.name=coral*")
    page.get_by_text(STRATEGIES["coral"].help[:60]).first.wait_for()
    page.get_by_role("alert").filter(has_text="'CORAL' needs a source").wait_for()
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()
    choose(page, "Source", "digits")
    page.wait_for_url("**source.dataset=digits*")
    page.get_by_text("training pictures of the source digits, of the target 0 with labels").wait_for()
    bars = page.locator("[data-testid=stVegaLiteChart] svg path[aria-roledescription=bar][aria-label*='target, without labels']")
    bars.first.wait_for()
    assert bars.count() == 10, "one a class"
    page.get_by_role("button", name="Measure the shift").wait_for()
    assert page.get_by_role("button", name="Start", exact=True).is_enabled()
    page.reload()
    page.get_by_text("training pictures of the source digits").wait_for()
    settle(page)
    assert (parameter(page, "strategy.name"), parameter(page, "source.dataset")) == (["coral"], ["digits"])


def test_a_finished_run_shows_matrix_and_pictures_of_the_source_and_its_curve(both, page):
    source, target = (load_predictions(both.workspace.run(1), split) for split in ("source_test", "test"))
    open_page(page, f"{both.url}/runs?run=1&tab=Confusion")
    page.get_by_role("radio", name="source · digits").click()
    page.wait_for_url("**domain=source*")
    settle(page)
    for given in (source, target):
        wrong = int((given.predicted != given.labels).sum())
        drawn = [re.search(r"pictures: ([\d,]+)", cell.get_attribute("aria-label")) for cell in page.locator(CELLS).all()]
        assert sum(int(found.group(1)) for found in drawn if found) == len(given) and wrong > 0
        if given is source:
            page.locator(CELLS).last.click()
            expect(page.locator("[data-testid=stImage] img").first).to_be_visible()
            open_tab(page, "Classes")
            open_tab(page, "Confusion")
            expect(page.get_by_role("radio", name="source · digits")).to_be_checked()
            page.get_by_role("radio", name="target · digits-textures").click()
            page.wait_for_url("**domain=target*")
            settle(page)
    open_tab(page, "Curves")
    for label in ("Accuracy", "Loss", "AUC"):
        lines = page.locator(f".st-key-curve_of_{label.lower()} {CHART} g.mark-line path")
        expect(lines).to_have_count(2 if label == "AUC" else 3)
    marks = page.locator(f'.st-key-curve_of_auc {CHART} path[aria-roledescription=point][aria-label*="source validation"]')
    assert marks.count() == 5, "one an epoch"
    page.get_by_role("button", name="Macro F1").click()
    expect(page.locator(".st-key-curve_of_macro_f1").get_by_text("harmonic mean")).to_be_visible()
    expect(page.locator(f".st-key-curve_of_macro_f1 {CHART} g.mark-rule line").first).to_be_attached()

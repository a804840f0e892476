"""Source and target in a real browser: from the choice of both to the counts and the strategy's paragraph."""

from __future__ import annotations

import pytest

from tests.browser.serving import open_page, parameter, settle
from tlcore import demo
from tlcore.store import Store
from tlcore.strategies import STRATEGIES


@pytest.fixture(scope="module")
def both(server):
    for name in ("digits", "digits-textures"):
        demo.ensure_built_in(name, Store.open(server.workspace), server.workspace)
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

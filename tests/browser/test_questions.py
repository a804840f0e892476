"""Which rate, and would more labels help? In a real browser, answered by a real worker on the digits."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.serving import Server, open_page, parameter, settle
from tlcore import before_run, demo
from tlcore.store import JobState, Store

CHART = "[data-testid=stVegaLiteChart] svg"


@pytest.fixture(scope="module")
def digits(server: Server) -> Server:
    demo.ensure_built_in("digits", Store.open(server.workspace), server.workspace)
    return server


def test_a_rate_is_found_for_the_settings_of_train_and_train_opens_with_it(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits&head.pooling=flatten&train.batch_size=64")
    page.get_by_role("link", name="Find a learning rate").click()
    expect(page.get_by_text("batch of 64")).to_be_visible(timeout=20_000)
    page.locator(".st-key-ask_rate button").click()
    answer = page.locator(".st-key-rate_answer")
    expect(answer).to_contain_text("Try a learning rate of 0.00", timeout=90_000)
    (job,) = Store.open(digits.workspace).jobs("rate")
    found = before_run.rate_found(job)
    assert job.config.train.batch_size == 64 and parameter(page, "rate") == [str(job.id)]
    page.reload()
    expect(answer).to_contain_text(f"Try a learning rate of {found.suggestion:g}")
    expect(page.locator(CHART).get_by_text(f"try {found.suggestion:g}")).to_be_visible()
    expect(page.locator(CHART).get_by_text("unstable")).to_be_visible()
    page.get_by_role("button", name="Train with this rate").click()
    page.locator(".st-key-launch").wait_for()
    settle(page)
    assert page.get_by_label("Learning rate", exact=True).input_value() == f"{found.suggestion:g}"
    assert page.get_by_label("Batch size", exact=True).input_value() == "64"


def test_what_more_labels_would_bring_is_asked_cancelled_and_answered(digits, page):
    open_page(page, f"{digits.url}/tune?tab=more&set=split.val_fraction=0.3&set=optimizer.learning_rate=0.02")
    page.locator(".st-key-ask_more button").click()
    page.locator(".st-key-cancel_more button").click()
    expect(page.locator(".st-key-more_head")).to_contain_text("cancelled", timeout=15_000)
    page.locator(".st-key-ask_more button").click()
    expect(page.locator(".st-key-more_answer")).to_contain_text("Doubling the labels, from 899 to 1,798 training pictures,", timeout=120_000)
    done, cancelled = Store.open(digits.workspace).jobs("more")
    assert (done.state, cancelled.state) == (JobState.done, JobState.cancelled)
    points = page.locator(f"{CHART} [aria-roledescription=point]")
    points.first.wait_for()
    assert points.count() == 4 * 5 + 4 + 1
    expect(page.get_by_role("region", name="What doubling the labels would bring to each class")).to_be_visible()

"""From a finished run to the next, and a file of weights from upload to report, in a real browser."""

from __future__ import annotations

import pytest

from tests.browser.serving import open_page, parameter, settle
from tlcore import weight_sets
from tlcore.weights import ASSETS


@pytest.mark.slow
def test_a_run_is_used_as_backbone_by_a_click_and_a_refresh_keeps_it(trained, page):
    server, (run, _) = trained
    open_page(page, f"{server.url}/runs?run={run}")
    page.get_by_role("link", name="Use as backbone").click()
    page.get_by_text("Teach a network your classes").wait_for()
    settle(page)
    for _ in range(2):
        assert (parameter(page, "backbone.weights"), parameter(page, "backbone.run")) == (["run"], [str(run)])
        page.get_by_text(f"Run {run} left all its blocks frozen").wait_for()
        page.get_by_text("Trained on CIFAR-10 · weights: from elsewhere").wait_for()
        assert page.get_by_role("button", name="Start", exact=True).is_enabled()
        page.reload()
        page.get_by_role("button", name="Start", exact=True).wait_for()
        settle(page)


def test_an_uploaded_file_is_read_reported_and_chosen(trained, page):
    server, _ = trained
    open_page(page, f"{server.url}/train?dataset=digits&backbone.weights=set")
    page.get_by_text("Add weights for ResNet20 from a file").click()
    page.locator(".st-key-weights_file input[type=file]").set_input_files(ASSETS / "resnet20_cifar10.weights.h5")
    settle(page)
    page.get_by_role("textbox", name="Trained on").fill("CIFAR-10")
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name="Add weights", exact=True).click()
    page.get_by_text("From resnet20_cifar10.weights.h5: 42 loaded.").wait_for(timeout=60_000)
    settle(page)
    (made,) = [each for each in weight_sets.listed(server.workspace) if each.run is None]
    assert parameter(page, "backbone.weight_set") == [made.id]
    assert not list(server.workspace.uploads.iterdir())
    assert page.get_by_role("button", name="Start", exact=True).is_enabled()

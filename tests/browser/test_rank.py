"""Rank backbones in a real browser: the bundled one for real, another whose weights can't be had with the reason, then on to Train."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.serving import open_page, parameter, serve, settle
from tlcore import demo, weights
from tlcore.backbones import spec
from tlcore.store import JobState, Store

POINTS = "[data-testid=stVegaLiteChart] svg [aria-roledescription=point]"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the digits, and a damaged file where MobileNet's weights should be: no network is asked for them."""
    folder = tmp_path_factory.mktemp("ranked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(folder / "keras"))
        damaged = weights.weights_path(spec("MobileNet"), "imagenet", 224)
        damaged.parent.mkdir(parents=True)
        damaged.write_bytes(b"torn")
        with serve(folder, TLCORE_STANDBY="0") as running:
            demo.ensure_built_in("digits", Store.open(running.workspace), running.workspace)
            yield running
            assert not running.tracebacks(), running.tracebacks()


def test_two_backbones_are_ranked_one_of_them_cannot_be_had_and_train_opens_with_the_other(server, page):
    open_page(page, f"{server.url}/tune?tab=rank&dataset=digits&classes=1&classes=7&classes=9")
    chosen = page.locator(".st-key-rank_backbones")
    expect(chosen).to_contain_text("ResNet20")
    expect(chosen).to_contain_text("MobileNet")
    page.get_by_role("button", name="Rank them").click()
    page.locator(POINTS).first.wait_for(timeout=120_000)
    settle(page)
    (job,) = Store.open(server.workspace).jobs("rank")
    assert job.state is JobState.done and parameter(page, "rank") == [str(job.id)] and len(job.result["rows"]) == 2
    expect(page.get_by_text("ResNet20 is the only one that could be ranked.")).to_be_visible()
    expect(page.get_by_text("Not ranked:")).to_be_visible()
    page.get_by_role("radio", name="LogME").or_(page.get_by_role("button", name="LogME")).first.click()
    settle(page)
    assert parameter(page, "by") == ["LogME"] and page.locator(POINTS).count() == 1
    page.reload()
    page.locator(POINTS).first.wait_for()
    page.get_by_role("button", name="Train with ResNet20").click()
    page.wait_for_url("**/train?*")
    settle(page)
    assert parameter(page, "classes") == ["1", "7", "9"] and parameter(page, "dataset") == ["digits"]

"""Train in a real browser: a click on a block, a cold deep link, a refresh, a double click on Start."""

from __future__ import annotations

import pytest

from tests.browser.serving import open_page, parameter, settle
from tlcore import config, demo, jobs
from tlcore.store import Store


@pytest.fixture(scope="module")
def digits(server):
    demo.ensure_built_in("digits", Store.open(server.workspace), server.workspace)
    return server


def block(page, name: str):
    return page.locator(f"[data-testid=stVegaLiteChart] svg path[aria-roledescription=bar][aria-label*='{name}']").last


def test_a_cold_link_fills_the_form_and_a_refresh_keeps_it(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits&classes=1&classes=7&train.epochs=4&optimizer.name=sgd&freeze.trainable_blocks=2")
    assert page.get_by_role("spinbutton", name="Epochs at most").input_value() == "4"
    page.get_by_role("spinbutton", name="Epochs at most").fill("6")
    page.keyboard.press("Tab")
    settle(page)
    page.reload()
    page.get_by_role("spinbutton", name="Epochs at most").wait_for()
    settle(page)
    assert parameter(page, "train.epochs") == ["6"]
    assert page.get_by_role("spinbutton", name="Epochs at most").input_value() == "6"
    assert parameter(page, "classes") == ["1", "7"]


@pytest.mark.parametrize(("label", "typed", "named"), [("Epochs at most", "0", "train.epochs"), *(pytest.param(*each, marks=pytest.mark.slow) for each in (("Batch size", "99999999", "train.batch_size"), ("Input size, px", "3", "backbone.input_size"), ("Dropout", "1.5", "head.dropout")))])
def test_a_number_out_of_its_range_is_answered_and_does_not_start(digits, page, label, typed, named):
    open_page(page, f"{digits.url}/train?dataset=digits")
    page.get_by_role("spinbutton", name=label).fill(typed)
    page.keyboard.press("Tab")
    page.get_by_role("alert").filter(has_text=f"'{named}' can't be '{typed}'").wait_for()
    settle(page)
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()


def test_text_that_is_no_list_of_layers_is_answered_and_does_not_start(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits")
    page.get_by_role("textbox", name="Hidden layers").fill("abc")
    page.keyboard.press("Tab")
    page.get_by_role("alert").filter(has_text="'head.hidden' can't be 'abc'").wait_for()
    settle(page)
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()


def test_a_cold_link_to_what_is_not_here_is_answered(digits, page):
    open_page(page, f"{digits.url}/train?dataset=none&classes=zebra&backbone.name=Nope")
    page.get_by_role("alert").filter(has_text="The link asks for what isn't here: dataset 'none', classes 'zebra', backbone.name 'Nope'.").wait_for()


def test_clicking_a_block_lets_it_and_all_above_it_learn(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits")
    block(page, "stage 2").wait_for()
    table = page.get_by_test_id("stTable").first
    before = table.inner_text()
    block(page, "stage 2").click(force=True)
    page.wait_for_url("**freeze.trainable_blocks=2**")
    settle(page)
    assert table.inner_text() != before
    block(page, "new head").click(force=True)
    page.wait_for_url(lambda url: "trainable_blocks" not in url)


def test_a_clone_survives_a_refresh_and_a_later_change(digits, page):
    store = Store.open(digits.workspace)
    settings = config.parse({"dataset": "digits", "name": "first", "classes": ["4", "9"], "train": {"epochs": 1}})
    run = jobs.submit_run(store, digits.workspace, settings)
    jobs.cancel(store, run)
    open_page(page, f"{digits.url}/train?clone={run}")
    epochs = page.get_by_role("spinbutton", name="Epochs at most")
    assert epochs.input_value() == "1"
    epochs.fill("5")
    page.keyboard.press("Tab")
    page.wait_for_url("**train.epochs=5*")
    page.reload()
    epochs.wait_for()
    settle(page)
    assert (epochs.input_value(), parameter(page, "classes")) == ("5", ["4", "9"])
    jobs.delete_run(store, digits.workspace, jobs.wait(store, run, 60).id)


def test_yaml_fills_the_form_and_mistakes_are_one_sentence(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits")
    page.get_by_text("Settings as YAML").click()
    page.get_by_label("Paste settings").fill("dataset: digits\ntrain: {epochs: -3}")
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name="Put into the form").click()
    page.get_by_role("alert").filter(has_text="train.epochs").wait_for()
    page.get_by_label("Paste settings").fill("dataset: digits\nclasses: ['2', '5']\ntrain: {epochs: 9}")
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name="Put into the form").click()
    page.wait_for_url("**train.epochs=9**")
    assert parameter(page, "classes") == ["2", "5"]


def test_a_strength_shows_real_pictures_changed_by_it_and_stands_in_the_address(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits&classes=3&classes=7&augment.views=2")
    strips = page.locator(".st-key-augment_preview img")
    assert strips.count() == 0
    page.get_by_role("radio", name="strong", exact=True).click()
    page.wait_for_url("**augment.rotation_deg=20*")
    page.get_by_text("2 fixed views: the frozen layers see each training picture 2 times").wait_for()
    settle(page)
    page.wait_for_function("() => { const all = [...document.querySelectorAll('.st-key-augment_preview img')]; return all.length === 4 && all.every(one => one.naturalWidth === 304) }")
    assert [strips.nth(place).get_attribute("alt").partition(",")[0] for place in range(4)] == ["3", "7", "3", "7"]
    before = strips.first.get_attribute("src")
    page.get_by_text("Each change").click()
    page.get_by_role("spinbutton", name="Turn, degrees").fill("90")
    page.keyboard.press("Tab")
    page.wait_for_url("**augment.rotation_deg=90*")
    settle(page)
    assert page.get_by_role("radio", name="own", exact=True).is_checked()
    page.wait_for_function("before => document.querySelector('.st-key-augment_preview img').src !== before", arg=before)
    page.get_by_text("Mirror", exact=True).click()
    page.wait_for_url(lambda url: "horizontal_flip" not in url)
    page.reload()
    page.get_by_text("2 fixed views").wait_for()
    settle(page)
    assert parameter(page, "augment.rotation_deg") == ["90"]
    assert strips.count() == 4


def test_a_double_click_on_start_makes_one_run(digits, page):
    open_page(page, f"{digits.url}/train?dataset=digits&train.epochs=2&classes=0&classes=1")
    page.get_by_role("button", name="Start", exact=True).dblclick()
    page.wait_for_url("**/runs?run=*")
    settle(page)
    page.wait_for_timeout(500)
    assert len(Store.open(digits.workspace).jobs(kind="train")) == 1

"""Data in a real browser: add, import a good and a bad ZIP, choose classes, see the split, delete."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from tests.browser.serving import number_in, open_page, parameter, settle
from tlcore import demo
from tlcore.store import Store


@pytest.fixture(scope="module")
def with_digits(server):
    demo.ensure_built_in("digits", Store.open(server.workspace), server.workspace)
    return server


def zipped(names: dict[str, int], side_px: int = 40) -> bytes:
    """A ZIP with so many plain pictures of each class."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for place, (name, number) in enumerate(names.items()):
            for i in range(number):
                picture = io.BytesIO()
                Image.new("RGB", (side_px, side_px + i), (60 * place, 10 * i, 90)).save(picture, "PNG")
                archive.writestr(f"{name}/{i}.png", picture.getvalue())
    return buffer.getvalue()


def upload(page, name: str, content: bytes) -> None:
    page.get_by_role("tab", name="Upload a ZIP").click()
    page.locator(".st-key-upload_zip input[type=file]").set_input_files({"name": name, "mimeType": "application/zip", "buffer": content})
    page.get_by_text(name).wait_for()
    settle(page)
    page.get_by_role("tabpanel", name="Upload a ZIP").get_by_role("button", name="Import").click()


def test_an_uploaded_zip_becomes_a_dataset_with_names_shown_literally(server, page):
    open_page(page, f"{server.url}/data")
    upload(page, "pets.zip", zipped({":red[cat] **a**": 6, "<b>dog": 7}))
    page.get_by_role("heading", name="pets").wait_for(timeout=60_000)
    settle(page)
    page.get_by_role("button", name="Look at it").first.click()
    page.wait_for_url("**/data?dataset=pets")
    page.get_by_text(":red[cat] **a**").first.wait_for()
    page.get_by_text("<b>dog").first.wait_for()
    assert page.locator("[data-testid=stImage] img").count() == 13
    assert list(server.workspace.uploads.iterdir()) == []


def test_a_bad_upload_is_one_sentence(server, page):
    open_page(page, f"{server.url}/data")
    upload(page, "broken.zip", b"this is no archive" * 20)
    alert = page.get_by_role("alert").filter(has_text="ZIP")
    alert.wait_for(timeout=60_000)
    assert "Traceback" not in page.content()
    assert [record.name for record in Store.open(server.workspace).datasets() if record.name == "broken"] == []


def test_choosing_classes_changes_the_split_and_travels_to_train(with_digits, page):
    open_page(page, f"{with_digits.url}/data?dataset=digits&view=Split")
    training = page.get_by_test_id("stMetric").filter(has_text="Training")
    everything = number_in(training.get_by_test_id("stMetricValue").inner_text())
    open_page(page, f"{with_digits.url}/data?dataset=digits&view=Split&only=3&only=8&try.split.seed=5")
    assert number_in(training.get_by_test_id("stMetricValue").inner_text()) < everything
    page.get_by_role("button", name="Train on these").click()
    page.wait_for_url("**/train?*")
    settle(page)
    assert parameter(page, "dataset") == ["digits"]
    assert parameter(page, "classes") == ["3", "8"]
    assert parameter(page, "split.seed") == ["5"]
    page.get_by_role("link", name="Data", exact=True).click()
    page.wait_for_url("**/data")
    page.get_by_role("button", name="Look at it").first.click()
    page.wait_for_url("**/data?dataset=digits*")


def test_a_class_and_a_tab_are_in_the_address(with_digits, page):
    open_page(page, f"{with_digits.url}/data")
    page.locator("[class*=st-key-card_digits]").get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/data?dataset=digits")
    settle(page)
    page.wait_for_function("document.images.length > 50 && [...document.images].every(each => each.complete && each.naturalWidth > 0)")
    page.go_back()
    page.get_by_role("heading", name="Add a dataset").wait_for()
    page.go_forward()
    page.get_by_role("tab", name="Report").click()
    settle(page)
    assert parameter(page, "view") == ["Report"]
    page.reload()
    settle(page)
    page.get_by_text("1,797 pictures").first.wait_for()


def test_deleting_asks_first(with_digits, page):
    open_page(page, f"{with_digits.url}/data")
    page.get_by_role("button", name="Add", exact=True).first.click()
    page.get_by_role("heading", name="digits-textures").wait_for(timeout=60_000)
    open_page(page, f"{with_digits.url}/data?dataset=digits-textures")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    settle(page)
    assert Store.open(with_digits.workspace).dataset("digits-textures")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    page.wait_for_url("**/data")
    settle(page)
    assert "digits-textures" not in [record.name for record in Store.open(with_digits.workspace).datasets()]

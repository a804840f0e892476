"""Pictures put to models in the browser: uploaded, in a ZIP, from the camera, and one that is like nothing known."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.serving import open_page, parameter, settle, take_picture
from tests.browser.trained import PATIENCE_S, digit_file
from tests.finished_run import png
from tlcore import config, jobs
from tlcore.datasets.dataset import Dataset
from tlcore.store import JobState, Store
from tlcore.workspace import Workspace

PATIENCE_MS = 30_000


def give(page: Page, *files: Path) -> None:
    page.locator(".st-key-pictures input[type=file]").set_input_files(list(files))


def folders(workspace: Workspace, to: Path, each: int = 4) -> Path:
    """A ZIP of digits in folders of their names."""
    dataset = Dataset.open(workspace.dataset(Store.open(workspace).dataset("digits").id))
    with zipfile.ZipFile(to, "w") as archive:
        for label, name in enumerate(dataset.classes):
            for at in np.flatnonzero(dataset.labels == label)[:each]:
                archive.writestr(f"{name}/{at}.png", dataset.image_bytes(at))
        archive.writestr("3/broken.png", b"no picture")
    return to


@pytest.fixture(scope="module")
def three(trained) -> list[int]:
    """The two finished runs, and a third."""
    server, runs = trained
    store = Store.open(server.workspace)
    third = jobs.submit_run(store, server.workspace, config.parse(config.with_changes(config.DEMO, {"name": "hidden layer", "train.epochs": 6, "head.hidden": [32]})))
    assert jobs.wait(store, third, PATIENCE_S).state is JobState.done
    return [*runs, third]


def test_a_digit_and_a_bad_file_put_to_three_models(page, trained, three, tmp_path):
    server, _ = trained
    digit, shown = digit_file(server.workspace, tmp_path, row=3)
    bad = tmp_path / "notes.png"
    bad.write_bytes(b"this is no picture")
    open_page(page, f"{server.url}/predict?runs={','.join(map(str, three))}")
    give(page, digit, bad)
    expect(page.locator("[data-testid=stAlert]", has_text="notes.png")).to_be_visible(timeout=PATIENCE_MS)
    settle(page)
    answer = page.locator(".st-key-answer_0")
    for run in three:
        expect(answer.get_by_text(f"{run} ·")).to_be_visible()
    expect(answer.locator("h5", has_text=f"{shown},")).to_have_count(3)
    expect(answer.locator("[data-testid=stVegaLiteChart]")).to_have_count(6)
    expect(answer.get_by_alt_text(f"Where the picture speaks for {shown}")).to_have_count(3)
    expect(answer.get_by_alt_text("Training picture")).to_have_count(15)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 3 + 1
    assert lines[0] == "file,model,class,probability,calibrated,possible,distance,limit,unlike,error"
    expect(page.get_by_text("1 picture looked at, 1 file that can't be used")).to_be_visible()


def test_the_heat_of_another_class_and_another_coverage(page, trained, tmp_path):
    server, runs = trained
    digit, shown = digit_file(server.workspace, tmp_path, row=3)
    open_page(page, f"{server.url}/predict?runs={runs[0]}")
    give(page, digit)
    heat = page.get_by_alt_text(f"Where the picture speaks for {shown}")
    expect(heat).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("combobox", name="What speaks for").click()
    page.get_by_role("option").nth(1).click()
    expect(heat).to_have_count(0)
    expect(page.get_by_alt_text("Where the picture speaks for")).to_be_visible()
    slider = page.get_by_role("slider", name="Coverage of the possible classes")
    slider.press("ArrowRight")
    expect(page.get_by_text("At 91% it may be")).to_be_visible(timeout=PATIENCE_MS)
    assert parameter(page, "coverage") == ["91"]


def test_a_zip_with_folders_is_judged_filtered_and_downloaded(page, trained, tmp_path):
    server, runs = trained
    open_page(page, f"{server.url}/predict?runs={runs[0]}")
    give(page, folders(server.workspace, tmp_path / "digits.zip"))
    expect(page.get_by_text("of 40 pictures are called by the name of their folder")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stAlert]", has_text="3/broken.png")).to_be_visible()
    settle(page)
    expect(page.locator(".st-key-answer_0")).to_be_visible()
    page.get_by_text("confusion matrix", exact=True).click()
    settle(page)
    cell = page.locator("[data-testid=stVegaLiteChart] svg path[aria-roledescription='rect mark'][aria-label*='predicted class: 0']").last
    cell.click()
    expect(page.get_by_text("Pictures of 0, recognised:")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("4 pictures. Tick one to see why.")).to_be_visible()
    assert parameter(page, "cell") == ["0 → 0"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download JSON").click()
    document = json.loads(download.value.path().read_text())
    assert len(document["pictures"]) == 41 and sum("error" in picture for picture in document["pictures"]) == 1
    for picture in document["pictures"]:
        for verdict in picture.get("verdicts", {}).values():
            assert sum(verdict["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_what_is_like_nothing_known_is_called_so(page, trained, tmp_path):
    server, runs = trained
    noise = tmp_path / "noise.png"
    noise.write_bytes(png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))))
    open_page(page, f"{server.url}/predict?runs={runs[0]}")
    give(page, noise)
    expect(page.get_by_text("Unlike anything it was trained on").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("If it has to be one of its classes")).to_be_visible()


def test_a_picture_from_the_camera_is_answered_and_not_stored(page, trained):
    server, runs = trained
    before = {path for path in server.workspace.root.rglob("*") if path.is_file()}
    open_page(page, f"{server.url}/predict?runs={runs[0]}&from=camera")
    take_picture(page)
    expect(page.locator(".st-key-answer_0").get_by_text("Picture taken.jpg")).to_be_visible(timeout=PATIENCE_MS)
    left = {path for path in server.workspace.root.rglob("*") if path.is_file()} - before
    assert not [path for path in left if path.suffix.lower() in (".jpg", ".png", ".jpeg")]


def test_an_example_stays_chosen_after_a_refresh(page, trained):
    server, runs = trained
    open_page(page, f"{server.url}/predict?runs={runs[0]}&from=examples")
    page.get_by_role("button", name="Try it").nth(1).click()
    expect(page.locator(".st-key-answer_0")).to_be_visible(timeout=PATIENCE_MS)
    chosen = parameter(page, "example")
    page.reload()
    expect(page.locator(".st-key-answer_0")).to_be_visible(timeout=PATIENCE_MS)
    assert parameter(page, "example") == chosen and len(chosen) == 1


def test_damaged_and_nested_zips_are_one_sentence_each(page, trained, tmp_path):
    server, runs = trained
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.png", b"x")
    nested, torn = tmp_path / "nested.zip", tmp_path / "torn.zip"
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("more.zip", inner.getvalue())
    torn.write_bytes(inner.getvalue()[:-30])
    open_page(page, f"{server.url}/predict?runs={runs[0]}")
    give(page, nested, torn)
    expect(page.locator("[data-testid=stAlert]", has_text="nested.zip: holds another archive")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stAlert]", has_text="torn.zip: the ZIP is cut short or damaged")).to_be_visible()

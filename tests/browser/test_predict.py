"""Pictures uploaded in the browser: a digit that is recognised, beside a file that is none."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.serving import open_page, settle
from tests.browser.trained import digit_file


def test_a_digit_and_a_bad_file_put_to_two_models(page, trained, tmp_path):
    server, runs = trained
    digit, shown = digit_file(server.workspace, tmp_path, row=3)
    bad = tmp_path / "notes.png"
    bad.write_bytes(b"this is no picture")
    open_page(page, f"{server.url}/predict?runs={runs[0]},{runs[1]}")
    page.locator(".st-key-pictures input[type=file]").set_input_files([digit, bad])
    expect(page.locator("[data-testid=stAlert]", has_text="notes.png")).to_be_visible(timeout=30_000)
    settle(page)
    answer = page.locator(".st-key-answer_0")
    for run in runs:
        expect(answer.get_by_text(f"{run} ·").locator("strong").first).to_have_text(shown)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 2 + 1
    assert lines[0] == "file,model,class,probability,calibrated,possible,distance,limit,unlike,error"
    expect(page.get_by_text("1 picture looked at, 1 file that can't be used")).to_be_visible()

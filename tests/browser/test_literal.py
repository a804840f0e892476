"""Names from outside in a real browser: what Markdown finds only there stays text as well."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.browser.serving import open_page
from tests.finished_run import png
from tlcore import jobs
from tlcore.store import JobState, Store

NAMES = ["www.example.com", "a@b.com", ":streamlit:", "~=", "_a_ *b* $c$", "[a](b.co)", "a--b", ":red[x]"]


@pytest.fixture
def odd(server, tmp_path) -> list[str]:
    """A dataset whose classes are called by these names."""
    archive = tmp_path / "odd.zip"
    random = np.random.default_rng(0)
    with zipfile.ZipFile(archive, "w") as file:
        for name in NAMES:
            for number in range(3):
                pixels = random.integers(0, 255, (16, 16, 3), dtype=np.uint8)
                file.writestr(f"{name}/{number}.png", png(Image.fromarray(pixels)))
    store = Store.open(server.workspace)
    job = jobs.wait(store, jobs.submit_ingest(store, server.workspace, str(archive), "https://x.y"), 60)
    assert job.state is JobState.done, job.error
    return list(store.dataset("https://x.y").classes)


def test_names_from_outside_are_text_and_nothing_else(server, odd, page):
    open_page(page, f"{server.url}/data?dataset=https%3A%2F%2Fx.y")
    main = page.locator("[data-testid=stMain]")
    text = main.inner_text().replace("\u2060", "")
    assert sorted(odd) == sorted(NAMES)
    assert [name for name in ["https://x.y", *NAMES] if name not in text] == []
    assert main.locator("[data-testid=stMarkdownContainer] a, [data-testid=stHeading] a, [data-testid=stMarkdownContainer] img").count() == 0

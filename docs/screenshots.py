"""Pictures of every page for the documentation: `python docs/screenshots.py [PAGE …] [--out FOLDER]`.

Starts a server with a workspace of its own, trains two runs, asks Tune three questions, and takes each page light and dark,
1440 and 390 px wide. Needs requirements-dev.txt and a Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.browser.conftest import ARGUMENTS, chromium  # noqa: E402
from tests.browser.serving import open_page, serve, settle  # noqa: E402
from tests.browser.trained import search, train_pair  # noqa: E402
from tests.collecting.frames import shots  # noqa: E402
from tlcore import before_run, jobs  # noqa: E402
from tlcore.collecting import start  # noqa: E402
from tlcore.collecting.collection import Collection  # noqa: E402
from tlcore.ranking import jobs as ranking  # noqa: E402
from tlcore.store import Store  # noqa: E402
from tlcore.workspace import Workspace  # noqa: E402

DRAFT = '{"base":{"dataset":"digits","head":{"pooling":"flatten"}},"space":{"head.hidden":{"values":[[],[64],[256]]},"optimizer.learning_rate":{"low":0.0001,"high":0.01,"log":true},"head.dropout":{"low":0.0,"high":0.6}}}'
WIDTHS_PX = {"wide": 1440, "narrow": 390}
TALLEST_PX = 4000
UNTRAINED = {"welcome": "", "no-data": "data", "no-runs": "runs"}
TRAINED = {
    "home": "",
    "data": "data",
    "dataset": "data?dataset=digits",
    "dataset-classes": "data?dataset=digits&view=Classes+and+sizes",
    "dataset-split": "data?dataset=digits&view=Split",
    "dataset-report": "data?dataset=digits&view=Report",
    "train": "train?dataset=digits&freeze.trainable_blocks=1",
    "train-augmentation": "train?dataset=digits&augment.rotation_deg=15&augment.zoom=0.2&augment.shift=0.1",
    "runs": "runs",
    "run": "runs?run={0}",
    "run-curves": "runs?run={0}&tab=Curves",
    "run-confusion": "runs?run={0}&tab=Confusion",
    "run-classes": "runs?run={0}&tab=Classes",
    "run-roc": "runs?run={0}&tab=ROC+%26+PR",
    "run-calibration": "runs?run={0}&tab=Calibration",
    "run-mistakes": "runs?run={0}&tab=Mistakes",
    "run-map": "runs?run={0}&tab=Map",
    "run-data": "runs?run={0}&tab=Data",
    "run-time": "runs?run={0}&tab=Time",
    "compare": "compare?runs={0},{1}",
    **{f"compare-{tab.lower()}": f"compare?runs={{0}},{{1}}&tab={tab}" for tab in ("Pairs", "Curves", "Classes", "Confusion", "Changes", "Pictures", "Settings")},
    "predict": "predict?runs={0},{1}&from=examples&example=1337",
    "tune": "tune?tab=labels",
    "tune-form": "tune?study=new&draft={draft}",
    "tune-rate": "tune?rate={2}",
    "tune-more": "tune?more={3}",
    "tune-rank": "tune?dataset=digits&rank={4}",
}
COLLECTED = {"collect": "collect?collection={0}"}
SEARCHED = {"tune-study": "tune?study={0}", "tune-parallel": "tune?study={0}&chart=Parallel", "tune-slices": "tune?study={0}&chart=Slices"}


def take(browser: Browser, url: str, name: str, out: Path) -> None:
    """One page in both schemes and both widths, as tall as its content."""
    for scheme in ("light", "dark"):
        for width_name, width_px in WIDTHS_PX.items():
            context = browser.new_context(viewport={"width": width_px, "height": 900}, color_scheme=scheme, device_scale_factor=1)
            page = context.new_page()
            open_page(page, url)
            page.wait_for_timeout(700)  # Charts draw after the script has ended.
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width_px, "height": min(max(900, height), TALLEST_PX)})
            settle(page)
            page.wait_for_timeout(400)
            page.screenshot(path=out / f"{name}-{scheme}-{width_name}.png")
            context.close()


def questions(workspace: Workspace, run: int) -> list[int]:
    """Ask for a rate and for more labels with a run's settings, rank the backbones whose weights are here, and wait for the answers."""
    store = Store.open(workspace)
    config = store.job(run).config
    here = {title: each for title, each in ranking.candidates(store).items() if ranking.is_here(each)}
    asked = [before_run.submit_rate(store, config), before_run.submit_more(store, config), ranking.submit(store, "digits", here, at_most_px=96)]
    for job in asked:
        jobs.wait(store, job, timeout_s=300)
    return asked


def collected(workspace: Workspace) -> str:
    """A collection with three bursts of each of two classes, and a network that has learnt from it; its id."""
    collection = Collection.start(workspace, "Upright or level")
    for label, name in ((1, "upright"), (2, "level")):
        collection.name_class(label, name)
        for burst, pictures in enumerate((4, 3, 3)):
            collection.take(label, shots(label, burst, pictures, at_s=60 * burst))
    store = Store.open(workspace)
    jobs.wait(store, start.train(collection, "ResNet20", store, workspace), timeout_s=120)
    return collection.id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help=f"some of {', '.join({**UNTRAINED, **TRAINED, **COLLECTED, **SEARCHED})}; all when left out")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    def wanted(pages: dict[str, str]) -> dict[str, str]:
        return {name: path for name, path in pages.items() if not options.pages or name in options.pages}

    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(args=ARGUMENTS, executable_path=chromium() or None)
        for name, path in wanted(UNTRAINED).items():
            take(browser, f"{server.url}/{path}", name, options.out)
        if wanted(TRAINED):
            runs = train_pair(server.workspace)
            runs = (*runs, *questions(server.workspace, runs[0]))
            for name, path in wanted(TRAINED).items():
                take(browser, f"{server.url}/{path.format(*runs, draft=quote(DRAFT))}", name, options.out)
        for name, path in wanted(COLLECTED).items():
            take(browser, f"{server.url}/{path.format(collected(server.workspace))}", name, options.out)
        if wanted(SEARCHED):
            number = search(server.workspace)
            for name, path in wanted(SEARCHED).items():
                take(browser, f"{server.url}/{path.format(number)}", name, options.out)
        print(server.tracebacks() or f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")


if __name__ == "__main__":
    main()

"""Searching settings in a real browser: a study made on the digits, watched, stopped, continued, its best promoted; and one of 300 trials seen."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.serving import Server, open_page, parameter, serve, settle
from tests.tuning.studies import add_rows, recorded, row, study
from tlcore import demo
from tlcore.store import JobState, Store
from tlcore.tuning.trials import gather
from tlcore.workspace import Workspace

CHART = "[data-testid=stVegaLiteChart] svg"
TINY = "dataset=digits&classes=1&classes=7&train.epochs=2&train.batch_size=512&head.pooling=flatten"
TRIALS = 8  # So many that a quick machine has not finished when Stop is pressed.


@pytest.fixture(scope="module")
def digits(server: Server) -> Server:
    demo.ensure_built_in("digits", Store.open(server.workspace), server.workspace)
    return server


def test_a_study_is_made_watched_stopped_continued_and_its_best_promoted(digits, page):
    start(page, digits)
    store, number = Store.open(digits.workspace), int(parameter(page, "study")[0])
    expect(page.locator(".st-key-study_best")).to_contain_text("Best so far: trial", timeout=90_000)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. Finished trials are kept")).to_be_visible(timeout=20_000)
    stopped = gather(store, number)
    assert 1 <= stopped.finished < TRIALS
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_text(f"{TRIALS} of {TRIALS} trials ended")).to_be_visible(timeout=90_000)
    expect(page.locator(".st-key-study_best")).to_contain_text("On the test pictures:", timeout=60_000)
    ended = gather(store, number)
    assert ended.job.state is JobState.done and ended.final is not None
    assert {trial.run for trial in stopped.trials if trial.ended} <= {trial.run for trial in ended.trials if trial.ended}, "nothing finished is lost"
    assert sum(trial.role == "trial" for trial in ended.trials) == TRIALS
    page.get_by_role("button", name="Promote to a run").click()
    page.wait_for_url("**/runs?run=*")
    promoted = store.job(int(parameter(page, "run")[0]))
    assert {"head.dropout": promoted.config.head.dropout, "optimizer.learning_rate": promoted.config.optimizer.learning_rate}.items() <= ended.best.values.items()


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A server with a study of 300 trials, and its number."""
    folder = tmp_path_factory.mktemp("searched")
    store = Store.open(Workspace(folder / "workspace").create())
    demo.ensure_built_in("digits", store, store.workspace)
    number = recorded(store, study(budget={"trials": 300}))
    draw = np.random.default_rng(0)
    values = [{"head.hidden": [[], [64]][int(draw.integers(2))], "optimizer.learning_rate": float(10 ** draw.uniform(-4, -2)), "head.dropout": float(draw.uniform(0, 0.5))} for _ in range(300)]
    add_rows(store, number, [row(place, score=float(0.9 - (each["head.dropout"] - 0.3) ** 2), values=each) for place, each in enumerate(values)])
    store.finish(gather(store, number).job, JobState.done)
    store.close()
    with serve(folder, TLCORE_STANDBY="0") as running:
        yield running, number
        assert not running.tracebacks(), running.tracebacks()


@pytest.mark.slow
def test_three_hundred_trials_are_a_chart_of_each_kind_and_a_table(searched, page):
    server, number = searched
    open_page(page, f"{server.url}/tune?study={number}")
    expect(page.get_by_text("300 of 300 trials ended: 300 done.")).to_be_visible()
    page.locator(f"{CHART} [aria-roledescription=point]").nth(299).wait_for()
    for chart, marks in (("Parallel", "[aria-roledescription='line mark']"), ("Two settings", "[aria-roledescription='rect mark']"), ("Slices", "[aria-roledescription=point]")):
        page.get_by_role("radio", name=chart).click()
        settle(page)
        page.locator(f"{CHART} {marks}").first.wait_for()
        assert parameter(page, "chart") == [chart]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 301


def start(page: Page, server: Server) -> None:
    """From the settings on Train to a started study of a few trials."""
    open_page(page, f"{server.url}/train?{TINY}")
    page.get_by_role("link", name="Search these settings").click()
    page.wait_for_url("**/tune?**")
    trials = page.get_by_role("spinbutton", name="Trials at most")
    trials.fill(str(TRIALS))
    page.keyboard.press("Tab")
    expect(page.locator(".st-key-study_launch")).to_contain_text(f"at most {TRIALS}")
    settle(page)
    page.get_by_role("button", name="Start the study").dblclick()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    assert len(Store.open(server.workspace).series.listed("study")) == 1, "a double click starts one"
    assert gather(Store.open(server.workspace), int(parameter(page, "study")[0])).study.base.train.epochs == 2

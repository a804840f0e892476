"""Real runs of the demonstration for the tests that need finished ones."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.serving import settle
from tlcore import config, demo, jobs
from tlcore.datasets.dataset import Dataset
from tlcore.store import JobState, Store
from tlcore.tuning import jobs as studies
from tlcore.tuning import presets
from tlcore.tuning.study import Budget
from tlcore.tuning.trials import gather
from tlcore.workspace import Workspace

PATIENCE_S = 120


def train_pair(workspace: Workspace) -> list[int]:
    """Two finished runs of the demonstration with different step sizes."""
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    changes = ({"name": "quick steps", "train.epochs": 8, "optimizer.learning_rate": 0.01}, {"name": "small steps", "train.epochs": 8, "optimizer.learning_rate": 0.001})
    runs = [jobs.submit_run(store, workspace, config.parse(config.with_changes(config.DEMO, change))) for change in changes]
    ended = [jobs.wait(store, run, PATIENCE_S) for run in runs]
    assert all(run.state is JobState.done for run in ended), [(run.state, run.error, run.traceback) for run in ended]
    return runs


def search(workspace: Workspace, trials: int = 24) -> int:
    """A finished study of the digits: head, rate and dropout. Its number."""
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    base = config.parse({"dataset": "digits", "head": {"pooling": "flatten"}, "train": {"epochs": 8}})
    number = studies.submit(store, presets.quick_search(base).model_copy(update={"budget": Budget(trials=trials)}))
    ended = jobs.wait(store, gather(store, number).job.id, trials * PATIENCE_S)
    assert ended.state is JobState.done, (ended.state, ended.error, ended.traceback)
    return number


def digit_file(workspace: Workspace, folder: Path, row: int = 0) -> tuple[Path, str]:
    """A picture of the digits as a PNG file, and what it shows."""
    record = Store.open(workspace).dataset("digits")
    dataset = Dataset.open(workspace.dataset(record.id))
    path = folder / "digit.png"
    dataset.image(row).save(path)
    return path, dataset.classes[int(dataset.labels[row])]


def open_tab(page: Page, name: str) -> None:
    """Click a tab of a run and wait for what is in it."""
    page.get_by_role("tab", name=name, exact=True).click()
    settle(page)

"""Likely label errors on a run's page: asked for, shown, marked; and the revision without them, from there and from Data."""

from __future__ import annotations

import json

import pytest

from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore import run_jobs
from tlcore.datasets.dataset import Dataset
from tlcore.label_errors import LABEL_ERRORS
from tlcore.store import JobState, Store


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def done(store, workspace) -> int:
    return finished_run(store, workspace, train__epochs=2)


def suspects(store: Store, run: int, rows: list[int]) -> list[str]:
    """As if a search had found these; gives their content ids."""
    dataset = Dataset.open(store.workspace.dataset(store.job(run).payload["dataset_id"]))
    ids = [str(dataset.content_ids[row]) for row in rows]
    n = len(rows)
    table = {"row": rows, "content_id": ids, "label": ["3"] * n, "suggested": ["8"] * n, "confidence_label": [0.01] * n, "confidence_suggested": [0.97] * n}
    (store.workspace.run(run) / LABEL_ERRORS).write_text(json.dumps({"pictures": 1797, "accuracy": 0.95, "table": table}))
    return ids


def test_a_search_is_asked_for_followed_and_cancelled(store, done, open_page):
    at = open_page("runs.py", run=str(done), tab="Mistakes")
    at.button(key="ask_label_check").click().run()
    job = run_jobs.latest(store, "label_check", done)
    assert job.state is JobState.queued and at.button(key="ask_label_check").disabled
    at.button(key="cancel_label_check").click().run()
    assert store.job(job.id).state is JobState.cancelled and not at.button(key="ask_label_check").disabled
    run_jobs.submit(store, "label_check", done)
    store.finish(store.claim("w", "label_check"), JobState.failed, error="class '3' has too few :red[pictures].")
    assert r"too few \:red\[pictures\]" in at.run().error[0].value


def test_suspects_are_marked_one_by_one_or_all_and_a_revision_leaves_them_out(store, done, open_page):
    ids = suspects(store, done, [10, 20, 30])
    dataset_id = store.job(done).payload["dataset_id"]
    at = open_page("runs.py", run=str(done), tab="Mistakes")
    assert "**3 pictures** of 1,797 of digits probably lie in the wrong class" in texts(at)
    at.checkbox(key="mark_20").check().run()
    assert store.marks.of(dataset_id) == {ids[1]}
    at.checkbox(key="mark_20").uncheck().run()
    assert not store.marks.of(dataset_id)
    at.button(key="mark_shown").click().run()
    assert store.marks.of(dataset_id) == set(ids) and all(at.checkbox(key=f"mark_{row}").value for row in (10, 20, 30))
    at.text_input(key=f"revise_{dataset_id}_name").set_value("better digits")
    at.button(key=f"revise_{dataset_id}_make").click().run()
    (job,) = store.jobs("ingest")
    assert job.title == "Add better digits" and job.payload["of"] == dataset_id and job.payload["left_out"] == sorted(ids)
    assert "better digits is being made" in [link.value for link in at.page_link]


def test_no_suspect_and_a_judge_that_knows_little_are_said(store, done, open_page):
    suspects(store, done, [])
    assert "Not one of 1,797 pictures of digits" in open_page("runs.py", run=str(done), tab="Mistakes").success[-1].value
    suspects(store, done, list(range(30)))
    path = store.workspace.run(done) / LABEL_ERRORS
    path.write_text(path.read_text().replace("0.95", "0.31"))
    at = open_page("runs.py", run=str(done), tab="Mistakes")
    assert "hardly tell the classes apart" in at.warning[0].value and len(at.checkbox) == 24
    at.button(key="mark_all").click().run()
    assert len(store.marks.of(store.job(done).payload["dataset_id"])) == 30


def test_the_marked_pictures_of_a_dataset_are_told_of_on_its_page_and_let_go(store, done, open_page):
    dataset_id = store.job(done).payload["dataset_id"]
    assert "marked" not in texts(open_page("data.py", dataset="digits"))
    store.marks.set(dataset_id, suspects(store, done, [5]))
    at = open_page("data.py", dataset="digits")
    assert "**1 picture** of digits is marked as in the wrong class" in texts(at)
    at.button(key=f"revise_{dataset_id}_clear").click().run()
    assert not store.marks.of(dataset_id) and "marked" not in texts(at)

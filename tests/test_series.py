"""Series keep the runs of one experiment together, whatever becomes of single runs."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from tlcore import demo, jobs, series_jobs
from tlcore.config import parse
from tlcore.errors import ConflictError, InputError, NotFoundError
from tlcore.store import JobState, Store

pytestmark = pytest.mark.usefixtures("no_supervisor")


def rows(count: int, **more: object) -> list[dict]:
    return [{"kind": "train", "title": f"run {n}", "payload": {"config": {}}, **more} for n in range(count)]


def test_a_series_is_queued_whole_in_its_order_and_found_by_its_number(store):
    alone = store.add_job("train", "alone", {})
    made = store.series.add("labels", "first", {"planned": 3}, rows(3))
    more = store.add_job("train", "run 3", {}, series=made)
    assert [job.title for job in store.series.jobs(made)] == ["run 0", "run 1", "run 2", "run 3"]
    assert (store.series.get(made).title, store.series.get(made).settings) == ("first", {"planned": 3})
    assert store.job(more).series == made and store.job(alone).series is None
    assert [store.claim("w").title for _ in range(5)] == ["alone", "run 0", "run 1", "run 2", "run 3"]
    with pytest.raises(NotFoundError, match="series 99"):
        store.series.get(99)


def test_a_double_click_makes_one_series(store):
    first = store.series.add("labels", "one", {}, rows(2), token="t")
    assert store.series.add("labels", "one", {}, rows(2), token="t") == first
    assert store.count() == 2 and len(store.series.listed()) == 1


def test_a_series_that_cannot_be_queued_leaves_nothing(store):
    with pytest.raises(ConflictError, match="deleted meanwhile"):
        store.series.add("labels", "lost", {}, [*rows(2), *rows(1, dataset_id="gone")])
    with pytest.raises(ConflictError, match="dataset or series"):
        store.add_job("train", "t", {}, series=5)
    assert store.count() == 0 and not store.series.listed()


def test_lists_leave_out_series_without_runs_and_of_other_kinds(store):
    first = store.series.add("labels", "a", {}, rows(1))
    second = store.series.add("study", "b", {}, rows(1))
    third = store.series.add("labels", "c", {}, rows(1))
    store.series.add("labels", "empty", {})
    assert [each.id for each in store.series.listed()] == [third, second, first]
    assert [each.id for each in store.series.listed("labels", limit=1)] == [third]


def test_deleting_a_run_leaves_the_series_and_deleting_the_series_takes_its_runs(store):
    made = store.series.add("labels", "s", {}, rows(3))
    for _ in range(2):
        store.finish(store.claim("w"), JobState.done)
    first, second, third = (job.id for job in store.series.jobs(made))
    jobs.delete_run(store, store.workspace, first)
    assert [job.id for job in store.series.jobs(made)] == [second, third]
    with pytest.raises(ConflictError, match="1 of the runs are not over"):
        series_jobs.delete(store, made)
    assert not store.series.forget(made)
    assert series_jobs.cancel_waiting(store, made) == 1 and store.job(third).state is JobState.cancelled
    assert store.job(second).state is JobState.done
    (store.workspace.runs / f"{second:06d}").mkdir(parents=True, exist_ok=True)
    assert series_jobs.delete(store, made) == 2 and store.count() == 0
    with pytest.raises(NotFoundError):
        store.series.get(made)


def test_runs_left_by_a_forgotten_series_stand_alone(store):
    made = store.series.add("labels", "s", {}, rows(1))
    store.finish(store.claim("w"), JobState.done)
    assert store.series.forget(made)
    (job,) = store.jobs()
    assert job.series is None


def test_submitting_checks_every_run_before_the_first_is_queued(store, workspace):
    demo.ensure_built_in("digits", store, workspace)
    right, wrong = parse({"dataset": "digits"}), parse({"dataset": "digits", "classes": ["1", "x"]})
    with pytest.raises(InputError, match="no class 'x'"):
        series_jobs.submit(store, "labels", "s", [right, wrong], {})
    assert store.count() == 0
    made = series_jobs.submit(store, "labels", "s", [right, right], {}, forecasts=[{}, {}], token="t")
    assert series_jobs.submit(store, "labels", "s", [right], {}, token="t") == made and store.count() == 2
    copy = jobs.submit_run(store, workspace, store.series.jobs(made)[0].config)
    assert store.job(copy).series is None, "a clone is no part of it"


def test_an_older_store_learns_of_series_and_keeps_its_runs(workspace):
    store = Store.open(workspace)
    kept = store.add_job("train", "kept", {"a": 1})
    store.close()
    with sqlite3.connect(workspace.root / "store.db") as older:  # As it was before there were series.
        older.execute("DROP INDEX jobs_of_series")
        (sql,) = older.execute("SELECT sql FROM sqlite_master WHERE name = 'jobs'").fetchone()
        fitting = sql.replace("series INTEGER, ", "").replace("FOREIGN KEY(series) REFERENCES series (id) ON DELETE SET NULL, ", "")
        fitting = "\n".join(line for line in fitting.splitlines() if "series" not in line)
        columns = ", ".join(row[1] for row in older.execute("PRAGMA table_info(jobs)") if row[1] != "series")
        older.execute("ALTER TABLE jobs RENAME TO newer")
        older.execute(fitting)
        older.execute(f"INSERT INTO jobs ({columns}) SELECT {columns} FROM newer")
        older.execute("DROP TABLE newer")
        older.execute("DROP TABLE series")
        older.execute("DELETE FROM migrations WHERE name = 'series-of-runs'")
        assert "series" not in str(older.execute("SELECT sql FROM sqlite_master").fetchall())
    older.close()
    store = Store.open(workspace)
    assert (store.job(kept).payload, store.job(kept).series) == ({"a": 1}, None)
    made = store.series.add("labels", "new", {}, rows(1))
    assert [job.title for job in store.series.jobs(made)] == ["run 0"]
    with store._reading() as connection:
        assert "jobs_of_series" in {index["name"] for index in sa.inspect(connection).get_indexes("jobs")}
    store.close()

"""The store: what is written is read, state changes happen once, and locked or odd databases are told."""

import math
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tlcore import schema
from tlcore.errors import ConflictError, NotFoundError, ResourceError, Superseded
from tlcore.store import DatasetRecord, EpochRecord, JobState, Store
from tlcore.workspace import Workspace


def epoch(number: int, **metrics: float) -> EpochRecord:
    return EpochRecord(number, 1, 2.5 * number, metrics, f"checkpoint-{number}.npz", "0" * 64)


PETS = DatasetRecord("pets-1", "pets", ("cat", "dog"), 12, "pets.zip", "2026-01-01T00:00:00Z", {"kept": 12}, 3456)


def test_a_job_goes_from_queue_to_end_with_its_figures(store):
    job_id = store.add_job("train", "first", {"a": [1, 2]})
    job = store.claim("worker-1")
    assert (job.id, job.state, job.attempt, job.owner) == (job_id, JobState.running, 1, "worker-1")
    store.report(job, progress=0.5, phase="train", message="epoch 1", worked_s=1.5)
    store.commit_epochs(job, [epoch(1, loss=0.7, val_accuracy=0.5)])
    store.finish(job, JobState.done, result={"test_accuracy": 0.9})
    ended = store.job(job_id)
    assert (ended.state, ended.progress, ended.result) == (JobState.done, 1.0, {"test_accuracy": 0.9})
    assert ended.payload == {"a": [1, 2]} and ended.phase == "train" and ended.seconds == 2.5


def test_epochs_come_as_a_table_with_a_column_for_each_metric(store):
    store.add_job("train", "t", {})
    job = store.claim("w")
    store.commit_epochs(job, [epoch(1, loss=0.7)])
    store.commit_epochs(job, [epoch(2, loss=math.nan, val_loss=math.inf)])
    table = store.epochs(job.id)
    assert list(table.columns) == ["epoch", "seconds", "loss", "val_loss"]
    assert table["epoch"].tolist() == [1, 2] and table["epoch"].dtype == "int64"
    assert table["loss"][0] == 0.7 and math.isnan(table["loss"][1]) and math.isnan(table["val_loss"][1])
    assert list(store.epochs(99).columns) == ["epoch", "seconds"]


def test_an_epoch_that_is_refused_leaves_nothing(store):
    store.add_job("train", "t", {})
    job = store.claim("w")
    store.commit_epochs(job, [epoch(1, loss=0.7)])
    version = store.version()
    with pytest.raises(sa.exc.IntegrityError):
        store.commit_epochs(job, [epoch(1, loss=0.1)])
    assert store.version() == version and store.epochs(job.id)["loss"].tolist() == [0.7]


def test_an_attempt_that_was_given_up_can_write_nothing(store):
    store.add_job("train", "t", {})
    old = store.claim("w1")
    assert store.give_up(old, "gone")
    for state in ("interrupted", "queued again", "running again"):
        for write in (
            lambda: store.report(old, progress=1.0),
            lambda: store.note(old, "late"),
            lambda: store.commit_epochs(old, [epoch(1, loss=0.1)]),
            lambda: store.drop_epochs(old, 0),
            lambda: store.finish(old, JobState.done),
        ):
            with pytest.raises(Superseded):
                write()
        if state == "interrupted":
            assert store.requeue(old.id)
        if state == "queued again":
            new = store.claim("w2")
            assert new.attempt == 2
    assert store.job(old.id).state == JobState.running and store.epochs(old.id).empty and not store.events(old.id)
    assert not store.give_up(old, "gone") and store.give_up(new, "gone")


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked(store):
    first, second = store.add_job("train", "1", {}), store.add_job("train", "2", {})
    job = store.claim("w")
    assert store.request_cancel(second) == JobState.cancelled
    assert store.request_cancel(second) == JobState.cancelled
    assert store.request_cancel(first) == JobState.running
    assert store.report(job, progress=0.1) is True
    store.finish(job, JobState.done)
    assert store.request_cancel(first) == JobState.done


def test_a_resumed_job_waits_behind_those_already_queued(store):
    first = store.add_job("train", "1", {})
    store.finish(store.claim("w"), JobState.failed, error="why", traceback="where")
    second = store.add_job("train", "2", {})
    assert store.requeue(first) and not store.requeue(first)
    job = store.job(first)
    assert (job.error, job.traceback, job.finished_at) == (None, None, None)
    assert [store.claim("w").id, store.claim("w").id, store.claim("w")] == [second, first, None]


def test_claims_may_ask_for_a_kind(store):
    store.add_job("train", "t", {})
    ingest = store.add_job("ingest", "i", {})
    assert store.queue_lengths() == {"train": 1, "ingest": 1}
    assert store.claim("w", "ingest").id == ingest
    assert store.claim("w", "ingest") is None


def test_a_worker_takes_the_first_run_that_asks_for_as_many_cards_as_it_has(store):
    def add(devices):
        return store.add_job("train", "t", {"config": {"train": devices}})

    wide, earlier_version, narrow = add({"devices": 4}), add({}), add({"devices": 1})
    assert store.cards_asked("train", 2) == [4, 1] and store.cards_asked("ingest", 2) == []
    assert [store.claim("w", "train", 1).id, store.claim("w", "train", 1).id] == [earlier_version, narrow]
    assert store.claim("w", "train", 1) is None and store.claim("w", "train", 2) is None
    assert store.claim("w", "train", 4).id == wide


def test_a_token_makes_one_job_however_often_it_is_used(store):
    together = threading.Barrier(6)
    made: list[int] = []

    def submit():
        together.wait()
        made.append(store.add_job("train", "t", {}, token="click-1"))

    threads = [threading.Thread(target=submit) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(set(made)) == 1 and len(made) == 6 and len(store.jobs()) == 1


def test_numbers_of_deleted_jobs_are_not_given_again(store):
    job_id = store.add_job("train", "t", {})
    assert not store.delete_job(job_id)
    store.request_cancel(job_id)
    assert store.delete_job(job_id)
    with pytest.raises(NotFoundError, match=f"run {job_id} not found"):
        store.job(job_id)
    assert store.add_job("train", "t", {}) > job_id


def test_deleting_a_job_takes_its_epochs_and_events(store):
    store.add_job("train", "t", {})
    job = store.claim("w")
    store.commit_epochs(job, [epoch(1, loss=1.0)])
    store.note(job, "line")
    store.finish(job, JobState.done)
    assert store.delete_job(job.id)
    assert store.epoch_records(job.id) == [] and store.events(job.id) == []


def test_jobs_are_listed_newest_first_by_kind_and_state(store):
    ids = [store.add_job(kind, kind, {}) for kind in ("train", "ingest", "train")]
    store.claim("w")
    assert [job.id for job in store.jobs()] == ids[::-1]
    assert [job.id for job in store.jobs(kind="train")] == [ids[2], ids[0]]
    assert [job.id for job in store.jobs(states=[JobState.running])] == [ids[0]]
    assert [job.id for job in store.jobs(limit=1)] == [ids[2]]


def test_rename(store):
    job_id = store.add_job("train", "t", {})
    store.rename(job_id, "  better ")
    assert store.job(job_id).title == "better"
    with pytest.raises(ConflictError):
        store.rename(job_id, "  ")
    with pytest.raises(NotFoundError):
        store.rename(99, "x")


def test_events_come_in_order_and_from_where_one_has_read(store):
    store.add_job("train", "t", {})
    job = store.claim("w")
    store.note(job, "one")
    store.note(job, "two", "warning")
    lines = store.events(job.id)
    assert [(line.message, line.level) for line in lines] == [("one", "info"), ("two", "warning")]
    assert [line.message for line in store.events(job.id, after=lines[0].id)] == ["two"]


def test_the_version_changes_with_every_write_and_only_then(store):
    job_id = store.add_job("train", "t", {})
    seen = {store.version([job_id])}
    for write in (
        lambda: store.claim("w"),
        lambda: store.report(store.job(job_id), progress=0.1),
        lambda: store.add_event(job_id, "x"),
        lambda: store.request_cancel(job_id),
    ):
        write()
        assert store.version([job_id]) == store.version([job_id])
        seen.add(store.version([job_id]))
    assert len(seen) == 5


def test_datasets_are_found_by_name_and_id_and_names_are_unique(store):
    store.add_dataset(PETS)
    assert store.dataset("pets") == PETS and store.dataset("pets-1") == PETS and store.datasets() == [PETS]
    with pytest.raises(ConflictError, match="'pets' exists already"):
        store.add_dataset(DatasetRecord("pets-2", *list(vars(PETS).values())[1:]))
    with pytest.raises(NotFoundError, match="Datasets here: pets"):
        store.dataset("cars")


def test_a_dataset_with_runs_stays(store):
    store.add_dataset(PETS)
    job_id = store.add_job("train", "t", {}, dataset_id=PETS.id)
    assert not store.delete_dataset(PETS.id)
    assert list(store.users_of(PETS.id)) == [job_id]
    store.request_cancel(job_id)
    store.delete_job(job_id)
    assert store.delete_dataset(PETS.id) and store.datasets() == []
    run = store.add_dataset(PETS) or store.add_job("train", "t", {}, dataset_id=None, source_id=PETS.id)
    assert not store.delete_dataset(PETS.id) and store.users_of(PETS.id) == {run: "t"}
    both = store.add_job("train", "both", {}, dataset_id=PETS.id, source_id=PETS.id)
    assert list(store.users_of(PETS.id)) == [both, run]
    for job in (run, both):
        store.request_cancel(job)
        store.delete_job(job)
    assert store.delete_dataset(PETS.id)
    with pytest.raises(ConflictError, match="deleted meanwhile"):
        store.add_job("train", "t", {}, dataset_id=PETS.id)


def test_a_dataset_whose_name_was_taken_meanwhile_ends_nothing(store):
    store.add_dataset(PETS)
    store.add_job("ingest", "i", {})
    job = store.claim("w")
    with pytest.raises(ConflictError):
        store.finish(job, JobState.done, DatasetRecord("pets-2", *list(vars(PETS).values())[1:]))
    assert store.job(job.id).state == JobState.running


def test_a_locked_store_waits_and_then_says_so(workspace, monkeypatch):
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.5)
    store = Store.open(workspace)
    other = sqlite3.connect(workspace.root / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ResourceError, match="locked by another process"):
        store.add_job("train", "t", {})
    assert store.jobs() == []  # Pages go on reading.
    threading.Timer(0.2, lambda: other.execute("COMMIT")).start()
    assert store.add_job("train", "t", {}) == 1  # Nothing is lost when the lock ends in time.
    store.close()


def test_opening_again_and_at_once_makes_the_tables_once(workspace):
    together = threading.Barrier(5)
    failed: list[BaseException] = []

    def open_it():
        together.wait()
        try:
            Store.open(workspace).add_job("train", "t", {})
        except BaseException as problem:
            failed.append(problem)

    threads = [threading.Thread(target=open_it) for _ in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failed and len(Store.open(workspace).jobs()) == 5


def test_migrations_are_applied_once_each_to_an_older_store(workspace, monkeypatch):
    Store.open(workspace).add_job("train", "kept", {})
    applied = []

    def add_colour(connection):
        applied.append("colour")
        connection.execute(sa.text("ALTER TABLE jobs ADD COLUMN colour VARCHAR(10)"))

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("colour", add_colour)))
    assert Store.open(workspace).jobs()[0].title == "kept"
    Store.open(workspace)
    assert applied == ["colour"]


def test_an_older_store_gets_the_indexes_of_a_long_history(workspace):
    Store.open(workspace).close()
    names = {index.name for index in schema.HISTORY_INDEXES}
    with sqlite3.connect(workspace.root / "store.db") as older:
        for name in names:
            older.execute(f"DROP INDEX {name}")
        older.execute("DELETE FROM migrations WHERE name = 'history-indexes'")
    older.close()
    Store.open(workspace).close()
    with sqlite3.connect(workspace.root / "store.db") as now:
        assert names <= {name for (name,) in now.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    now.close()


def test_an_older_store_learns_of_sources_and_keeps_its_runs(workspace, tmp_path):
    store = Store.open(workspace)
    store.add_dataset(PETS)
    kept = store.add_job("train", "kept", {}, dataset_id=PETS.id)
    store.close()
    path = workspace.root / "store.db"
    with sqlite3.connect(path) as now:
        lines = list(now.iterdump())
    now.close()
    path.unlink()
    with sqlite3.connect(path) as older:  # As it was written before there were sources.
        older.executescript("\n".join(line for line in lines if "jobs_of_source" not in line and "sources-of-runs" not in line and 'INTO "jobs"' not in line)
                            .replace("source_id VARCHAR(100), ", "").replace("FOREIGN KEY(source_id) REFERENCES datasets (id), ", ""))
        older.execute("INSERT INTO jobs (id, kind, title, state, attempt, position, payload, dataset_id, progress, phase, message, cancel_requested, worked_s, created_at, changes) "
                      "VALUES (?, 'train', 'kept', 'done', 1, 1, '{}', ?, 1, '', '', 0, 1, 1, 0)", (kept, PETS.id))
        assert "source_id" not in str(older.execute("SELECT sql FROM sqlite_master").fetchall())
    older.close()
    store = Store.open(workspace)
    run = store.add_job("train", "new", {}, source_id=PETS.id)
    assert store.users_of(PETS.id) == {run: "new", kept: "kept"} and not store.delete_dataset(PETS.id)
    assert [job.title for job in store.jobs()] == ["new", "kept"]
    store.close()


def test_a_list_never_walks_through_the_runs_it_does_not_show(store):
    asked = []
    sa.event.listen(store._writer, "before_cursor_execute", lambda _1, _2, statement, values, *_: asked.append((statement, values)))
    store.jobs("train", limit=25)
    store.jobs("train", [JobState.done], limit=20)
    store.jobs("ingest", limit=20)
    store.count("train", [JobState.done])
    store.count(states=[JobState.running])
    store.users_of("pets-1")
    with sqlite3.connect(store.workspace.root / "store.db") as reader:
        plans = [step for statement, values in asked for *_, step in reader.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    reader.close()
    assert len(plans) == 7 and all("SEARCH" in step and "INDEX" in step for step in plans), plans


def test_jobs_are_found_by_words_in_number_title_and_name_of_the_dataset(store):
    store.add_dataset(PETS)
    store.add_job("train", "Small 100% steps", {}, dataset_id=PETS.id)
    store.add_job("train", "large steps", {})
    store.add_job("ingest", "steps", {})

    def found(words: str) -> list[int]:
        jobs = [job.id for job in store.jobs("train", find=words)]
        assert store.count("train", find=words) == len(jobs)
        return jobs

    assert found("") == [2, 1] and found("STEPS") == [2, 1] and found("steps pets") == [1]
    assert found("1") == [1] and found("2") == [2] and found("0%") == [1] and found("_") == [] and found("9" * 30) == []
    assert [job.id for job in store.jobs("train", limit=1, offset=1)] == [1]
    store.add_job("train", "1 epoch", {})
    assert found("1") == [1, 4] and found("1 steps") == [1]


def test_validation_figures_of_many_runs_come_together(store):
    for _ in range(3):
        store.add_job("train", "t", {})
    first, second = store.claim("w"), store.claim("w")
    for number, loss in ((2, 0.25), (1, 0.5), (3, math.nan)):
        store.commit_epochs(first, [epoch(number, val_accuracy=number / 4, val_loss=loss, val_auc=0.5 + number / 10)])
    store.commit_epochs(second, [epoch(1, loss=1.0)])
    found = store.validation([1, 2, 3])
    assert found[1][:2] == [(0.25, 0.5), (0.5, 0.25)] and found[2] == found[3] == []
    assert found[1][2] == pytest.approx((0.75, math.nan), nan_ok=True), "null in the store"
    assert store.validation([1], ["val_auc"]) == {1: [(0.6,), (0.7,), (0.8,)]}
    assert store.validation([]) == {} and list(store.jobs_by_id([3, 99])) == [3]


def test_a_workspace_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "store.db").mkdir()
    with pytest.raises(ResourceError, match="can't be opened"):
        Store.open(Workspace(tmp_path))


def test_a_clock_that_jumps_back_makes_no_negative_duration(workspace):
    now = [1e9]
    store = Store.open(workspace, clock=lambda: now[0])
    store.add_job("train", "t", {})
    job = store.claim("w")
    now[0] -= 86_400
    store.report(job, worked_s=-5.0)
    store.finish(job, JobState.done)
    assert store.job(job.id).seconds == 0.0


def test_the_tables_are_also_made_by_postgresql():
    for table in schema.tables.sorted_tables:
        statement = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert statement.strip().startswith("CREATE TABLE") and "AUTOINCREMENT" not in statement

"""Runs filtered, sorted and grouped by the store, by hand-worked numbers; what it works out of older and newer runs; tags and hidden runs."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tlcore.errors import InputError, NotFoundError
from tlcore.run_query import GROUPS, Wanted, conditions, grouped, joined, order
from tlcore.schema import MIGRATIONS, jobs
from tlcore.store import JobState, RunGroup, Store


def settings(dataset: str, backbone: str, strategy: str = "frozen", seed: int = 0, **more: object) -> dict:
    return {"dataset": dataset, "backbone": {"name": backbone}, "strategy": {"name": strategy}, "split": {"seed": seed, "test_fraction": 0.2}, **more}


def add(store: Store, title: str, config: dict, state: JobState | None = JobState.done, series: int | None = None, **result: object) -> int:
    """A run that ended in that state; one that waits without a state."""
    run = store.add_job("train", title, {"config": config}, series=series)
    if state is not None:
        job = store.claim("tests")
        assert job is not None and job.id == run
        store.finish(job, state, result=result or None)
    return run


@pytest.fixture
def runs(store) -> dict[str, int]:
    """Five runs: a, b and c on pets, d on cars, and e, which waits."""
    series = store.series.add("labels", "curve", {})
    return {
        "a": add(store, "a", settings("pets", "ResNet20"), test_accuracy=0.5, test_macro_f1=0.4, best_val_accuracy=0.9, seconds=30.0, total_params=100, test={"auc": 0.7}, test_images=40),
        "b": add(store, "B", settings("pets", "VGG16"), test_accuracy=0.9, test_macro_f1=0.8, best_val_accuracy=0.6, seconds=10.0, total_params=300, latency_ms=2.5, test_images=40),
        "c": add(store, "c", settings("pets", "ResNet20", "fine_tune"), JobState.failed, series=series),
        "d": add(store, "d", settings("cars", "ResNet20"), series=series, test_accuracy=0.7, test_macro_f1=0.6, best_val_accuracy=0.7, seconds=20.0, total_params=200, test_images=9),
        "e": add(store, "e", settings("cars", "VGG16"), None),
    }


def names(store: Store, runs: dict[str, int], **asked: object) -> str:
    """The runs that are asked for, by their letters, in their order."""
    found = store.runs.page(Wanted(**asked))
    assert store.runs.count(Wanted(**asked)) == len(found)
    return "".join(next(name for name, run in runs.items() if run == job.id) for job in found)


def test_runs_come_in_the_order_that_is_asked_for_those_without_the_figure_last(store, runs):
    orders = {
        "newest": "edcba", "accuracy": "bdaec", "macro_f1": "bdaec", "val_accuracy": "adbec", "auc": "aedcb",
        "seconds": "bdaec", "parameters": "adbec", "latency_ms": "bedca", "name": "abcde",
    }
    assert {sort: names(store, runs, sort=sort) for sort in orders} == orders


def test_filters_are_met_all_together_and_one_value_of_each_is_enough(store, runs):
    assert names(store, runs, datasets=("pets",)) == "cba"
    assert names(store, runs, datasets=("pets", "cars"), backbones=("VGG16",)) == "eb"
    assert names(store, runs, strategies=("fine_tune",)) == "c" and names(store, runs, states=(JobState.queued, JobState.failed)) == "ec"
    assert names(store, runs, datasets=("pets",), backbones=("ResNet20",), strategies=("frozen",), states=(JobState.done,)) == "a"
    assert names(store, runs, series=(1,), sort="name") == "cd" and names(store, runs, datasets=("boats",)) == ""
    assert names(store, runs, find=str(runs["a"]), sort="accuracy").startswith("a"), "the run of that number first"
    assert [run.id for run in store.runs.page(Wanted(sort="accuracy"), limit=2, offset=1)] == [runs["d"], runs["a"]]


def test_a_run_shows_its_figures_as_soon_as_it_has_ended(store, runs):
    assert names(store, runs, sort="accuracy") == "bdaec"
    job = store.claim("tests")
    store.finish(job, JobState.done, result={"test_accuracy": 0.99})
    assert names(store, runs, sort="accuracy") == "ebdac" and names(store, runs, backbones=("VGG16",)) == "eb"


def test_groups_have_count_best_mean_and_standard_deviation(store, runs):
    # Of pets, 0.5 and 0.9 count: mean 0.7, sd = sqrt((0.2² + 0.2²) / 1) = 0.2828. Of cars, one counts.
    cars, pets = sorted(store.runs.groups(Wanted(), "dataset"), key=lambda group: group.key)  # Both have the same mean.
    assert pets == RunGroup("pets", 3, 2, 0.9, pytest.approx(0.7), pytest.approx(0.282843, abs=1e-6), 1)
    assert cars == RunGroup("cars", 2, 1, 0.7, 0.7, None, 1)
    by_time = store.runs.groups(Wanted(), "backbone", "seconds")
    assert [(group.key, group.best, group.mean, group.test_sets) for group in by_time] == [("VGG16", 10.0, 10.0, 1), ("ResNet20", 20.0, 25.0, 2)]
    fine_tuned = store.runs.groups(Wanted(datasets=("pets",)), "strategy")[1]
    assert fine_tuned == RunGroup("fine_tune", 1, 0, None, None, None, 0)
    assert {group.key: group.runs for group in store.runs.groups(Wanted(), "series")} == {None: 3, 1: 2}


def test_equal_figures_scatter_by_nothing(store):
    for _ in range(3):
        add(store, "t", settings("pets", "ResNet20"), test_accuracy=0.1)
    (group,) = store.runs.groups(Wanted(), "dataset")
    assert group.sd == pytest.approx(0, abs=1e-9) and group.mean == pytest.approx(0.1)


def test_a_run_is_in_the_group_of_each_of_its_tags(store, runs):
    store.tags.change([runs["a"], runs["b"]], add=["good", "first"])
    store.tags.change([runs["b"]], remove=["first"])
    assert {group.key: (group.runs, group.mean) for group in store.runs.groups(Wanted(), "tag")} == {"good": (2, pytest.approx(0.7)), "first": (1, 0.5), None: (3, 0.7)}
    assert names(store, runs, tags=("good",)) == "ba" and names(store, runs, tags=("good", "first")) == "a"
    assert names(store, runs, find="FIRST") == "a" and names(store, runs, find="goo") == "ba"
    assert store.tags.of([runs["a"], runs["c"]]) == {runs["a"]: ("first", "good"), runs["c"]: ()} and store.tags.known() == ["first", "good"]


def test_tags_are_words_in_one_spelling_and_on_runs_that_are_there(store, runs):
    store.tags.change([runs["a"]], add=["  Base\u0301   line "])
    store.tags.change([runs["b"]], add=["bas\u00e9 LINE"])
    assert store.tags.known() == ["Bas\u00e9 line"]
    store.tags.change([runs["b"]], add=["BAS\u00c9 line"], remove=["nothing"])
    assert store.tags.of([runs["b"]]) == {runs["b"]: ("Bas\u00e9 line",)}
    for text in ("", "  ", "a,b", "x" * 41, "a\x00b"):
        with pytest.raises(InputError, match="can't be a tag"):
            store.tags.change([runs["a"]], add=[text])
    with pytest.raises(NotFoundError, match="run 99 not found"):
        store.tags.change([runs["a"], 99], add=["new"])
    assert "new" not in store.tags.known(), "all or nothing"
    store.delete_job(runs["a"])
    assert store.tags.of([runs["a"]]) == {runs["a"]: ()}


def test_hidden_runs_are_left_out_until_they_are_asked_for_and_lose_nothing(store, runs):
    store.tags.hide([runs["a"], runs["d"]])
    assert names(store, runs) == "ecb" and names(store, runs, hidden="with") == "edcba" and names(store, runs, hidden="only", sort="name") == "ad"
    assert {group.key: group.runs for group in store.runs.groups(Wanted(), "dataset")} == {"pets": 2, "cars": 1}
    assert store.runs.choices()["dataset"] == {"cars": 1, "pets": 2} and [row["runs"] for row in store.runs.test_sets()] == [1]
    assert store.job(runs["a"]).result["test_accuracy"] == 0.5 and store.count("train") == 5 and store.count("train", hidden=False) == 3
    store.tags.hide([runs["a"]], hidden=False)
    assert names(store, runs) == "ecba" and store.tags.hidden(runs.values()) == {runs["d"]}
    with pytest.raises(NotFoundError):
        store.tags.hide([99])


def test_what_can_be_chosen_comes_with_its_number_of_runs(store, runs):
    store.tags.change([runs["c"]], add=["odd"])
    assert store.runs.choices() == {
        "dataset": {"cars": 2, "pets": 3}, "backbone": {"ResNet20": 3, "VGG16": 2}, "strategy": {"fine_tune": 1, "frozen": 4}, "series": {1: 2}, "tag": {"odd": 1},
    }


def test_runs_tested_on_the_same_pictures_are_together(store):
    hashed = add(store, "t", settings("pets", "ResNet20", seed=5), test_accuracy=0.1, test_ids_hash="abc", test_images=7)
    other_dataset = add(store, "t", settings("cars", "ResNet20"), test_accuracy=0.2, test_ids_hash="abc", test_images=7)
    # Without a hash, as earlier versions left them, it is what the choice of pictures follows from.
    first, twin = (add(store, "t", settings("pets", backbone), test_accuracy=0.3) for backbone in ("ResNet20", "VGG16"))
    others = [
        add(store, "t", settings("pets", "ResNet20", **more), test_accuracy=0.4)
        for more in ({"seed": 1}, {"classes": ["a", "b"]}, *({"source": {"dataset": "pets"}, "target": {"fraction": 0.4, "seed": seed}} for seed in (0, 1)))
    ]
    add(store, "failed", settings("pets", "ResNet20"), JobState.failed)
    tested = {run: store.runs.tested_on(run) for run in (hashed, other_dataset, first, twin, *others)}
    assert tested[hashed] == tested[other_dataset] == "abc" and tested[first] == tested[twin]
    assert len(set(tested.values())) == 6
    sets = store.runs.test_sets()
    assert [row["runs"] for row in sets] == [2, 2, 1, 1, 1, 1] and sets[0]["newest"] == twin and sets[1]["pictures"] == 7
    assert [row["run"] for row in store.runs.facts("abc")] == [other_dataset, hashed]


def test_an_older_store_is_filtered_and_sorted_all_the_same(workspace):
    store = Store.open(workspace)
    runs = [add(store, "old", settings("pets", backbone), test_accuracy=accuracy) for backbone, accuracy in (("VGG16", 0.5), ("ResNet20", 0.8))]
    store.close()
    assert "facts-tags-and-hidden-runs" in dict(MIGRATIONS)
    with contextlib.closing(sqlite3.connect(workspace.root / "store.db")) as older, older:
        older.executescript("DROP TABLE run_facts; DROP TABLE run_tags; DROP TABLE hidden_runs; DELETE FROM migrations WHERE name = 'facts-tags-and-hidden-runs'")
    store = Store.open(workspace)
    assert [run.id for run in store.runs.page(Wanted(sort="accuracy"))] == runs[::-1]
    assert [run.id for run in store.runs.page(Wanted(backbones=("VGG16",)))] == runs[:1]
    store.tags.change(runs, add=["kept"])
    store.tags.hide(runs[:1])
    assert [run.id for run in store.runs.page(Wanted(tags=("kept",)))] == runs[1:]
    store.close()


def test_a_store_that_cannot_be_written_is_listed_without_what_is_not_worked_out(workspace, monkeypatch):
    monkeypatch.setattr("tlcore.schema.BUSY_TIMEOUT_S", 0.2)
    store = Store.open(workspace)
    run = add(store, "new", settings("pets", "ResNet20"), test_accuracy=0.5)
    with contextlib.closing(sqlite3.connect(workspace.root / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert [job.id for job in store.runs.page(Wanted(sort="accuracy"))] == [run] and store.runs.count(Wanted(datasets=("pets",))) == 0
    assert store.runs.count(Wanted(datasets=("pets",))) == 1
    store.close()


def test_two_thousand_runs_are_listed_in_no_time(store):
    with store._writing() as connection:
        connection.execute(jobs.insert(), [
            {"kind": "train", "title": f"run {number}", "state": "done", "position": number, "created_at": 0.0, "message": "", "phase": "",
             "payload": {"config": settings(f"data {number % 5}", "ResNet20"), "forecast": ["x" * 20] * 200}, "result": {"test_accuracy": number / 2000, "more": ["y" * 20] * 200}}
            for number in range(2000)
        ])
    asked = Wanted(datasets=("data 1", "data 2"), sort="accuracy")
    store.runs.count(asked)
    began = time.process_time()
    assert len(store.runs.page(asked)) == 25 and len(store.runs.groups(asked, "dataset")) == 2 and len(store.runs.facts(store.runs.test_sets()[0]["tested_on"])) == 400
    assert time.process_time() - began < 0.25


def test_the_questions_are_also_understood_by_postgresql():
    from tlcore.run_facts import _all, _wanting

    asked = Wanted(tags=("a",), find="1 b", sort="accuracy", datasets=("d",))
    listed = sa.select(jobs.c.id).select_from(joined).where(*conditions(asked)).order_by(*order(asked))
    for query in (_all, _wanting, listed, *(grouped(asked, by, "seconds") for by in GROUPS)):
        text = str(query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
        assert "JSON_EXTRACT" not in text

"""A long history costs the pages no more than a short one, and each of its runs can still be chosen."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.finished_run import listed_runs
from tlcore.store import Store

FEW, MANY = 10, 60


@pytest.fixture
def store(digits) -> Store:
    return Store.open(digits)


@pytest.fixture
def statements():
    """The SQL that was sent since the list was last cleared."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.mark.parametrize("file", ["home.py", "runs.py", "compare.py", "predict.py"])
def test_a_page_asks_the_store_no_more_often_with_many_runs(store, statements, open_page, file):
    asked, elements = [], []
    for runs in (FEW, MANY - FEW):
        listed_runs(store, runs)
        at = open_page(file)
        statements.clear()
        at.run()
        asked.append(len(statements))
        elements.append([len(box.options) for box in at.multiselect] + [len(table.value) for table in at.dataframe])
    assert 0 < asked[0] == asked[1], statements
    assert all(size <= 25 for sizes in elements for size in sizes)


def test_an_old_run_is_found_and_stays_chosen_while_another_is_looked_for(store, open_page):
    runs = listed_runs(store, MANY)
    at = open_page("compare.py")
    assert at.multiselect[0].options[0].startswith(f"{runs[-1]} ·") and len(at.multiselect[0].options) == 20
    for look_for, run in (("step 3", runs[3]), (str(runs[0]), runs[0])):
        at.text_input[0].set_value(look_for)
        (name,) = (name for name in at.run().multiselect[0].options if name.startswith(f"{run} ·"))
        assert name in at.multiselect[0].options
        at.multiselect[0].set_value([*at.multiselect[0].value, run])
        at.run()
    at.text_input[0].set_value("no such run")
    assert at.run().multiselect[0].value == [runs[3], runs[0]]
    assert at.query_params["runs"] == f"{runs[3]},{runs[0]}"
    assert "No finished run fits" in at.multiselect[0].proto.placeholder


def test_a_link_names_runs_however_old_they_are(store, open_page):
    runs = listed_runs(store, MANY)
    at = open_page("predict.py", runs=f"{runs[1]},{runs[0]}")
    assert at.multiselect[0].value == [runs[1], runs[0]] and not at.warning


def test_a_short_history_needs_no_search(store, open_page):
    listed_runs(store, FEW)
    assert not open_page("predict.py").text_input

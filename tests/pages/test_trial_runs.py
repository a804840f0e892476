"""Trials of a study on the pages of runs: judged by their validation pictures, and compared with each other only."""

from __future__ import annotations

import shutil

import pytest

from pages.ui.run_tabs import TABS
from tests.finished_run import finished_run, finished_trial
from tests.pages.conftest import texts
from tlcore.store import Store
from tlcore.workspace import Workspace

ONE, TWO, TESTED = 1, 2, 3


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    root = tmp_path_factory.mktemp("trials") / "workspace"
    shutil.copytree(prepared, root)
    workspace = Workspace(root)
    store = Store.open(workspace)
    made = [finished_trial(store, workspace, name="one", train__epochs=2), finished_trial(store, workspace, name="two", train__epochs=3), finished_run(store, workspace, name="tested", train__epochs=1)]
    assert made == [ONE, TWO, TESTED]
    store.close()
    return root


@pytest.fixture
def trials(empty, ready) -> Workspace:
    shutil.copytree(ready, empty.root, dirs_exist_ok=True)
    return empty


def test_the_summary_says_that_a_trial_is_judged_by_its_validation_pictures(trials, open_page):
    at = open_page("runs.py", run=str(ONE))
    assert "validation pictures" in texts(at)
    assert any("left for the winner" in caption.value for caption in at.caption)
    assert not any("left for the winner" in caption.value for caption in open_page("runs.py", run=str(TESTED)).caption)


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab != "Summary"])
def test_every_tab_shows_a_trial(trials, open_page, tab):
    at = open_page("runs.py", run=str(ONE), tab=tab)
    assert not at.error and not at.exception
    if tab == "Calibration":
        assert "judged by its validation pictures" in at.info[0].value


def test_trials_are_compared_with_each_other_and_not_with_what_was_tested(trials, open_page):
    at = open_page("compare.py", runs=f"{ONE},{TWO}")
    assert not at.error and any("compared on their validation pictures" in caption.value for caption in at.caption)
    at = open_page("compare.py", runs=f"{ONE},{TESTED}")
    assert "which can't be held against these" in at.error[0].value


def test_the_list_of_runs_has_no_test_accuracy_for_a_trial(trials, open_page):
    table = open_page("runs.py").dataframe[0].value.set_index("run")
    column = "test" if "test" in table else "Test accuracy"
    assert table[column].isna().sum() == 2

"""What most tests need: a workspace of their own and its store."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tlcore import jobs
from tlcore.store import Store
from tlcore.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def no_supervisor(monkeypatch):
    """What is queued waits: the test decides what becomes of it."""
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)


@pytest.fixture
def store(workspace):
    store = Store.open(workspace)
    yield store
    store.close()


# Where several processes share the suite each takes whole files in this order: nobody works on a long one when the others are done.
LONGEST_FIRST = ("test_cli.py", "browser", "test_worker_training.py", "test_training.py", "test_domain_runs.py", "test_chains.py", "test_faults.py", "test_many_runs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        names = (item.path.name, item.path.parent.name)
        return next((i for i, name in enumerate(LONGEST_FIRST) if name in names), len(LONGEST_FIRST))

    items.sort(key=place)  # Stable: the order within a file stays.

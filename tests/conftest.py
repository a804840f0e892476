"""What most tests need: a workspace of their own and its store."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tlcore.store import Store
from tlcore.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def store(workspace):
    store = Store.open(workspace)
    yield store
    store.close()

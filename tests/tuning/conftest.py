"""A workspace with the digits, which are added once for all tests here."""

from __future__ import annotations

import shutil

import pytest

from tlcore import demo
from tlcore.store import Store
from tlcore.workspace import Workspace


@pytest.fixture(scope="package")
def _prepared(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("studies") / "workspace").create()
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    store.close()
    return workspace.root


@pytest.fixture
def with_digits(store, workspace, _prepared):
    """The test's own store, with the digits."""
    store.close()
    shutil.copytree(_prepared, workspace.root, dirs_exist_ok=True)
    found = Store.open(workspace)
    yield found
    found.close()

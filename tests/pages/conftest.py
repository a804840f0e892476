"""The pages through AppTest, on a real store with real digits; nobody takes up the jobs they queue."""

from __future__ import annotations

import functools
import gc
import shutil
from pathlib import Path

import pytest
import yaml
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tlcore import demo, jobs
from tlcore.forecast.probing import Probe
from tlcore.store import Store
from tlcore.workspace import Workspace

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"


@pytest.fixture(scope="module", autouse=True)
def light_heap():
    """Streamlit collects after every rerun: what earlier tests left, TensorFlow above all, is kept out of that."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def packages_read_once():
    """Each app that starts reads the description of every installed package for its components: half of a page test's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """A workspace with the digits, to be copied."""
    workspace = Workspace(tmp_path_factory.mktemp("prepared") / "workspace").create()
    store = Store.open(workspace)
    demo.ensure_built_in("digits", store, workspace)
    store.close()
    return workspace.root


@pytest.fixture
def empty(workspace, monkeypatch) -> Workspace:
    """A workspace without anything, as the pages' own."""
    monkeypatch.setenv("TLCORE_HOME", str(workspace.root))
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda workspace: None)
    monkeypatch.setattr(Probe, "start", lambda probe: False)
    return workspace


@pytest.fixture
def digits(empty, prepared) -> Workspace:
    """A workspace with the digits, as the pages' own."""
    shutil.copytree(prepared, empty.root, dirs_exist_ok=True)
    return empty


@pytest.fixture
def there(empty, ready) -> Workspace:
    """The workspace that the test's own module made `ready`, as the pages' own."""
    shutil.copytree(ready, empty.root, dirs_exist_ok=True)
    return empty


@pytest.fixture
def store(empty) -> Store:
    return Store.open(empty)


@pytest.fixture
def open_page():
    """`open_page("train.py", dataset="digits")`: the app at that page, run once."""

    def opened(file: str = "home.py", **parameters: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=20).run()
        assert not app.exception, app.exception
        if file == "home.py" and not parameters:
            return app
        for name, value in parameters.items():
            app.query_params[name.replace("__", ".")] = value
        app.switch_page(file).run()
        assert not app.exception, app.exception
        return app

    return opened


def texts(app: AppTest) -> str:
    """Everything that the page says, as one text."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "success")
    return "\n".join(element.value for kind in kinds for element in app.get(kind))


def settings_shown(app: AppTest) -> dict:
    """The settings that Train's form holds."""
    return yaml.safe_load(app.code[0].value)

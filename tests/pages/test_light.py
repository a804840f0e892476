"""The process that serves the pages stays light: no tensor library, whatever page is open."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.pages.conftest import SHELL

PAGES = ("home.py", "data.py", "train.py", "runs.py", "compare.py", "tune.py", "predict.py")
CHILD = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(SHELL)!r}, default_timeout=60).run()
for page in {PAGES!r}:
    app.query_params["dataset"] = "digits"
    app.switch_page(page).run()
    assert not app.exception, (page, app.exception)
import app as server
heavy = [name for name in ("tensorflow", "keras", "openvino", "sklearn.linear_model") if name in sys.modules]
assert not heavy, heavy
"""

FROZEN = """
import gc, sys
import app as server
from pages.ui import startup
startup._import_and_freeze()
print(gc.get_freeze_count(), len(gc.get_objects()))
before = len(sys.modules)
assert startup.freeze_again(before) == before
import sklearn.metrics
added = len(gc.get_objects())
assert startup.freeze_again(before) == len(sys.modules) > before + 100
print(added, len(gc.get_objects()))
"""


def test_modules_are_left_out_of_the_garbage_collection_after_every_rerun():
    child = subprocess.run([sys.executable, "-c", FROZEN], cwd=SHELL.parents[1], capture_output=True, text=True, timeout=120)
    assert child.returncode == 0, child.stderr[-2000:]
    frozen, looked_through, with_more, again = map(int, child.stdout.split())
    assert frozen > 50_000 > 50 * looked_through
    assert with_more > 20_000 > 20 * again, "what a later page loads"


def test_no_page_loads_a_tensor_library(digits):
    environment = {**os.environ, "TLCORE_HOME": str(digits.root), "TLCORE_STANDBY": "0", "TLCORE_IDLE_S": "1"}
    child = subprocess.run([sys.executable, "-c", CHILD], cwd=SHELL.parents[1], env=environment, capture_output=True, text=True, timeout=120)
    assert child.returncode == 0, child.stderr[-2000:]

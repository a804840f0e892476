"""The queue and history of runs, and the page of one of them at /runs?run=ID."""

from pages.ui.run_list import run_list
from pages.ui.run_view import run_view
from pages.ui.state import guarded, head, read_id

run = read_id("run")
with guarded():
    if run is None:
        head("Watch and manage your runs", "The queue and every run so far. Open one for its curves and evaluation.")
        run_list()
    else:
        run_view(run)

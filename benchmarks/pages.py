"""Every page with 1,000 finished runs in the store against the same page with 10, from real servers.

Script time: from the request to the word that the script has ended, through the websocket, as a browser
asks. Bytes: all that comes through the websocket at the first view in a new session; pictures and the
application itself come by HTTP and don't depend on the number of runs. CPU: of the server process, a rerun,
with what Streamlit does after it. Memory: the server process after all pages. Both servers run at once and
take turns, so that other work on the machine hits both.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import history, polling
from benchmarks.visitor import View, Visitor
from tests.browser.serving import Server, serve
from tlcore.workspace import Workspace

FEW, MANY = 10, 1000
WARM_S = 8.0  # The server loads what the later pages need some seconds after its start.
RERUNS_A_ROUND = 4
PAUSE_S = 0.1  # As a person's clicks: without it, a script waits for the garbage collection after the one before.
PAGES = {
    "Home": "",
    "Data": "data",
    "dataset": "data?dataset=digits",
    "Train": "train?dataset=digits",
    "Runs": "runs",
    "run, summary": "runs?run={0}",
    "run, curves": "runs?run={0}&tab=Curves",
    "run, confusion": "runs?run={0}&tab=Confusion",
    "run, classes": "runs?run={0}&tab=Classes",
    "run, mistakes": "runs?run={0}&tab=Mistakes",
    "run, settings": "runs?run={0}&tab=Settings",
    "run, time": "runs?run={0}&tab=Time",
    "run, files": "runs?run={0}&tab=Files",
    "Compare": "compare?runs={0},{1}",
    "Tune": "tune",
    "Predict": "predict?runs={0}",
}
MOST_TIMES = 1.5
MOST_RSS_BYTES = 300_000_000


def measure(rounds: int) -> dict[str, object]:
    """Milliseconds and bytes of each page in both stores, their ratios, and the servers' memory."""
    with tempfile.TemporaryDirectory(prefix="tlcore-benchmark-") as folder, contextlib.ExitStack() as stack:
        served: dict[int, tuple[Server, list[int]]] = {}
        for runs in (FEW, MANY):
            root = Path(folder) / str(runs)
            chosen = history.make(Workspace(root / "workspace"), runs)
            served[runs] = stack.enter_context(serve(root, TLCORE_STANDBY="0", TLCORE_IDLE_S="1")), chosen
        time.sleep(WARM_S)
        pages = {name: _page(served, path, rounds) for name, path in PAGES.items()}
        refreshed = polling.measure(served[MANY][0])
        memory = {f"{runs}_runs": server.rss_bytes() for runs, (server, _) in served.items()}
        for server, _ in served.values():
            if server.tracebacks():
                raise RuntimeError(server.tracebacks())
    return {
        "pages": pages,
        "worst_times_ratio": max(page["ms_ratio"] for page in pages.values()),
        "worst_bytes_ratio": max(page["bytes_ratio"] for page in pages.values()),
        "refreshed": refreshed,
        "server_rss_bytes": memory,
        "targets": {"ratio": MOST_TIMES, "server_rss_bytes": MOST_RSS_BYTES},
    }


def _page(served: dict[int, tuple[Server, list[int]]], path: str, rounds: int) -> dict[str, float]:
    """One page on both servers by turns: the first view of a session, then reruns in it."""
    paths = {runs: path.format(*chosen) for runs, (_, chosen) in served.items()}
    first: dict[int, View] = {}
    seconds: dict[int, list[float]] = {runs: [] for runs in served}
    with contextlib.ExitStack() as stack:
        visitors = {runs: stack.enter_context(Visitor(server.url)) for runs, (server, _) in served.items()}
        for runs, visitor in visitors.items():
            first[runs] = visitor.view(paths[runs])
        time.sleep(PAUSE_S)
        before = {runs: polling.cpu_s(server) for runs, (server, _) in served.items()}
        for _ in range(RERUNS_A_ROUND * rounds):
            for runs, visitor in visitors.items():
                seconds[runs].append(visitor.view(paths[runs]).seconds)
                time.sleep(PAUSE_S)
        cpu_s = {runs: (polling.cpu_s(server) - before[runs]) / len(seconds[runs]) for runs, (server, _) in served.items()}
    figures: dict[str, float] = {}
    for runs in served:
        figures[f"ms_{runs}_runs"] = round(1000 * statistics.median(seconds[runs]), 1)
        figures[f"cpu_ms_{runs}_runs"] = round(1000 * cpu_s[runs], 1)
        figures[f"first_ms_{runs}_runs"] = round(1000 * first[runs].seconds, 1)
        figures[f"bytes_{runs}_runs"] = first[runs].bytes
    for name in ("ms", "cpu_ms", "bytes"):
        figures[f"{name}_ratio"] = round(figures[f"{name}_{MANY}_runs"] / figures[f"{name}_{FEW}_runs"], 2)
    return figures

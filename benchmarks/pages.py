"""Every page with 2,000 finished runs in the store against the same page with 20, from real servers.

The run that is open has 10,000 test pictures in ten classes, and so have those that are compared with it.
Script time: from the request to the word that the script has ended, through the websocket, as a browser
asks. Cold: the first view since the server started, with what is computed once and kept; warm: the median of
those after it. Bytes: all that comes through the websocket at the first view in a new session; pictures and the
application itself come by HTTP and don't depend on the number of runs. CPU: of the server process, a rerun,
with what Streamlit does after it. Memory: the server process after all pages. Both servers run at once and
take turns, so that other work on the machine hits both.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from benchmarks import history, polling
from benchmarks.visitor import View, Visitor
from pages.ui import comparison, run_tabs
from tests.browser.serving import Server, serve
from tlcore.workspace import Workspace

FEW, MANY = 20, 2000
WARM_S = 8.0  # The server loads what the later pages need some seconds after its start.
RERUNS_A_ROUND = 4
PAUSE_S = 0.1  # As a person's clicks: without it, a script waits for the garbage collection after the one before.
MOST_MS = 400.0
MOST_TIMES = 1.5
MOST_RSS_BYTES = 300_000_000
Served = dict[int, Server]


def pages_of(runs: tuple[int, ...]) -> dict[str, str]:
    """Every page and every tab, by name, where these runs have many test pictures."""
    run, two, eight = runs[0], runs[:2], runs[:8]
    compared = {
        f"Compare {name}, {tab}": f"compare?runs={','.join(map(str, those))}&tab={quote(tab)}" for name, those in (("two", two), ("eight", eight)) for tab in comparison.TABS
    }
    return {
        "Home": "",
        "Data": "data",
        "dataset": f"data?dataset={history.LARGE}",
        "Train": f"train?dataset={history.LARGE}",
        "Runs": "runs",
        "Runs, filtered": "runs?dataset=digits&backbone=VGG16&tag=baseline&sort=macro_f1",
        "Runs, found": "runs?find=step%2019&sort=latency_ms",
        "Runs, last page": "runs?sort=accuracy&page=80",
        "Runs, in groups": "runs?group=backbone",
        **{f"run, {tab}": f"runs?run={run}&tab={quote(tab)}" for tab in run_tabs.TABS},
        "Compare, no run": "compare",
        **compared,
        "Tune": "tune",
        "Predict": f"predict?runs={run}",
    }


def measure(rounds: int) -> dict[str, object]:
    """Milliseconds and bytes of each page in both stores, their ratios, which pages take too long, and the servers' memory."""
    with tempfile.TemporaryDirectory(prefix="tlcore-benchmark-") as folder, contextlib.ExitStack() as stack:
        served: Served = {}
        begun = history.begin(Workspace(Path(folder) / "begun"))
        for runs in (FEW, MANY):
            root = Path(folder) / str(runs)
            history.grow(begun, root / "workspace", runs)
            served[runs] = stack.enter_context(serve(root, TLCORE_STANDBY="0", TLCORE_IDLE_S="1"))
        time.sleep(WARM_S)
        pages = {}
        for name, path in pages_of(begun.large).items():
            pages[name] = _page(served, path, rounds)
            print(f"{name}: {pages[name][f'ms_{MANY}_runs']:.0f} ms", file=sys.stderr)
        refreshed = polling.measure(served[MANY])
        memory = {f"{runs}_runs": server.rss_bytes() for runs, server in served.items()}
        for server in served.values():
            if server.tracebacks():
                raise RuntimeError(server.tracebacks())
    slow = {name: page[f"ms_{MANY}_runs"] for name, page in pages.items() if page[f"ms_{MANY}_runs"] > MOST_MS}
    return {
        "pages": pages,
        "worst_ms": max(page[f"ms_{MANY}_runs"] for page in pages.values()),
        "worst_times_ratio": max(page["ms_ratio"] for page in pages.values()),
        "worst_bytes_ratio": max(page["bytes_ratio"] for page in pages.values()),
        "refreshed": refreshed,
        "server_rss_bytes": memory,
        "targets": {"ms": MOST_MS, "ratio": MOST_TIMES, "server_rss_bytes": MOST_RSS_BYTES},
        "missed": [f"{name}: {ms:.0f} ms, more than {MOST_MS:.0f}" for name, ms in slow.items()],
    }


def _page(served: Served, path: str, rounds: int) -> dict[str, float]:
    """One page on both servers by turns: the first view of a session, then reruns in it."""
    first: dict[int, View] = {}
    seconds: dict[int, list[float]] = {runs: [] for runs in served}
    with contextlib.ExitStack() as stack:
        visitors = {runs: stack.enter_context(Visitor(server.url)) for runs, server in served.items()}
        for runs, visitor in visitors.items():
            first[runs] = visitor.view(path)
        time.sleep(PAUSE_S)
        before = {runs: polling.cpu_s(server) for runs, server in served.items()}
        for _ in range(RERUNS_A_ROUND * rounds):
            for runs, visitor in visitors.items():
                seconds[runs].append(visitor.view(path).seconds)
                time.sleep(PAUSE_S)
        cpu_s = {runs: (polling.cpu_s(server) - before[runs]) / len(seconds[runs]) for runs, server in served.items()}
    figures: dict[str, float] = {}
    for runs in served:
        figures[f"ms_{runs}_runs"] = round(1000 * statistics.median(seconds[runs]), 1)
        figures[f"cpu_ms_{runs}_runs"] = round(1000 * cpu_s[runs], 1)
        figures[f"cold_ms_{runs}_runs"] = round(1000 * first[runs].seconds, 1)
        figures[f"bytes_{runs}_runs"] = first[runs].bytes
    for name in ("ms", "cpu_ms", "bytes"):
        figures[f"{name}_ratio"] = round(figures[f"{name}_{MANY}_runs"] / figures[f"{name}_{FEW}_runs"], 2)
    return figures

"""A real server on a free port with a workspace of its own, and waiting for a page to be idle."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tlcore.workspace import Workspace

ROOT = Path(__file__).parents[2]
START_S = 60
SETTLED = '[data-testid="stApp"][data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'


@dataclass
class Server:
    """A running server: its address, workspace, process and log."""

    url: str
    workspace: Workspace
    process: subprocess.Popen
    log: Path
    seconds_to_health: float

    def tracebacks(self) -> str:
        """What went wrong so far, by its log; empty when nothing did."""
        text = self.log.read_text(errors="replace")
        return text[text.index("Traceback") :][:4000] if "Traceback" in text else ""

    def rss_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss


@contextlib.contextmanager
def serve(root: Path, port: int | None = None, **environment: str) -> Iterator[Server]:
    """Start `streamlit run app.py`, on a free port unless one is named; at the end stop it and what it started."""
    workspace = Workspace(root / "workspace").create()
    log = root / "server.log"
    port = port or _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true", "--browser.gatherUsageStats=false"]
    started = time.monotonic()
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, "TLCORE_HOME": str(workspace.root), **environment})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for_health(url, process, log)
        yield Server(url, workspace, process, log, time.monotonic() - started)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        stop_workers(workspace)


def stop_workers(workspace: Workspace) -> None:
    """End supervisor and workers of this workspace, and no others."""
    for other in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            if str(workspace.root) in (other.info["cmdline"] or ()):
                other.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for_health(url: str, process: subprocess.Popen, log: Path) -> None:
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
            return
        time.sleep(0.03)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def settle(page, timeout_s: float = 20) -> None:
    """Wait until the script has run and nothing is loading; polling pages pass between two ticks."""
    page.wait_for_timeout(150)
    page.wait_for_selector(SETTLED, timeout=timeout_s * 1000, state="attached")
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')", timeout=timeout_s * 1000)
    assert page.locator("[data-testid=stException]").count() == 0, page.locator("[data-testid=stException]").first.inner_text()


def open_page(page, url: str) -> None:
    """Go to an address and wait until it is idle."""
    page.goto(url)
    page.wait_for_selector('[data-testid="stApp"]', timeout=20_000)
    page.wait_for_selector("h1", timeout=20_000)
    settle(page)


def take_picture(page) -> None:
    """Click the camera's button once it shows something."""
    page.wait_for_function("document.querySelector('video')?.readyState >= 2")
    page.get_by_role("button", name="Take Photo").click()


def parameter(page, name: str) -> list[str]:
    """Values of a query parameter in the address bar."""
    from urllib.parse import parse_qs, urlparse

    return parse_qs(urlparse(page.url).query).get(name, [])


def number_in(text: str) -> int:
    """The first whole number of a text."""
    found = re.search(r"\d[\d,]*", text)
    assert found, text
    return int(found.group().replace(",", ""))

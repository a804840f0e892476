"""Start, poll and kill workers: as processes of this machine now, by a cluster engine one day."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import psutil

from tlcore import devices
from tlcore.locks import ProcessId, boot_id, start_of
from tlcore.workspace import Workspace

ON_CARDS = ("train", "study")  # Kinds whose workers have graphics cards of their own.
_PROJECT = Path(__file__).resolve().parent.parent


def child_environment() -> dict[str, str]:
    """This process's environment, quiet, unbuffered and able to import this project."""
    paths = [str(_PROJECT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
    }


def detached() -> dict[str, Any]:
    """Options for Popen: keys pressed in the server's terminal reach the server only."""
    if os.name == "posix":
        return {"start_new_session": True}
    return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}


class WorkerProcess:
    """A worker of this machine, which begins a job when told to, and is gone after it.

    cards: the only graphics cards it sees, and it takes a run that asks for as many; with none named it sees all.
    """

    def __init__(
        self, workspace: Workspace, kind: str, log: IO[bytes], cards: tuple[str, ...] = (), module: str = "tlcore.worker"
    ) -> None:
        self.kind, self.cards = kind, cards
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.told = self.dismissed = False
        command = [sys.executable, "-m", module, "--workspace", str(workspace.root)]
        self._process = subprocess.Popen(
            [*command, "--kind", kind, "--owner", self.owner, "--cards", str(len(cards) or 1)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**child_environment(), **(devices.environment_for(cards) if kind in ON_CARDS else devices.NO_CARDS)},
            **detached(),
        )

    def tell(self, kind: str) -> None:
        """Let it claim a job of this kind, which may be another than it got ready for; it may be still starting, and reads this when it is ready."""
        self.told, self.kind = True, kind
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # It died; poll() will say so.
            self._process.stdin.write(f"{kind}\n".encode())
            self._process.stdin.flush()

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once, with what it started."""
        if self.poll() is None:
            stop(ProcessId(self._process.pid, start_of(self._process.pid), boot_id()), force=True)

    def dismiss(self) -> None:
        """End a worker that was told nothing yet."""
        self.dismissed = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def cards_of(process: ProcessId | None) -> tuple[str, ...] | None:
    """The graphics cards that a worker of another supervisor sees; None where that is all, or can't be told."""
    if process is None or not process.alive():
        return None
    try:
        listed = psutil.Process(process.pid).environ().get(devices.VISIBLE)
    except (psutil.Error, OSError):
        return None
    return None if listed is None else tuple(part.strip() for part in listed.split(",") if part.strip())


def stop(process: ProcessId, force: bool) -> None:
    """Ask a worker's process to end, or end it and what it started; safe when it is gone."""
    if not process.alive():
        return
    with contextlib.suppress(psutil.Error, OSError):
        if not force:
            psutil.Process(process.pid).terminate()
        elif os.name == "posix" and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            psutil.Process(process.pid).kill()

"""What this machine has to offer, and what the workspace takes of it."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
from pathlib import Path

import psutil

from tlcore import devices
from tlcore.workspace import Workspace, free_bytes

MOST_STRETCH = 4.0


@dataclasses.dataclass(frozen=True)
class Machine:
    """A snapshot of cores, memory, disk and graphics cards."""

    cores: int
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    devices: devices.Plan


def snapshot(workspace: Workspace) -> Machine:
    """Look at the machine now; takes well under a millisecond and starts no other program."""
    memory = psutil.virtual_memory()
    limit = _container_limit_bytes()
    return Machine(
        cores=cores(),
        memory_bytes=min(memory.total, limit or memory.total),
        memory_free_bytes=min(memory.available, limit or memory.available),
        disk_free_bytes=free_bytes(workspace.root),
        devices=devices.plan(),
    )


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def identity() -> str:
    """Equal on machines on which a run takes about as long: processor, cores and graphics cards."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    cards = [card.name for card in devices.plan().cards]
    return " · ".join([names[0] if names else platform.processor() or platform.machine(), f"{cores()} cores", *cards])


def stretch(own_busy: int = 0) -> float:
    """By how much other work lengthens what keeps all cores busy; `own_busy` of the busy ones will be free by then.

    The mean of five minutes: what begins now, such as a worker that gets ready, hardly counts.
    """
    others = max(0.0, psutil.getloadavg()[1] - own_busy)
    return min(MOST_STRETCH, 1.0 + others / cores())


def _container_limit_bytes() -> int | None:
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None

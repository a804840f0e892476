"""Who is alive: file locks that end with their process, and processes known by start time and boot.

No wall clock takes part, so a clock that jumps makes nobody look dead.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path

import psutil

if os.name == "nt":
    import msvcrt
else:
    import fcntl

_WINDOWS_LOCKED_BYTE = 1 << 30  # Far behind the content: Windows forbids reading what is locked.


@dataclasses.dataclass(frozen=True)
class ProcessId:
    """A process, told apart from a later one with the same number."""

    pid: int
    started: float
    boot: str

    @classmethod
    def own(cls) -> ProcessId:
        return cls(os.getpid(), start_of(os.getpid()), boot_id())

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> ProcessId | None:
        """The process that a file names; None where it can't be told."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def alive(self) -> bool:
        """Whether this very process still runs on this machine."""
        with contextlib.suppress(psutil.Error, OSError):
            return self.boot == boot_id() and start_of(self.pid) == self.started
        return False


class FileLock:
    """An exclusive lock on a file, held until released or the process ends, however it ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    @classmethod
    def take(cls, path: Path, wait_s: float = 0.0, content: str = "") -> FileLock | None:
        """Lock `path`, made where missing, and write `content`; None when another holds it."""
        give_up_at = time.monotonic() + wait_s
        while True:
            lock = cls(path, os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            locked = _lock(lock._handle)
            # Between opening and locking somebody may have removed the file, as `remove` does.
            if locked and lock.in_place():
                os.ftruncate(lock._handle, 0)
                os.write(lock._handle, content.encode())
                return lock
            lock.release()
            if not locked:
                if time.monotonic() >= give_up_at:
                    return None
                time.sleep(0.02)

    @classmethod
    def inherit(cls, path: Path, handle: int) -> FileLock:
        """Go on holding the lock that the process which started this one took."""
        os.set_inheritable(handle, False)
        return cls(path, handle)

    def handle(self) -> int:
        """What a child process may be given, so that the lock never lies free in between."""
        return self._handle

    def in_place(self) -> bool:
        """Whether the file locked is still the one at the path: the workspace wasn't deleted."""
        try:
            return os.path.samestat(os.fstat(self._handle), self.path.stat())
        except OSError:
            return False

    def remove(self) -> None:
        """Let go of it and delete its file, so that nobody is left with a lock on a file that is gone."""
        if os.name == "nt":  # Windows deletes no open file, nor one that another has opened meanwhile.
            self.release()
            with contextlib.suppress(PermissionError):
                self.path.unlink(missing_ok=True)
        else:
            self.path.unlink(missing_ok=True)
            self.release()

    def release(self) -> None:
        """Let go of it; the file stays, and a child that was given the handle keeps the lock."""
        os.close(self._handle)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; a missing file is held by nobody."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(handle)
    finally:
        os.close(handle)  # Gives the lock back where it was got.


def owner_lock(folder: Path, owner: str) -> Path:
    return folder / f"worker-{owner}.lock"


def take_owner_lock(folder: Path, owner: str) -> FileLock | None:
    """Lock the file that says a worker lives, and write into it which process it is."""
    # Whoever looks whether it is held holds it for an instant.
    return FileLock.take(owner_lock(folder, owner), wait_s=1.0, content=ProcessId.own().to_json())


def owner_process(folder: Path, owner: str) -> ProcessId | None:
    """The process that wrote the owner's lock file."""
    return ProcessId.read(owner_lock(folder, owner))


def _lock(handle: int) -> bool:
    try:
        if os.name == "nt":
            os.lseek(handle, _WINDOWS_LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def boot_id() -> str:
    """What tells this start of the machine from the one before."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"  # There the start time, kept by the kernel, must do.


def start_of(pid: int) -> float:
    """When a process began. Raises psutil.NoSuchProcess, OSError.

    On Linux in ticks since the boot, which a change of the clock doesn't move.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        return float(stat.read_text().rpartition(")")[2].split()[19])
    return psutil.Process(pid).create_time()

"""Every path of a workspace in one place; passed along, never a global."""

from __future__ import annotations

import contextlib
import dataclasses
import mmap
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

UNLISTED_FILE = ".unlisted"


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A folder that holds all data of the workbench; nothing is written outside it."""

    root: Path

    @classmethod
    def from_env(cls) -> Workspace:
        """The folder named by `TLCORE_HOME`, or `./workspace`."""
        return cls(Path(os.environ.get("TLCORE_HOME") or "workspace").resolve())

    def create(self) -> Workspace:
        """Make the folders that are missing; safe to call again."""
        for folder in (self.datasets, self.weights, self.runs, self.cache, self.uploads, self.collections, self.locks):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    @property
    def store_url(self) -> str:
        return os.environ.get("TLCORE_STORE_URL") or f"sqlite:///{self.root / 'store.db'}"

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    def dataset(self, dataset_id: str) -> Path:
        return self.datasets / dataset_id

    def unlisted(self, dataset_id: str) -> Path:
        """Lies in a dataset's folder until the store lists it; names the process that adds it."""
        return self.dataset(dataset_id) / UNLISTED_FILE

    @property
    def weights(self) -> Path:
        """Weights from elsewhere, a folder each."""
        return self.root / "weights"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def run(self, run_id: int) -> Path:
        return self.runs / f"{int(run_id):06d}"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def activations(self) -> Path:
        return self.cache / "activations"

    @property
    def compiled(self) -> Path:
        """Backbones converted for OpenVINO, by the hash of their weights."""
        return self.cache / "openvino"

    @property
    def cache_settings(self) -> Path:
        """How much disk the cache may take; beside the cache, which may be deleted as a whole."""
        return self.root / "cache.json"

    @property
    def cache_lock(self) -> Path:
        """Held by whoever makes room in the cache."""
        return self.locks / "cache.lock"

    @property
    def rehearsals(self) -> Path:
        """What workers that get ready leave for a moment."""
        return self.cache / "rehearsals"

    @property
    def uploads(self) -> Path:
        """Files received from a browser until a job has read them; named by hash."""
        return self.root / "uploads"

    @property
    def collections(self) -> Path:
        """Pictures taken with the camera that aren't a dataset yet, a folder each."""
        return self.root / "collections"

    @property
    def locks(self) -> Path:
        """One file a worker, locked for as long as the worker lives."""
        return self.root / "locks"

    @property
    def wake(self) -> Path:
        """Touched when a job is submitted, so that the supervisor looks at once."""
        return self.locks / "wake"

    @property
    def supervisor_lock(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "supervisor.log"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and takes the name `path`.

    On any exception the temporary file is removed and `path` is as it was.
    """
    # Two threads may write the same path at once: the later one to finish wins, both whole.
    temporary = path.with_name(f".writing-{os.getpid()}-{uuid.uuid4().hex}-{path.name}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        if os.name == "posix":  # Windows has no handle on a folder to sync.
            _sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def give_back(mapping: mmap.mmap) -> None:
    """Let go of a file's pages that were read: they'd count as this process's memory, though the system keeps them anyway."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def folder_bytes(folder: Path) -> int:
    """Bytes taken by the files below `folder`; files that vanish meanwhile count as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free

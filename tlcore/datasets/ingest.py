"""A plan of pictures becomes a dataset on disk: decoded on all cores, counted, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
from pydantic import BaseModel

from tlcore import locks
from tlcore.datasets import quality
from tlcore.datasets.bounded import bounded_memory, decoding_bytes
from tlcore.datasets.dataset import ABOUT_FILE, NO_BURST, OFFICIAL, SCHEMA, TABLE_FILE, Dataset
from tlcore.datasets.layout import refuse_few, shown
from tlcore.datasets.stored import Stored
from tlcore.errors import InputError, ResourceError
from tlcore.machine import cores
from tlcore.workspace import UNLISTED_FILE, Workspace, free_bytes, whole_file

if TYPE_CHECKING:
    from tlcore.reporter import Reporter

ITEMS_A_TASK, BYTES_A_TASK = 64, 8 << 20
ROWS_A_BATCH, BYTES_A_BATCH = 4096, 32 << 20
SPARE_BYTES = 64 << 20


@dataclass(frozen=True)
class Plan:
    """Pictures that are to become a dataset, in order, and how to get at them."""

    where: str  # Names the source in messages.
    source: str  # Names it on pages.
    classes: tuple[str, ...]
    names: Sequence[str]  # Of each picture, for messages.
    labels: Sequence[int]
    official: Sequence[str]
    read: Callable[[int], Any]  # Called in order, in one thread; what it gives goes to `store`.
    store: Callable[[Any, str], Stored]  # Called in many threads.
    estimated_bytes: int
    skipped: Counter[str] = field(default_factory=Counter)
    bursts: Sequence[int] = ()  # Of each picture, or none at all: those taken in one go have the same, see dataset.NO_BURST.
    foreign: bool = False  # Files of strangers, which are decoded within bounds.
    begun: float = 0.0  # Share of the job that was done in making the plan.


class About(BaseModel):
    """The small JSON beside the table."""

    id: str
    name: str
    classes: tuple[str, ...]
    source: str
    created_at: str
    report: quality.Report


def ingest(plan: Plan, name: str, workspace: Workspace, reporter: Reporter) -> Dataset:
    """Write the plan's pictures as a new dataset and open it.

    The folder is marked as unlisted until the store takes the mark away.
    Raises: InputError where too little is usable, ResourceError where the disk is too small,
    and what `reporter.check` raises; nothing is left on disk then.
    """
    sweep(workspace)
    _refuse_small_disk(plan, workspace)
    started = time.perf_counter()
    dataset_id = f"{_slug(name)}-{secrets.token_hex(4)}"
    reporter.phase("decode")
    with _new_folder(workspace, dataset_id) as folder:
        try:
            with bounded_memory(decoding_bytes(cores())) if plan.foreign else contextlib.nullcontext():
                taken = _write_table(plan, folder / TABLE_FILE, reporter)
            taken.refuse_unusable()
            report = taken.report(time.perf_counter() - started, (folder / TABLE_FILE).stat().st_size)
            about = About(id=dataset_id, name=name, classes=plan.classes, source=plan.source, created_at=datetime.now(UTC).isoformat(timespec="seconds"), report=report)
            with whole_file(folder / ABOUT_FILE) as temporary:
                temporary.write_text(about.model_dump_json(indent=1), encoding="utf-8")
        except MemoryError as error:
            raise ResourceError(f"{plan.where}: needs more memory than an import may take. Scale its pictures down, or add them in parts.") from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise ResourceError(f"{plan.where}: the disk is full. Free some space, then add it again.") from error
        reporter.check()
    for sentence in report.sentences():
        reporter.log(sentence)
    return Dataset.open(workspace.dataset(dataset_id))


def sweep(workspace: Workspace) -> None:
    """Remove what imports that were killed have left; those under way hold a lock."""
    for left in workspace.datasets.glob(".adding-*"):
        lock = locks.FileLock.take(workspace.locks / f"{left.name[1:]}.lock")
        if lock:
            shutil.rmtree(left, ignore_errors=True)
            lock.remove()


@contextlib.contextmanager
def _new_folder(workspace: Workspace, dataset_id: str) -> Iterator[Path]:
    """A temporary folder that takes its final name at the end, or vanishes on any exception."""
    workspace.create()
    temporary = workspace.datasets / f".adding-{dataset_id}"
    lock = locks.FileLock.take(workspace.locks / f"adding-{dataset_id}.lock")
    try:
        temporary.mkdir()
        (temporary / UNLISTED_FILE).write_text(locks.ProcessId.own().to_json())
        yield temporary
        temporary.rename(workspace.dataset(dataset_id))
        if os.name == "posix":  # Windows has no handle on a folder to sync.
            handle = os.open(workspace.datasets, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        if lock:
            lock.remove()


class Row(NamedTuple):
    """What is remembered of a stored picture until the report is written."""

    place: int  # In the plan.
    content_id: bytes
    width: int
    height: int


class _Taken:
    """What was taken and what was left out, picture by picture."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rows: list[Row] = []
        self._unreadable: list[tuple[str, str]] = []
        self._notes: Counter[str] = Counter()

    def add(self, place: int, stored: Stored) -> None:
        self._rows.append(Row(place, stored.content_id, stored.width, stored.height))
        self._notes.update(stored.notes)

    def leave_out(self, place: int, reason: str) -> None:
        self._unreadable.append((shown(self._plan.names[place]).strip("'"), reason))

    def refuse_unusable(self) -> None:
        plan = self._plan
        if not self._rows:
            name, reason = self._unreadable[0]
            raise InputError(f"{plan.where}: none of its {len(self._unreadable):,} files is a usable picture; the first, '{name}': {reason}")
        refuse_few(self._counts(), plan.where)

    def _labels(self) -> list[int]:
        return [self._plan.labels[row.place] for row in self._rows]

    def _counts(self) -> dict[str, int]:
        return quality.class_counts(self._labels(), self._plan.classes)

    def _named(self, row: int) -> str:
        place = self._rows[row].place
        return f"{shown(self._plan.names[place])} ({self._plan.classes[self._plan.labels[place]]})"

    def report(self, seconds: float, size_bytes: int) -> quality.Report:
        plan, rows = self._plan, self._rows
        repeats = quality.repeats([row.content_id for row in rows], self._labels())
        by_size = sorted({(row.width, row.height) for row in rows}, key=lambda size: size[0] * size[1])
        official = Counter(plan.official[row.place] for row in rows)
        return quality.Report(
            kept=len(rows),
            counts=self._counts(),
            official={part: official[part] for part in OFFICIAL[1:] if official[part]},
            skipped=dict(plan.skipped),
            unreadable=tuple(self._unreadable[: quality.MOST_LISTED]),
            unreadable_count=len(self._unreadable),
            duplicates=len(repeats.duplicates),
            conflicts=len(repeats.conflicts),
            conflicting=tuple((self._named(a), self._named(b)) for a, b in repeats.conflicts[: quality.MOST_LISTED]),
            bursts=len({plan.bursts[row.place] for row in rows} - {NO_BURST}) if plan.bursts else 0,
            tiny=quality.tiny([row.width for row in rows], [row.height for row in rows]),
            notes=dict(self._notes),
            smallest=by_size[0],
            largest=by_size[-1],
            seconds=round(seconds, 3),
            bytes=size_bytes,
        )


def _write_table(plan: Plan, path: Path, reporter: Reporter) -> _Taken:
    """Decode everything and write the Arrow file, batch by batch, so that memory stays small."""
    taken = _Taken(plan)
    with whole_file(path) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
        batch: list[tuple[int, Stored]] = []
        batch_bytes = 0
        for place, stored in _stored_in_order(plan, reporter):
            if isinstance(stored, str):
                taken.leave_out(place, stored)
                continue
            taken.add(place, stored)
            batch.append((place, stored))
            batch_bytes += len(stored.data)
            if len(batch) >= ROWS_A_BATCH or batch_bytes >= BYTES_A_BATCH:
                writer.write_batch(_batch(plan, batch))
                batch, batch_bytes = [], 0
        if batch:
            writer.write_batch(_batch(plan, batch))
    return taken


def _batch(plan: Plan, rows: Sequence[tuple[int, Stored]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "image": [stored.data for _, stored in rows],
            "label": [plan.labels[place] for place, _ in rows],
            "width": [stored.width for _, stored in rows],
            "height": [stored.height for _, stored in rows],
            "content_id": [stored.content_id for _, stored in rows],
            "official": [OFFICIAL.index(plan.official[place]) for place, _ in rows],
            "burst": [plan.bursts[place] if plan.bursts else NO_BURST for place, _ in rows],
        },
        schema=SCHEMA,
    )


def _stored_in_order(plan: Plan, reporter: Reporter) -> Iterator[tuple[int, Stored | str]]:
    """Each picture in its stored form, or why it is left out; a bounded number waits in memory."""
    pool = ThreadPoolExecutor(cores())
    pending: deque[Future[list[tuple[int, Stored | str]]]] = deque()
    total = len(plan.names)
    try:
        for task in _tasks(plan):
            pending.append(pool.submit(_store_all, plan, task))
            if len(pending) > 2 * cores():
                yield from _reported(pending.popleft().result(), plan, total, reporter)
        while pending:
            yield from _reported(pending.popleft().result(), plan, total, reporter)
    finally:
        pool.shutdown(cancel_futures=True)


def _reported(done: list[tuple[int, Stored | str]], plan: Plan, total: int, reporter: Reporter) -> list[tuple[int, Stored | str]]:
    reporter.check()
    count = done[-1][0] + 1
    reporter.progress(plan.begun + (1 - plan.begun) * count / total, f"{count:,} of {total:,} pictures")
    return done


def _tasks(plan: Plan) -> Iterator[list[tuple[int, Any]]]:
    """Portions of (place, payload or OSError), small in number and in bytes."""
    task: list[tuple[int, Any]] = []
    task_bytes = 0
    for place in range(len(plan.names)):
        try:
            payload = plan.read(place)
        except OSError as error:
            payload = error
        else:
            task_bytes += memoryview(payload).nbytes
        task.append((place, payload))
        if len(task) >= ITEMS_A_TASK or task_bytes >= BYTES_A_TASK:
            yield task
            task, task_bytes = [], 0
    if task:
        yield task


def _store_all(plan: Plan, task: list[tuple[int, Any]]) -> list[tuple[int, Stored | str]]:
    done: list[tuple[int, Stored | str]] = []
    for place, payload in task:
        if isinstance(payload, OSError):
            done.append((place, f"can't be read: {payload.strerror or type(payload).__name__}."))
            continue
        try:
            done.append((place, plan.store(payload, "picture")))
        except InputError as error:
            done.append((place, str(error).removeprefix("picture: ")))
        except MemoryError:
            done.append((place, "needs more memory than an import may take. Scale it down first."))
    return done


def _refuse_small_disk(plan: Plan, workspace: Workspace) -> None:
    free = free_bytes(workspace.datasets)
    wanted = plan.estimated_bytes + SPARE_BYTES
    if wanted > free:
        raise ResourceError(
            f"{plan.where}: needs about {wanted / 1e9:.2f} GB on disk, and {free / 1e9:.2f} GB are free. Free some space, then add it again."
        )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "dataset"

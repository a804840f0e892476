"""What the activation cache holds and how much room it may take: seen, bounded, evicted, emptied.

Rows are removed segment by segment, the least recently used first, a converted network with the last use
of its key. What a living process has marked (`tlcore/in_use.py`) stays. Times order what is removed and
decide nothing else: whatever is gone is computed again.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from tlcore import cuts
from tlcore.activations import ActivationCache
from tlcore.amounts import ago, size
from tlcore.backbones import BACKBONES
from tlcore.budget import Budget, budget
from tlcore.cache_files import Found, Unit, look, remove
from tlcore.errors import ResourceError
from tlcore.locks import FileLock
from tlcore.workspace import Workspace, free_bytes

LOCK_WAIT_S = 10.0
LOWER = "lower backbone.input_size, split.train_fraction or freeze.trainable_blocks"
CONVERTED = "Converted network"
KINDS = {"avg": "pooled", "max": "pooled by maximum", "map": "feature maps"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """All that is kept under one key."""

    key: str
    about: dict[str, Any]
    pictures: int
    rows_bytes: int
    network_bytes: int
    used_at: float
    in_use: bool

    @property
    def bytes(self) -> int:
        return self.rows_bytes + self.network_bytes

    @property
    def name(self) -> str:
        """What the key stands for: `MobileNetV2 · 96 px · pooled`."""
        return name_of(self.about) if self.rows_bytes or self.about else CONVERTED

    def details(self, now: float | None = None) -> str:
        """`60,000 pictures, 307 MB, used 2 h ago`."""
        pictures = [f"{self.pictures:,} picture{'' if self.pictures == 1 else 's'}"] if self.pictures else []
        return ", ".join([*pictures, size(self.bytes), "in use now" if self.in_use else f"used {ago(self.used_at, now)}"])


@dataclasses.dataclass(frozen=True)
class Contents:
    """The cache as it is now; entries by size, the largest first."""

    entries: tuple[Entry, ...]
    bytes: int
    budget: Budget

    @property
    def text(self) -> str:
        return f"{size(self.bytes)} of {self.budget.text}"


@dataclasses.dataclass(frozen=True)
class Removed:
    """What was removed, by the name of what it was; after emptying also what stayed because it is in use."""

    by_name: dict[str, int]
    kept_bytes: int = 0

    @property
    def bytes(self) -> int:
        return sum(self.by_name.values())

    @property
    def text(self) -> str:
        kept = f" {size(self.kept_bytes)} stay: runs that are going on use them." if self.kept_bytes else ""
        if not self.by_name:
            return f"Nothing was removed.{kept}"
        parts = [f"{name} ({size(bytes_)})" for name, bytes_ in sorted(self.by_name.items(), key=lambda pair: -pair[1])]
        more = f" and {len(parts) - 5} more" if len(parts) > 5 else ""
        return f"Removed {size(self.bytes)} from the activation cache: {', '.join(parts[:5])}{more}.{kept}"


def contents(workspace: Workspace) -> Contents:
    """What is there now; walks the folders. Raises InputError for a budget that can't be read."""
    found = look(workspace)
    by_key: dict[str, list[Unit]] = collections.defaultdict(list)
    for unit in found.units:
        by_key[unit.key].append(unit)
    entries = [_entry(key, units, found) for key, units in by_key.items() if key]
    return Contents(tuple(sorted(entries, key=lambda entry: (-entry.bytes, entry.key))), found.bytes, budget(workspace))


def check_budget(workspace: Workspace, needed_bytes: int, what: str) -> None:
    """Raise ResourceError when `needed_bytes` exceed the whole budget, however empty the cache."""
    limit = budget(workspace)
    if needed_bytes > limit.bytes:
        raise ResourceError(
            f"The activations of {what} need {size(needed_bytes)}, and the cache may take {limit.text} in all ({limit.origin}). "
            f"Either {limit.remedy}, or {LOWER}."
        )


def make_room(
    workspace: Workspace, rows: ActivationCache, ids: Sequence[bytes], needed_bytes: int, what: str, log: Callable[[str], None] = lambda message: None
) -> None:
    """See to it that `needed_bytes` more rows of `what` may be written into `rows`, beside those of `ids`.

    Rows that are stored already for `ids` stay; others make room by their last use, within the budget and
    the disk. The room stays reserved as long as `rows` or what it gave is used.
    Raises ResourceError, with nothing removed, when that can't be.
    """
    check_budget(workspace, needed_bytes, what)
    with _one_at_a_time(workspace):
        mark = rows.keep(ids)
        mark.reserve(0)
        found, limit = look(workspace), budget(workspace)
        waiting = found.reserved_bytes + needed_bytes
        beyond_budget, beyond_disk = found.bytes + waiting - limit.bytes, waiting - free_bytes(workspace.activations)
        removable = sum(unit.bytes for unit in found.units if not unit.kept)
        if beyond_disk > removable:
            raise ResourceError(
                f"The disk is too full: the activations of {what} need {size(needed_bytes)}, and {size(max(0, needed_bytes - beyond_disk + removable))} can be had, "
                f"older activations included. Free some space, or {LOWER}."
            )
        if beyond_budget > removable:
            raise ResourceError(
                f"The activations of {what} need {size(needed_bytes)}, and runs that are going on use {size(limit.bytes - needed_bytes + beyond_budget - removable)} "
                f"of the {limit.text} that the cache may take ({limit.origin}). Wait for their end, {limit.remedy}, or {LOWER}."
            )
        removed = _named(found, remove(found, max(beyond_budget, beyond_disk)))
        mark.reserve(needed_bytes)
    if removed.bytes:
        log(removed.text)


def evict(workspace: Workspace, needed_bytes: int = 0, protect: Collection[str] = ()) -> Removed:
    """Remove the least recently used until `needed_bytes` more fit into the budget, or nothing is left to remove.

    protect: keys that stay, beside what living processes use.
    """
    limit = budget(workspace)
    with _one_at_a_time(workspace):
        found = look(workspace, protect)
        return _named(found, remove(found, found.bytes + found.reserved_bytes + needed_bytes - limit.bytes))


def clear(workspace: Workspace) -> Removed:
    """Remove everything that no living process uses."""
    with _one_at_a_time(workspace):
        found = look(workspace)
        removed = _named(found, remove(found, found.bytes + 1))
        return dataclasses.replace(removed, kept_bytes=sum(unit.bytes for unit in found.units if unit.kept))


def name_of(about: dict[str, Any]) -> str:
    """What a key stands for, in words."""
    if not about:
        return "Not described"
    if about.get("kind") == "pixels":
        return f"Decoded pictures · {about.get('input_size', '?')} px"
    parts = [str(about.get("backbone", "?")), f"{about.get('input_size', '?')} px", KINDS.get(str(about.get("kind")), str(about.get("kind")))]
    spec = BACKBONES.get(str(about.get("backbone")))
    if spec is not None and about.get("kind") == "map" and about.get("cut") in spec.block_ends:
        above = len(spec.blocks) - 1 - spec.block_ends.index(str(about["cut"]))
        parts[-1] += (f" below the top {above} blocks" if above > 1 else " below the top block") if above else " of the last block"
        parts[-1] += " in float32" if about.get("dtype") == "float32" else ""
    if about.get("view") is not None:
        parts.append(f"changed view {about['view']}")
    if about.get("engine") == "tensorflow":
        parts.append("by TensorFlow")
    if any(library in about and about[library] != cuts.version(library) for library in cuts.LIBRARIES):
        parts.append("of other library versions")
    return " · ".join(parts)


def _entry(key: str, units: list[Unit], found: Found) -> Entry:
    rows_bytes = sum(unit.bytes for unit in units if not unit.network)
    pictures = rows_bytes // found.stored_bytes[key] if key in found.stored_bytes else 0
    used_at, network_bytes = max(unit.used_at for unit in units), sum(unit.bytes for unit in units) - rows_bytes
    return Entry(key, found.abouts.get(key, {}), pictures, rows_bytes, network_bytes, used_at, found.marks[key].held)


def _named(found: Found, units: list[Unit]) -> Removed:
    by_name: dict[str, int] = collections.defaultdict(int)
    for unit in units:
        by_name[CONVERTED if unit.network else name_of(found.abouts.get(unit.key, {}))] += unit.bytes
    return Removed(dict(by_name))


@contextlib.contextmanager
def _one_at_a_time(workspace: Workspace) -> Iterator[None]:
    """So that two who make room count the same bytes once; after a while it goes on without, which only removes more."""
    workspace.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock.take(workspace.cache_lock, wait_s=LOCK_WAIT_S)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()

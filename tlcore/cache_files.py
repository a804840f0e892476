"""The files of the cache: what may be removed together, when it was last used, and its removal."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from tlcore.activations import STALE_S, read_layout
from tlcore.in_use import Marks, read_marks
from tlcore.workspace import Workspace

WRITING = ".writing-"
ONWARD = "-onward"  # Ends the name of a network that goes on from stored maps; its key comes before.


class File(NamedTuple):
    path: Path
    bytes: int
    changed_at: float


@dataclasses.dataclass(frozen=True)
class Unit:
    """Files that are removed together: a segment, a converted network, or what a killed worker had half written."""

    key: str
    paths: tuple[Path, ...]
    bytes: int
    used_at: float
    kept: bool
    network: bool = False


@dataclasses.dataclass(frozen=True)
class Found:
    """One look at the folders; what is known of each key, where anything is."""

    units: tuple[Unit, ...]
    bytes: int
    folders: tuple[Path, ...]
    marks: dict[str, Marks]
    abouts: dict[str, dict[str, Any]]
    stored_bytes: dict[str, int]

    @property
    def reserved_bytes(self) -> int:
        """What living processes are about to write."""
        return sum(marks.reserved_bytes for marks in self.marks.values())


def look(workspace: Workspace, protect: Collection[str] = ()) -> Found:
    """What is there now; units in use, or under a key of `protect`, are kept."""
    # Files before marks: whoever marks later knows none of these files but by its memory map.
    folders = _folders(workspace.activations)
    rows = {folder.name: _files(folder) for folder in folders}
    networks: dict[str, list[File]] = collections.defaultdict(list)
    for file in _files(workspace.compiled):
        networks[file.path.name.split(".")[0].removesuffix(ONWARD)].append(file)
    unfinished = [*networks.pop("", ()), *(file for files in rows.values() for file in files if file.path.name.startswith(WRITING))]
    marks = {key: read_marks(workspace.activations / key) for key in {*rows, *networks}}

    units = [
        Unit(key, (file.path,), file.bytes, file.changed_at, key in protect or file.path.name in marks[key].names)
        for key, files in rows.items() for file in files if file.path.suffix == ".rows"
    ]
    last_used: dict[str, float] = collections.defaultdict(float)
    for unit in units:
        last_used[unit.key] = max(last_used[unit.key], unit.used_at)
    units += [_network(key, files, last_used[key], key in protect or marks[key].held) for key, files in networks.items()]
    units += [Unit("", (file.path,), file.bytes, 0.0, False) for file in unfinished if abs(time.time() - file.changed_at) > STALE_S]

    layouts = {key: read_layout(workspace.activations / key) for key in rows}
    return Found(
        tuple(units),
        sum(file.bytes for files in [*rows.values(), *networks.values()] for file in files) + sum(file.bytes for file in unfinished if file.path.parent == workspace.compiled),
        tuple(folders),
        marks,
        {key: {**about, "dtype": layout.dtype} if layout and about else about for key, (layout, about) in layouts.items()},
        {key: layout.stored_bytes for key, (layout, _) in layouts.items() if layout is not None},
    )


def remove(found: Found, bytes_: int) -> list[Unit]:
    """Remove units that aren't kept, the least recently used first, until `bytes_` are free; say which."""
    gone: list[Unit] = []
    for unit in sorted(found.units, key=lambda unit: (unit.used_at, unit.paths)):
        if bytes_ <= 0:
            break
        if not unit.kept and _unlinked(unit):
            gone.append(unit)
            bytes_ -= unit.bytes
    if gone:
        for folder in found.folders:
            _remove_empty(folder)
    return gone


def _network(key: str, files: list[File], rows_used_at: float, kept: bool) -> Unit:
    # The .xml, without which nobody takes the network, goes first.
    paths = tuple(sorted((file.path for file in files), key=lambda path: path.suffix != ".xml"))
    used_at = max(rows_used_at, *(file.changed_at for file in files))
    return Unit(key, paths, sum(file.bytes for file in files), used_at, kept, network=True)


def _unlinked(unit: Unit) -> bool:
    """Whether its files are gone; where files can't be removed while open (Windows), those in use stay."""
    with contextlib.suppress(PermissionError):
        for path in unit.paths:
            path.unlink(missing_ok=True)
        return True
    return False


def _remove_empty(folder: Path) -> None:
    """Remove a folder without rows that nobody uses."""
    with contextlib.suppress(OSError):
        if next(folder.glob("*.rows"), None) is None and not read_marks(folder).held:
            (folder / "layout.json").unlink(missing_ok=True)
            folder.rmdir()


def _folders(parent: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _files(folder: Path) -> list[File]:
    """Files of a folder; those that vanish meanwhile are left out."""
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False):
                    state = entry.stat(follow_symlinks=False)
                    found.append(File(Path(entry.path), state.st_size, state.st_mtime))
    return found

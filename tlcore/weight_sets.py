"""Weights of a backbone that came from elsewhere: a file, or the trunk of a finished run. No TensorFlow.

Like a dataset a weight set is immutable and named by its content: one `.npz` with a key `layer/weight`
for each array, and a small JSON that says what it is and what it has been trained on.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlcore.backbones import ELSEWHERE
from tlcore.config import BackboneConfig
from tlcore.errors import ConflictError, NotFoundError
from tlcore.workspace import Workspace, whole_file

ABOUT_FILE, ARRAYS_FILE = "about.json", "weights.npz"
UNFINISHED = ".writing-"


@dataclasses.dataclass(frozen=True)
class Training:
    """One thing that weights have been trained on: a dataset here, by a run, or something that is known by name only."""

    what: str
    dataset_id: str | None = None
    run: int | None = None

    def __str__(self) -> str:
        return self.what if self.run is None else f"{self.what} (run {self.run})"


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of each layer of the backbone when the weights were read; all but `mismatched` are layers' names.

    missing: the file lacks them, and mismatched: their shapes differ; both keep random weights.
    unused: layers of the file that the backbone doesn't have, such as a classifier.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = {"loaded": self.loaded, "missing": self.missing, "of another shape": self.mismatched, "not needed": self.unused}
        return ", ".join(f"{len(names)} {word}" for word, names in parts.items() if names or word == "loaded")


@dataclasses.dataclass(frozen=True)
class WeightSet:
    """Weights for one backbone, and where they came from.

    origin: a file's name, or `run 7`; sha256: of that file, or of the run's checkpoint.
    content: SHA-256 of the arrays: equal for equal weights, wherever they came from.
    """

    id: str
    name: str
    backbone: str
    origin: str
    sha256: str
    content: str
    trained_on: tuple[Training, ...]
    report: Report
    created_at: str  # ISO 8601, UTC.
    folder: Path
    run: int | None = None

    @property
    def arrays(self) -> Path:
        return self.folder / ARRAYS_FILE

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "folder": self.folder.name, "bytes": self.arrays.stat().st_size}


def listed(workspace: Workspace, backbone: str | None = None) -> list[WeightSet]:
    """The weight sets of a workspace, or those for one backbone, by name."""
    folders = [path.parent for path in workspace.weights.glob(f"[!.]*/{ABOUT_FILE}")]
    found = [each for folder in folders if (each := _read(folder)) is not None]
    return sorted((each for each in found if backbone in (None, each.backbone)), key=lambda each: each.name)


def _read(folder: Path) -> WeightSet | None:
    try:
        return _parsed(folder, (folder / ABOUT_FILE).stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # Deleted in this instant, or not ours.


@functools.lru_cache(maxsize=256)
def _parsed(folder: Path, _modified_ns: int) -> WeightSet:
    """The set in a folder; it is immutable, but a deleted one may be made again."""
    about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    about.pop("bytes", None)
    report = Report(**{name: tuple(names) for name, names in about["report"].items()})
    return WeightSet(**{**about, "folder": folder, "report": report, "trained_on": tuple(Training(**each) for each in about["trained_on"])})


def find(workspace: Workspace, name_or_id: str) -> WeightSet:
    """A weight set by its id, or else by its name. Raises NotFoundError naming those that exist."""
    every = listed(workspace)
    for attribute in ("id", "name"):
        for each in every:
            if getattr(each, attribute) == name_or_id:
                return each
    names = ", ".join(each.name for each in every[:20]) or "none yet"
    raise NotFoundError(f"weight set '{name_or_id[:60]}' not found. Weight sets here: {names}.")


def of_run(workspace: Workspace, run_id: int) -> WeightSet | None:
    """The trunk of a run, where it was taken out already."""
    return next((each for each in listed(workspace) if each.run == run_id), None)


def chosen(config: BackboneConfig, workspace: Workspace) -> WeightSet | None:
    """The weight set that a run takes; None where its weights are a backbone's own. Raises NotFoundError."""
    if config.weights not in ELSEWHERE:
        return None
    if config.run is None:
        return find(workspace, str(config.weight_set))
    found = of_run(workspace, config.run)
    if found is None:
        raise NotFoundError(f"the weights of run {config.run} have not been taken out of it. Add them with `python -m tlcore weights add --run {config.run}`.")
    return found


def made_already(config: BackboneConfig, workspace: Workspace) -> WeightSet | None:
    """The same, and None where it isn't here yet: a run takes another one's trunk out when it starts."""
    try:
        return chosen(config, workspace)
    except NotFoundError:
        return None


def write(workspace: Workspace, about: Mapping[str, Any], save: Callable[[Path], None]) -> WeightSet:
    """Add a set, whole or not at all; `save` writes its arrays. Gives the one that is here already where it is the same.

    about: all of WeightSet but id, created_at and folder. Raises ConflictError where the name is taken.
    """
    facts = ("backbone", "origin", "sha256", "content", "run")
    set_id = hashlib.sha256(json.dumps([about.get(fact) for fact in facts]).encode()).hexdigest()[:32]
    target = workspace.weights / set_id
    if (same := _read(target)) is not None:
        return same
    if any(each.name == about["name"] for each in listed(workspace)):
        raise ConflictError(f"A weight set named '{about['name']}' exists already. Choose another name.")
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = WeightSet(**{"run": None, **about, "id": set_id, "created_at": created, "folder": target})
    temporary = workspace.weights / f"{UNFINISHED}{os.getpid()}-{uuid.uuid4().hex}"
    temporary.mkdir(parents=True)
    try:
        with whole_file(temporary / ARRAYS_FILE) as path:
            save(path)
        with whole_file(temporary / ABOUT_FILE) as path:
            path.write_text(json.dumps({**dataclasses.asdict(made), "folder": set_id}, indent=1, ensure_ascii=False), encoding="utf-8")
        temporary.rename(target)
    except OSError:
        if (same := _read(target)) is None:  # Otherwise another job was faster with the same.
            raise
        return same
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return made


def in_words(trained_on: Sequence[Training]) -> str:
    """`ImageNet-1k → digits (run 3)`."""
    return " → ".join(map(str, trained_on)) or "unknown"

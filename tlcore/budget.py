"""How much disk the activation cache may take: asked for, set, and the sentences when it doesn't suffice."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from typing import Literal

from tlcore.amounts import size
from tlcore.errors import ConflictError, InputError
from tlcore.workspace import Workspace, whole_file

ENVIRONMENT = "TLCORE_CACHE_GB"
GB = 10**9
MOST_BY_DEFAULT_BYTES = 50 * GB
SHARE_OF_DISK = 0.2
LEAST_BYTES, MOST_BYTES = 10**6, 10**15
Source = Literal["environment", "setting", "default"]


@dataclasses.dataclass(frozen=True)
class Budget:
    """Most bytes that the cache may take, and who said so."""

    bytes: int
    source: Source

    @property
    def text(self) -> str:
        """`50 GB`, `0.25 GB`."""
        return f"{round(self.bytes / GB, 3):,g} GB" if self.bytes >= LEAST_BYTES else size(self.bytes)

    @property
    def origin(self) -> str:
        return {"environment": f"set by {ENVIRONMENT}", "setting": "set in this workspace", "default": "by default"}[self.source]

    @property
    def remedy(self) -> str:
        """How to raise it."""
        return f"raise {ENVIRONMENT}" if self.source == "environment" else "raise the budget (on Home, or with `python -m tlcore cache budget SIZE`)"


def budget(workspace: Workspace) -> Budget:
    """The environment's word first, then the workspace's, else a share of the disk. Raises InputError."""
    if text := os.environ.get(ENVIRONMENT, "").strip():
        return Budget(_from_environment(text), "environment")
    try:
        stored = json.loads(workspace.cache_settings.read_text())["budget_bytes"]
        return Budget(_checked(stored), "setting")
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return Budget(default_bytes(workspace), "default")


def set_budget(workspace: Workspace, bytes_: int | None) -> Budget:
    """Keep another budget in the workspace; None goes back to the default. Raises InputError, ConflictError."""
    if os.environ.get(ENVIRONMENT, "").strip():
        raise ConflictError(f"The budget of the cache is set by {ENVIRONMENT}. Change it there, or take it out of the environment.")
    if bytes_ is None:
        workspace.cache_settings.unlink(missing_ok=True)
    else:
        text = json.dumps({"budget_bytes": _checked(bytes_)})
        with whole_file(workspace.cache_settings) as path:
            path.write_text(text)
    return budget(workspace)


def default_bytes(workspace: Workspace) -> int:
    """50 GB, or a fifth of the disk where that is less, in whole GB."""
    share = shutil.disk_usage(workspace.root).total * SHARE_OF_DISK
    return min(MOST_BY_DEFAULT_BYTES, max(GB, int(share // GB) * GB))


def _checked(bytes_: int) -> int:
    if isinstance(bytes_, bool) or not isinstance(bytes_, int) or not LEAST_BYTES <= bytes_ <= MOST_BYTES:
        raise InputError("The budget of the cache must lie between 1 MB and 1,000 TB, such as 20GB.")
    return bytes_


def _from_environment(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= MOST_BYTES / GB:
        raise InputError(f"{ENVIRONMENT} is '{text[:40]}': give a number of gigabytes above 0, such as 20.")
    return int(value * GB)

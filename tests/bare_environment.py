"""python bare_environment.py requirements.txt SCRIPT …: run a script where only what the requirements bring can be imported.

As in an environment of its own into which they were installed, without the minutes that this takes.
"""

from __future__ import annotations

import importlib.metadata
import runpy
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def brought(requirements: list[str]) -> set[str]:
    """Names of the distributions that installing these brings."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        if name not in found and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
            found.add(name)
            waiting += [Requirement(line) for line in importlib.metadata.requires(name) or ()]
    return found


class Absent:
    """Finds nothing, and says of modules of other distributions that they aren't there."""

    def __init__(self, there: set[str]) -> None:
        owners = importlib.metadata.packages_distributions()
        self._absent = {module for module, of in owners.items() if not there & set(map(canonicalize_name, of))}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self._absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    _, requirements, *sys.argv = sys.argv
    sys.path[0] = str(Path.cwd())
    there = brought([line for line in Path(requirements).read_text().splitlines() if line and not line.startswith("#")])
    for name in [name for name in sys.modules if name.partition(".")[0] == "packaging"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Absent(there))  # type: ignore[arg-type]
    runpy.run_path(sys.argv[0], run_name="__main__")

"""Which file belongs to which class: folders as classes, inside wrappers and train/val/test."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from tlcore.errors import InputError

MAX_CLASS_NAME = 200
MAX_SHOWN_NAME = 120
FEWEST_A_CLASS = 2

_OFFICIAL = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_JUNK_FOLDERS = {"__MACOSX", ".git", ".ipynb_checkpoints"}
_JUNK_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
_ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"}
_OTHERS = {
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".htm", ".css", ".js",
    ".py", ".ipynb", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".log", ".ini", ".cfg", ".mat", ".npy", ".npz",
    ".pkl", ".pickle", ".h5", ".db", ".sqlite", ".mp4", ".mov", ".avi", ".mkv", ".webm", ".mp3", ".wav",
}  # fmt: skip

JUNK = "files of the operating system, such as .DS_Store, Thumbs.db or __MACOSX"
OTHER = "no pictures by their names, such as .txt or .csv"
OUTSIDE = "not in any class folder"


class Place(NamedTuple):
    """Where a file belongs: its number in the list given, label, and official folder ("" for none)."""

    file: int
    label: int
    official: str


class Layout(NamedTuple):
    classes: tuple[str, ...]
    places: list[Place]  # In the order of the names, whatever the order of the list.
    skipped: Counter[str]


def arrange(names: Sequence[str], where: str) -> Layout:
    """Sort relative paths, parts separated by "/", into classes.

    Raises: InputError where there are no pictures, fewer than two classes, a class with fewer than two
    files, an archive inside, or class names that can't be told apart or shown.
    """
    paths, skipped = pictures(names, where)
    if not paths:
        raise InputError(f"{where}: holds no pictures. Give one folder a class with JPEG, PNG, WebP, GIF or BMP files in it.")
    return _classes(_unwrapped(paths), skipped, where)


def pictures(names: Sequence[str], where: str) -> tuple[list[tuple[tuple[str, ...], int]], Counter[str]]:
    """What may be a picture, as the parts of its path with its number in the list, in order of the names; and what is left out.

    Raises: InputError for an archive inside.
    """
    skipped: Counter[str] = Counter()
    paths = []
    for index, name in enumerate(names):
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        kind = _kind(parts)
        if kind is None:
            paths.append((parts, index))
        elif kind == "archive":
            raise InputError(f"{where}: holds another archive, {shown(name)}. Unpack it into class folders first.")
        else:
            skipped[kind] += 1
    return sorted(paths), skipped


def shown(name: str) -> str:
    """A file's name as it may appear in a message: control characters and long names by their hash."""
    clean = "".join(c if unicodedata.category(c)[0] != "C" else "�" for c in name)
    if clean == name and len(name) <= MAX_SHOWN_NAME:
        return f"'{name}'"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"'{clean[:40]}…' (name with SHA-256 {digest})"


def refuse_few(counts: dict[str, int], where: str) -> None:
    """Raise InputError where a class has too few usable pictures to be learned and tested."""
    for name, count in counts.items():
        if count < FEWEST_A_CLASS:
            raise InputError(
                f"{where}: class '{name}' has {count} usable picture{'' if count == 1 else 's'}; at least {FEWEST_A_CLASS} are needed. "
                "Add pictures or remove the folder."
            )


def _kind(parts: tuple[str, ...]) -> str | None:
    """Why a file is left out; None for one that may be a picture."""
    name = parts[-1].lower() if parts else ""
    if not name or name in _JUNK_FILES or name.startswith(".") or not _JUNK_FOLDERS.isdisjoint(parts):
        return JUNK
    suffix = PurePosixPath(name).suffix
    if suffix in _ARCHIVES:
        return "archive"
    return OTHER if suffix in _OTHERS else None


def _unwrapped(paths: list[tuple[tuple[str, ...], int]]) -> list[tuple[tuple[str, ...], int]]:
    """Take off folders that hold everything, as long as class folders remain below them."""
    while True:
        # A stray picture beside the one folder doesn't make that folder a class.
        deep = [parts for parts, _ in paths if len(parts) > 1]
        first = {parts[0] for parts in deep}
        if len(first) != 1 or first.pop().lower() in _OFFICIAL or any(len(parts) < 3 for parts in deep):
            return paths
        paths = [(parts[1:] if len(parts) > 1 else (), index) for parts, index in paths]


def _classes(paths: Iterable[tuple[tuple[str, ...], int]], skipped: Counter[str], where: str) -> Layout:
    paths = list(paths)
    official = _is_divided([parts for parts, _ in paths])
    named: list[tuple[str, str, int]] = []  # Class, official folder, index.
    for parts, index in paths:
        if official and len(parts) > 2 and parts[0].lower() in _OFFICIAL:
            named.append((parts[1], _OFFICIAL[parts[0].lower()], index))
        elif not official and len(parts) > 1:
            named.append((parts[0], "", index))
        else:
            skipped[OUTSIDE] += 1
    counts = Counter(name for name, _, _ in named)
    _refuse_names(sorted(counts), where)
    if len(counts) < 2:
        found = f"one class, '{next(iter(counts))}'" if counts else "no class folders"
        raise InputError(f"{where}: holds {found}; two or more are needed. Give one folder a class.")
    refuse_few(dict(sorted(counts.items())), where)
    order = sorted(counts, key=_normal)
    label_of = {name: label for label, name in enumerate(order)}
    places = [Place(index, label_of[name], folder) for name, folder, index in named]
    return Layout(tuple(_normal(name) for name in order), places, skipped)


def _is_divided(paths: Sequence[tuple[str, ...]]) -> bool:
    """Whether the outer folders are train, val and test with classes inside, and not classes themselves.

    A test folder without classes beside them is common; a class called "train" beside others is possible.
    """
    outer = {parts[0].lower() for parts in paths if len(parts) > 1}
    deep = {parts[0].lower() for parts in paths if len(parts) > 2}
    parts_found = {_OFFICIAL[name] for name in deep & _OFFICIAL.keys()}
    return bool(parts_found) and (outer <= _OFFICIAL.keys() or len({_OFFICIAL[n] for n in outer & _OFFICIAL.keys()}) > 1)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _refuse_names(names: Sequence[str], where: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if len(name) > MAX_CLASS_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
            raise InputError(f"{where}: class folder {shown(name)} has control characters or over {MAX_CLASS_NAME} characters. Rename it.")
        alike = unicodedata.normalize("NFKC", name).casefold().strip()
        if alike in seen:
            raise InputError(
                f"{where}: class folders '{seen[alike]}' and '{name}' differ only in capitals, blanks or Unicode form. "
                "Rename one, or put their pictures together."
            )
        seen[alike] = name

"""Pictures taken class by class, kept in a folder until a dataset is made of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from tlcore.errors import ConflictError, InputError, NotFoundError, ResourceError
from tlcore.images import Looked, look_untrusted
from tlcore.locks import FileLock
from tlcore.workspace import Workspace, whole_file

BURST_GAP_S = 2.0  # Pictures of a class that follow each other sooner were taken in one burst.
BURSTS_NEEDED = 3  # One to learn from, one to choose the epoch by, one to test on.
KEPT_PX = 640
MOST_CLASSES, MOST_PICTURES = 20, 1_000
FIRST_NAMES = ("Class 1", "Class 2")
MAX_NAME = 80

_ABOUT_FILE = "collection.json"
_JPEG_QUALITY = 95
_LOCK_S = 10.0
_ID = re.compile(r"[0-9a-f]{12}")
_PICTURE = re.compile(r"(\d{6})-(\d{13})-([0-9a-f]{16})\.jpg")


class About(BaseModel):
    """What is known of a collection beside its pictures."""

    name: str
    classes: dict[int, str]  # By number: the folder of its pictures. In the order in which they were added.
    run: int | None = None  # The latest run that learnt from it.


class Shot(NamedTuple):
    """One frame of the camera as it came, and when it was taken: by the camera's clock, so that a slow way here parts no burst."""

    data: bytes
    at_ms: int


class Taken(NamedTuple):
    """A picture of a collection: its class and burst, when it was taken, and its file."""

    label: int
    burst: int
    at_ms: int
    path: Path

    @property
    def key(self) -> str:
        """What tells it from all others of the collection."""
        return f"{self.label}/{self.path.name}"


@dataclass(frozen=True)
class Collection:
    """A folder in the workspace with a folder of pictures for each class; safe to change from several tabs at once.

    Pictures are never altered, only added and removed.
    """

    id: str
    workspace: Workspace

    @classmethod
    def start(cls, workspace: Workspace, name: str) -> Collection:
        """A new one with two classes to be named and no pictures."""
        about = About(name=_checked(name, "name"), classes=dict(enumerate(FIRST_NAMES, 1)))
        made = cls(secrets.token_hex(6), workspace)
        made.folder.mkdir(parents=True)
        made._write(about)
        return made

    @classmethod
    def find(cls, workspace: Workspace, collection_id: str) -> Collection:
        """The one with this id. Raises NotFoundError."""
        found = cls(collection_id, workspace)
        if not _ID.fullmatch(collection_id) or not (found.folder / _ABOUT_FILE).is_file():
            raise NotFoundError("There is no such collection in this workspace. Start another, or check the link.")
        return found

    @classmethod
    def all(cls, workspace: Workspace) -> list[Collection]:
        """Those of the workspace, the one changed last first."""
        paths = [path for path in workspace.collections.glob(f"*/{_ABOUT_FILE}") if _ID.fullmatch(path.parent.name)]
        return [cls(path.parent.name, workspace) for path in sorted(paths, key=lambda path: -path.stat().st_mtime)]

    @property
    def folder(self) -> Path:
        return self.workspace.collections / self.id

    def about(self) -> About:
        """Its name, classes and latest run. Raises NotFoundError where it is gone or damaged."""
        try:
            return About.model_validate_json((self.folder / _ABOUT_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise NotFoundError("This collection is gone or damaged on disk. Start another.") from error

    def pictures(self, label: int | None = None) -> list[Taken]:
        """Its pictures, or those of one class, in the order in which they were taken, class by class."""
        labels = [label] if label is not None else list(self.about().classes)
        return [taken for each in labels for taken in sorted(self._of_class(each), key=lambda taken: taken[1:])]

    def _of_class(self, label: int) -> Iterator[Taken]:
        for path in (self.folder / str(label)).glob("*.jpg"):
            if named := _PICTURE.fullmatch(path.name):
                yield Taken(label, int(named[1]), int(named[2]), path)

    def take(self, label: int, shots: Sequence[Shot]) -> list[Taken]:
        """Add frames to a class; those that it has already stay as they are.

        They are decoded in a child process, made at most KEPT_PX large and encoded anew, so nothing of what the
        browser sent but its pixels is kept. A frame belongs to the burst of the picture nearest in time where that is at most
        BURST_GAP_S away.
        Raises: InputError for what is no picture, and beyond the limits; NotFoundError, ResourceError.
        """
        encoded = [_encoded(look) for look in look_untrusted([("The camera's picture", shot.data) for shot in shots], (), KEPT_PX)]
        with self._locked():
            self._refuse(label, len(encoded))
            folder = self.folder / str(label)
            added = []
            for shot, data in sorted(zip(shots, encoded, strict=True), key=lambda pair: pair[0].at_ms):
                digest = hashlib.sha256(data).hexdigest()[:16]
                if not any(folder.glob(f"*-{digest}.jpg")):
                    added.append(self._add(label, shot.at_ms, digest, data))
        return added

    def _refuse(self, label: int, more: int) -> None:
        if label not in self.about().classes:
            raise NotFoundError("The class of these pictures was removed. Choose another and take them again.")
        if len(self.pictures()) + more > MOST_PICTURES:
            raise InputError(f"A collection holds up to {MOST_PICTURES:,} pictures. Remove some, or import larger sets as a ZIP.")

    def _add(self, label: int, at_ms: int, digest: str, data: bytes) -> Taken:
        others = list(self._of_class(label))
        near = min(others, key=lambda other: abs(at_ms - other.at_ms), default=None)
        if near is not None and abs(at_ms - near.at_ms) <= 1000 * BURST_GAP_S:
            burst = near.burst
        else:
            burst = 1 + max((other.burst for other in others), default=0)
        taken = Taken(label, burst, at_ms, self.folder / str(label) / f"{burst:06d}-{at_ms:013d}-{digest}.jpg")
        try:
            taken.path.parent.mkdir(exist_ok=True)
            with whole_file(taken.path) as temporary:
                temporary.write_bytes(data)
        except OSError as error:
            raise ResourceError(f"The picture can't be kept: {error.strerror or type(error).__name__}. Free some space in the workspace, then take it again.") from error
        return taken

    def remove(self, keys: Sequence[str]) -> None:
        """Delete pictures by their keys; those that are gone already don't matter."""
        wanted = set(keys)
        for taken in self.pictures():
            if taken.key in wanted:
                taken.path.unlink(missing_ok=True)

    def rename(self, name: str) -> None:
        """Call the collection otherwise. Raises InputError."""
        self._change(name=_checked(name, "name"))

    def add_class(self) -> int:
        """One more class, to be named; its number. Raises InputError beyond MOST_CLASSES."""
        with self._locked():
            about = self.about()
            if len(about.classes) >= MOST_CLASSES:
                raise InputError(f"A collection has up to {MOST_CLASSES} classes. Import larger sets as a ZIP.")
            label = max(about.classes, default=0) + 1
            taken = set(about.classes.values())
            name = next(name for number in range(label, label + MOST_CLASSES + 1) if (name := f"Class {number}") not in taken)
            self._write(about.model_copy(update={"classes": {**about.classes, label: name}}))
        return label

    def name_class(self, label: int, name: str) -> None:
        """Call a class otherwise. Raises InputError, ConflictError where another is called so."""
        name = _checked(name, "class name")
        with self._locked():
            about = self.about()
            for other, theirs in about.classes.items():
                if other != label and _alike(theirs) == _alike(name):
                    raise ConflictError(f"Another class is called '{theirs}'. Choose a name that differs by more than capitals and blanks.")
            if label in about.classes:
                self._write(about.model_copy(update={"classes": {**about.classes, label: name}}))

    def drop_class(self, label: int) -> None:
        """Remove a class with its pictures."""
        with self._locked():
            about = self.about()
            self._write(about.model_copy(update={"classes": {each: name for each, name in about.classes.items() if each != label}}))
            shutil.rmtree(self.folder / str(label), ignore_errors=True)

    def learnt_by(self, run: int) -> None:
        """Remember the latest run."""
        self._change(run=run)

    def delete(self) -> None:
        """Remove it with all its pictures; datasets made of it stay."""
        with self._locked():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _change(self, **values: object) -> None:
        with self._locked():
            self._write(self.about().model_copy(update=values))

    def _write(self, about: About) -> None:
        with whole_file(self.folder / _ABOUT_FILE) as temporary:
            temporary.write_text(about.model_dump_json(indent=1), encoding="utf-8")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        lock = FileLock.take(self.workspace.locks / f"collection-{self.id}.lock", _LOCK_S)
        if lock is None:
            raise ConflictError("Another tab is changing this collection. Try again.")
        try:
            yield
        finally:
            lock.release()


def lacking(about: About, pictures: Sequence[Taken]) -> list[str]:
    """What has to be done before a network can learn from a collection, a sentence each; none where nothing is lacking."""
    said = [] if len(about.classes) > 1 else ["Add a second class: telling apart needs two."]
    for label, name in about.classes.items():
        bursts = len({taken.burst for taken in pictures if taken.label == label})
        if not bursts:
            said.append(f"Take pictures of '{name}'.")
        elif bursts < BURSTS_NEEDED:
            said.append(f"Take {BURSTS_NEEDED - bursts} more burst{'' if BURSTS_NEEDED - bursts == 1 else 's'} of '{name}'.")
    return said


def _encoded(looked: Looked | InputError) -> bytes:
    if isinstance(looked, InputError):
        raise looked
    out = io.BytesIO()
    looked.image.save(out, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4")
    return out.getvalue()


def _checked(name: str, what: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise InputError(f"The {what} {name[:40]!r} can't be used. Give 1 to {MAX_NAME} printable characters.")
    return name


def _alike(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip()

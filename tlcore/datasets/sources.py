"""Where datasets come from: built in, well known, a ZIP, a folder."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tlcore.datasets.archive import SafeZip
from tlcore.datasets.builtin import BUILT_IN
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.ingest import Plan, ingest, sweep
from tlcore.datasets.layout import Layout, arrange, shown
from tlcore.datasets.stored import from_file, from_pixels
from tlcore.errors import InputError
from tlcore.images import MAX_FILE_BYTES
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tlcore.reporter import Reporter

__all__ = ["BUILT_IN", "KNOWN", "add_dataset"]

KNOWN = frozenset({"cifar10", "cifar100", "fashion_mnist", "mnist"})
MAX_NAME = 200
LINK = "links or devices, which are not followed"


def add_dataset(
    source: str, name: str | None, workspace: Workspace, reporter: Reporter, uploaded_as: str | None = None
) -> Dataset:
    """Write the pictures of `source` as a new dataset of the workspace: whole, or not at all.

    source: a built-in or known name, or the path of a ZIP or a folder.
    uploaded_as: the name that an uploaded ZIP had with its owner.
    Raises: InputError, ResourceError with one sentence; what `reporter.check` raises.
    """
    reporter.phase("prepare")
    reporter.check()
    sweep(workspace)
    if source in BUILT_IN:
        return ingest(BUILT_IN[source](), _checked_name(name or source), workspace, reporter)
    if source in KNOWN:
        return ingest(_known(source, reporter), _checked_name(name or source), workspace, reporter)
    path = Path(source).expanduser() if source.strip() and "\0" not in source else None
    if path is not None and not path.exists() and _is_upload(path, workspace):
        raise InputError("The uploaded ZIP is no longer kept. Upload it again.")
    if path is None or not path.exists():
        known = ", ".join([*BUILT_IN, *sorted(KNOWN)])
        raise InputError(f"{shown(source)} is neither a ZIP nor a folder on this machine, nor one of {known}. Check the path.")
    name = _checked_name(name or path.resolve().stem)
    if path.is_dir():
        return ingest(_folder(path, reporter), name, workspace, reporter)
    return _add_zip(path, name, workspace, reporter, uploaded_as)


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_NAME or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise InputError(f"dataset name {name[:40]!r} can't be used. Give 1 to {MAX_NAME} printable characters.")
    return name


def _add_zip(path: Path, name: str, workspace: Workspace, reporter: Reporter, uploaded_as: str | None) -> Dataset:
    # An upload is kept under its hash, which means nothing to its owner.
    uploaded = _is_upload(path, workspace)
    where = f"{name}.zip" if uploaded else path.name
    told = "an uploaded ZIP" if uploaded_as is None else f"uploaded {shown(uploaded_as)}"
    with SafeZip(path, where) as archive:
        layout = arrange(archive.names(), where)
        plan = _files(layout, archive.names(), where, told if uploaded else str(path), archive.read, archive.declared_bytes)
        return ingest(plan, name, workspace, reporter)


def _is_upload(path: Path, workspace: Workspace) -> bool:
    return path.resolve().parent == workspace.uploads.resolve()


def _folder(root: Path, reporter: Reporter) -> Plan:
    """The regular files below `root`; links aren't followed, so that nothing outside comes in."""
    names: list[str] = []
    sizes: list[int] = []
    links = 0
    for parent, folders, files in os.walk(root):
        reporter.check()
        links += sum(Path(parent, folder).is_symlink() for folder in folders)
        for file in files:
            path = Path(parent, file)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                names.append(path.relative_to(root).as_posix())
                sizes.append(status.st_size)
            else:
                links += 1

    def read(file: int) -> bytes:
        with (root / names[file]).open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"larger than {MAX_FILE_BYTES >> 20} MiB")
        return data

    layout = arrange(names, str(root))
    if links:
        layout.skipped[LINK] = links
    return _files(layout, names, str(root), str(root), read, sizes.__getitem__)


def _files(
    layout: Layout, names: list[str], where: str, source: str, read: Callable[[int], bytes], size: Callable[[int], int]
) -> Plan:
    files = [place.file for place in layout.places]
    return Plan(
        where=where,
        source=source,
        classes=layout.classes,
        names=[names[file] for file in files],
        labels=[place.label for place in layout.places],
        official=[place.official for place in layout.places],
        read=lambda place: read(files[place]),
        store=from_file,
        estimated_bytes=sum(size(file) for file in files),
        skipped=layout.skipped,
        foreign=True,
    )


def _known(name: str, reporter: Reporter) -> Plan:
    from tlcore.nn.known import DOWNLOAD_SHARE, load

    known = load(name, reporter)
    parts = [("train", *known.train), ("test", *known.test)]
    pictures = [image for _, images, _ in parts for image in images]
    return Plan(
        where=name,
        source=f"Keras: {name}",
        classes=known.classes,
        names=[f"{part} {i}" for part, images, _ in parts for i in range(len(images))],
        labels=[int(label) for _, _, labels in parts for label in labels],
        official=[part for part, images, _ in parts for _ in range(len(images))],
        read=pictures.__getitem__,
        store=from_pixels,
        estimated_bytes=sum(images.nbytes for _, images, _ in parts),
        begun=DOWNLOAD_SHARE,
    )

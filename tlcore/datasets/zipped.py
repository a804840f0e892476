"""The pictures in a ZIP, to be looked at one after another; nothing is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tlcore.datasets.archive import SafeZip
from tlcore.datasets.layout import MAX_SHOWN_NAME, pictures, shown
from tlcore.errors import InputError


class ZippedPictures:
    """A checked ZIP whose files may be pictures; names of other files are left out and counted in `skipped`.

    Raises: InputError on opening, as SafeZip; also where there is no picture at all.
    """

    def __init__(self, source: Path | BinaryIO, where: str) -> None:
        self._zip = SafeZip(source, where)
        found, self.skipped = pictures(self._zip.names(), where)
        if not found:
            raise InputError(f"{where}: holds no pictures. Put JPEG, PNG, WebP, GIF or BMP files in it, in folders or not.")
        self._numbers = [number for _, number in found]
        self.names = [_told(unicodedata.normalize("NFC", "/".join(parts))) for parts, _ in found]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, place: int) -> tuple[str, bytes | InputError]:
        """Name and content of a picture, or the sentence that says why it can't be unpacked."""
        try:
            return self.names[place], self._zip.read(self._numbers[place])
        except InputError as error:
            return self.names[place], error

    def files(self) -> Iterator[tuple[str, bytes | InputError]]:
        """All of them, one after another."""
        return (self.read(place) for place in range(len(self)))


def _told(name: str) -> str:
    """As it may be shown: folders stay, since they may say the class; what isn't readable in the last part goes."""
    *folders, last = name.split("/")
    return "/".join([*folders, last if len(last) <= MAX_SHOWN_NAME and last.isprintable() else shown(last)])

"""ZIP files of strangers, read without unpacking: nothing is written, everything is counted."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn

from tlcore.datasets.layout import shown
from tlcore.errors import InputError
from tlcore.images import MAX_FILE_BYTES

MAX_BYTES = 2 << 30
MAX_RATIO = 100
RATIO_FROM_BYTES = 1 << 20  # A small flat drawing may be packed tighter; a bomb is large.
MAX_ENTRIES = 200_000

_END, _END_64, _LOCATOR_64, _ENTRY = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2"
_LONGEST_TAIL = 22 + 65_535
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises on damaged input; NotImplementedError is a version it doesn't know.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error, LookupError)


class SafeZip:
    """The files in a ZIP that was checked as a whole; bytes are counted while they are read.

    Raises: InputError on opening and on reading, one sentence that names the ZIP, the entry and the remedy.
    """

    def __init__(self, source: Path | BinaryIO, where: str) -> None:
        self._where = where
        self._read_bytes = 0
        self._file = source.open("rb") if isinstance(source, Path) else source
        self._size_bytes = self._file.seek(0, 2)
        try:
            self._zip = self._opened()
            self.entries = [info for info in self._zip.infolist() if not self._checked(info).is_dir()]
            self._refuse_overlaps()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> SafeZip:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def names(self) -> list[str]:
        """The entries' names, as `read` numbers them."""
        return [info.orig_filename for info in self.entries]

    def declared_bytes(self, index: int) -> int:
        """The unpacked size that the ZIP claims; good for an estimate only."""
        return self.entries[index].file_size

    def read(self, index: int) -> bytes:
        """Unpack one entry, up to the limits."""
        info = self.entries[index]
        left = max(0, MAX_BYTES - self._read_bytes)
        limit = min(MAX_FILE_BYTES, left, max(RATIO_FROM_BYTES, MAX_RATIO * info.compress_size))
        try:
            with self._zip.open(info) as entry:
                data = entry.read(limit + 1)
        except _DAMAGED as error:
            self._refuse(f"{shown(info.orig_filename)} is damaged ({_reason(error)})", "Pack or copy the ZIP again")
        self._read_bytes += len(data)
        if len(data) > limit or self._read_bytes > max(RATIO_FROM_BYTES, MAX_RATIO * self._size_bytes):
            self._refuse_size(len(data) > MAX_FILE_BYTES, shown(info.orig_filename))
        return data

    def _refuse_size(self, one_file: bool, name: str) -> NoReturn:
        if self._read_bytes > MAX_BYTES:
            self._refuse(f"unpacks to more than {MAX_BYTES >> 30} GiB", "Give the unpacked folder instead, or fewer pictures")
        if one_file:
            self._refuse(f"{name} unpacks to more than {MAX_FILE_BYTES >> 20} MiB, too much for one picture", "Remove it")
        self._refuse(f"{name} unpacks to more than {MAX_RATIO} times its packed size, which no picture does", "Remove it, or give the unpacked folder")

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise InputError(f"{self._where}: {what}. {remedy}.")

    def _opened(self) -> zipfile.ZipFile:
        self._file.seek(0)
        start = self._file.read(4)
        if not start:
            self._refuse("the file is empty", "Copy it again")
        try:
            if _count_entries(self._file) > MAX_ENTRIES:
                self._refuse(f"holds more than {MAX_ENTRIES:,} entries", "Give the unpacked folder instead")
            return zipfile.ZipFile(self._file)
        except _DAMAGED:
            if start in (b"PK\3\4", _END, _ENTRY):
                self._refuse("the ZIP is cut short or damaged", "Download or copy it again")
            self._refuse("not a ZIP, whatever its name says", "Pack the class folders as an ordinary .zip")

    def _checked(self, info: zipfile.ZipInfo) -> zipfile.ZipInfo:
        name = info.orig_filename
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.startswith(("/", "\\")) or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            self._refuse(f"{shown(name)} is no path inside the ZIP (absolute, '..', backslash or drive)", "Pack it again with relative names and '/'")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            self._refuse(f"{shown(name)} is a link or a device, not a file", "Pack the files themselves")
        if info.flag_bits & _ENCRYPTED:
            self._refuse("is encrypted", "Pack it again without a password")
        if info.compress_type not in _READABLE:
            self._refuse(f"{shown(name)} is compressed by a method other than deflate", "Pack it again as an ordinary .zip")
        return info

    def _refuse_overlaps(self) -> None:
        """Entries that share bytes unpack to more than any ratio of one entry shows."""
        if any(info.header_offset < 0 for info in self.entries):
            self._refuse("the ZIP lacks its beginning", "Download or copy it again")
        end, before = 0, ""
        for info in sorted(self.entries, key=lambda info: info.header_offset):
            if info.header_offset < end:
                self._refuse(f"{shown(before)} and {shown(info.orig_filename)} overlap", "Pack it again with an ordinary tool")
            end, before = info.header_offset + 30 + info.compress_size, info.orig_filename


def _reason(error: Exception) -> str:
    return "checksum differs" if "CRC" in str(error) else "it can't be unpacked"


def _count_entries(file: BinaryIO) -> int:
    """Entries that the directory really holds, whatever it declares, before they take memory.

    Stops counting past the limit. Source: PKWARE APPNOTE 6.3.10, section 4.3.
    """
    size = file.seek(0, 2)
    tail_at = max(0, size - _LONGEST_TAIL)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise zipfile.BadZipFile("no end record")
    directory_bytes = struct.unpack_from("<L", tail, at + 12)[0]
    end = tail_at + at
    if tail[max(0, at - 20) : at].startswith(_LOCATOR_64):
        file.seek(end - 20 - 56)
        record = file.read(56)
        if record.startswith(_END_64):
            directory_bytes, end = struct.unpack_from("<Q", record, 40)[0], end - 20 - 56
    if directory_bytes > end:
        raise zipfile.BadZipFile("directory larger than the file")
    file.seek(end - directory_bytes)
    count, left = 0, directory_bytes
    while left >= 46 and count <= MAX_ENTRIES:
        header = file.read(46)
        if not header.startswith(_ENTRY):
            raise zipfile.BadZipFile("no entry where one should be")
        more = sum(struct.unpack_from("<3H", header, 28))
        file.seek(more, 1)
        count, left = count + 1, left - 46 - more
    return count

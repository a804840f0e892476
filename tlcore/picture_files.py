"""Files that somebody chose, as one row of pictures: each picture as it is, each ZIP with what is in it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

from tlcore.datasets.zipped import ZippedPictures
from tlcore.errors import InputError
from tlcore.predict import File

ZIP = ".zip"


class PictureFiles:
    """Pictures by place, unpacked when their turn comes; nothing is written.

    `refused`: a sentence about each ZIP that can't be opened. `skipped`: files in ZIPs that are no pictures by their names.
    `left_out`: pictures beyond `most`.
    """

    def __init__(self, files: Sequence[tuple[str, bytes]], most: int) -> None:
        self.refused: list[str] = []
        self.skipped = 0
        reads: list[Callable[[], File]] = []
        for name, data in files:
            reads += self._in_zip(name, data) if name.lower().endswith(ZIP) else [_given(name, data)]
        self._reads, self.left_out = reads[:most], max(0, len(reads) - most)

    def __len__(self) -> int:
        return len(self._reads)

    def read(self, place: int) -> File:
        """Name and content of one picture, or the sentence that says why it can't be unpacked."""
        return self._reads[place]()

    def files(self, first: int = 0) -> Iterator[File]:
        """Those from a place on."""
        return (self.read(place) for place in range(first, len(self)))

    def _in_zip(self, name: str, data: bytes) -> list[Callable[[], File]]:
        try:
            zipped = ZippedPictures(io.BytesIO(data), name)
        except InputError as error:
            self.refused.append(str(error))
            return []
        self.skipped += zipped.skipped.total()
        return [_packed(zipped, place) for place in range(len(zipped))]


def _given(name: str, data: bytes) -> Callable[[], File]:
    return lambda: (name, data)


def _packed(zipped: ZippedPictures, place: int) -> Callable[[], File]:
    return lambda: zipped.read(place)

"""A dataset on disk: one memory-mapped Arrow file with pictures and labels, and a small JSON."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import mmap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from tlcore import machine
from tlcore.datasets.quality import Report
from tlcore.errors import NotFoundError, ResourceError
from tlcore.images import open_stored, to_pixels
from tlcore.workspace import Workspace, give_back

TABLE_FILE = "pictures.arrow"
ABOUT_FILE = "dataset.json"
OFFICIAL = ("", "train", "val", "test")
NO_BURST = -1

_COLUMNS: dict[str, pa.DataType] = {
    "image": pa.binary(),
    "label": pa.int32(),
    "width": pa.int32(),
    "height": pa.int32(),
    "content_id": pa.binary(32),
    "official": pa.int8(),  # Index into OFFICIAL.
    "burst": pa.int32(),  # Pictures taken in one go; NO_BURST of all others. Datasets of earlier versions lack it.
}
SCHEMA = pa.schema(_COLUMNS)
ROWS_A_TASK = 128
SURELY_THERE_BYTES = 64 * 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures with labels; immutable once written, so it may be shared between threads and cached."""

    id: str
    name: str
    classes: tuple[str, ...]
    source: str
    created_at: str  # ISO 8601, UTC.
    report: Report
    folder: Path
    table: pa.Table
    mapping: mmap.mmap  # The file behind `table`.

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        """Map the dataset in `folder` into memory. Raises NotFoundError."""
        try:
            about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
            with (folder / TABLE_FILE).open("rb") as file:
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            table = pa.ipc.open_file(pa.py_buffer(mapping)).read_all()
        except (OSError, ValueError) as error:
            raise NotFoundError(f"dataset '{folder.name}' is missing or damaged on disk. Add it again.") from error
        return cls(
            id=about["id"],
            name=about["name"],
            classes=tuple(about["classes"]),
            source=about["source"],
            created_at=about["created_at"],
            report=Report.model_validate(about["report"]),
            folder=folder,
            table=table,
            mapping=mapping,
        )

    def __len__(self) -> int:
        return self.table.num_rows

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """Index into `classes` of each row, int64 (n,)."""
        return _frozen(self.table["label"].to_numpy().astype(np.int64))

    @functools.cached_property
    def widths(self) -> np.ndarray:
        return _frozen(self.table["width"].to_numpy())

    @functools.cached_property
    def heights(self) -> np.ndarray:
        return _frozen(self.table["height"].to_numpy())

    @functools.cached_property
    def content_ids(self) -> np.ndarray:
        """SHA-256 of each row's pixels in hexadecimal, str (n,)."""
        raw = b"".join(self.table["content_id"].to_numpy(zero_copy_only=False))
        return _frozen(np.frombuffer(raw.hex().encode(), "S64").astype("U64"))

    @functools.cached_property
    def official(self) -> np.ndarray:
        """The folder each row came in: "", "train", "val" or "test", str (n,)."""
        return _frozen(np.array(OFFICIAL)[self.table["official"].to_numpy()])

    @functools.cached_property
    def bursts(self) -> np.ndarray:
        """Which pictures were taken in one go with others, int64 (n,); NO_BURST of those that were not."""
        if "burst" not in self.table.column_names:
            return _frozen(np.full(len(self), NO_BURST, np.int64))
        return _frozen(self.table["burst"].to_numpy().astype(np.int64))

    @functools.cached_property
    def together(self) -> np.ndarray:
        """What has to stay on one side of any division, str (n,): rows of equal pictures, and of one burst, have the same.

        It is the lowest content id of those that belong together, so a picture that has no like is its own.
        """
        ids, own = np.unique(self.content_ids, return_inverse=True)
        return _frozen(ids[lowest_of_linked(own, self.bursts)])

    def image_bytes(self, row: int) -> bytes:
        """The stored JPEG or PNG of a row."""
        data = self.table["image"][int(row)].as_py()
        assert data is not None
        return data

    def image(self, row: int) -> Image.Image:
        """A row's picture in RGB."""
        return open_stored(io.BytesIO(self.image_bytes(row)))

    def pixels(self, rows: np.ndarray, side_px: int) -> np.ndarray:
        """Rows decoded and resized on all cores. Shapes: (n,) → uint8 (n, side_px, side_px, 3).

        Raises: ResourceError, with both figures, when they don't fit into memory.
        """
        rows = np.asarray(rows, np.int64)
        self._refuse_beyond_memory(len(rows), side_px)
        out = np.empty((len(rows), side_px, side_px, 3), np.uint8)

        def fill(start: int) -> None:
            for place in range(start, min(start + ROWS_A_TASK, len(rows))):
                out[place] = to_pixels(self.image(rows[place]), side_px)

        starts = range(0, len(rows), ROWS_A_TASK)
        if len(starts) <= 1:
            for start in starts:
                fill(start)
        else:
            with ThreadPoolExecutor(machine.cores()) as pool:
                for _ in pool.map(fill, starts):
                    pass
        give_back(self.mapping)
        return out

    def _refuse_beyond_memory(self, count: int, side_px: int) -> None:
        wanted = count * side_px * side_px * 3
        if wanted < SURELY_THERE_BYTES:
            return
        free = machine.snapshot(Workspace(self.folder)).memory_free_bytes
        if wanted > free:
            raise ResourceError(
                f"{self.name}: {count:,} pictures at {side_px} px need {wanted / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free. "
                "Lower the input size, or use fewer pictures."
            )


def lowest_of_linked(own: np.ndarray, bursts: np.ndarray) -> np.ndarray:
    """The lowest number among all that hang together, by equal numbers or by equal bursts. Shapes: (n,), (n,) → (n,)."""
    lowest = own.copy()
    in_burst = np.flatnonzero(bursts != NO_BURST)
    if not len(in_burst):
        return lowest
    _, burst = np.unique(bursts[in_burst], return_inverse=True)
    while True:  # A burst takes the lowest of its pictures, equal pictures the lowest of their bursts, until nothing changes.
        before = lowest.copy()
        of_burst = np.full(burst.max() + 1, len(own))
        np.minimum.at(of_burst, burst, lowest[in_burst])
        lowest[in_burst] = of_burst[burst]
        of_picture = np.full(own.max() + 1, len(own))
        np.minimum.at(of_picture, own, lowest)
        lowest = of_picture[own]
        if (lowest == before).all():
            return lowest


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False  # Cached datasets are shared between sessions.
    return array

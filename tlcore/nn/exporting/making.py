"""An export from end to end: write the file, have it checked, and only then let it appear."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains
from tlcore.errors import ConflictError
from tlcore.exports import (
    CARD,
    CHECK,
    CHECKED_PICTURES,
    CLASSES,
    EXAMPLE,
    INT8_CHECKED_PICTURES,
    Check,
    Kind,
)
from tlcore.locks import FileLock
from tlcore.nn.exporting import asking, keras_format, litert, onnx, openvino, savedmodel
from tlcore.nn.exporting.original import Original
from tlcore.reporter import Reporter
from tlcore.results import Predictions, judged_part, load_predictions, load_summary
from tlcore.workspace import folder_bytes

WRITERS = {"keras": keras_format.write, "savedmodel": savedmodel.write, "litert": litert.write, "onnx": onnx.write, "openvino": openvino.write}
CALIBRATION_PICTURES = 100
WRITING = ".writing-"


def make(kind: Kind, run_dir: Path, dataset: Dataset, source: Dataset | None, reporter: Reporter, card: Callable[[Mapping[Kind, Check]], str] | None = None) -> Check:
    """Write a finished run's model as `kind`, check it, and leave it with its figures in `kind.folder(run_dir)`.

    dataset, source: those that the run learnt from. card: gives the text that goes with the files it is told of.
    What was there before stays if this fails.

    Raises: ResourceError for a missing library, NotFoundError without a finished model, ConflictError for a file that
    isn't what the network is, or while another process exports the same run.
    """
    kind.refuse_missing()
    tested = load_predictions(run_dir, judged_part(load_summary(run_dir)))
    with _being_written(kind.folder(run_dir)) as folder:
        reporter.phase("export")
        original = Original(run_dir)
        calibration = _calibration(run_dir, dataset, source, original.side_px) if kind.int8 else None
        WRITERS[kind.format.name](original, folder, calibration)
        reporter.check()
        (folder / CLASSES).write_text(json.dumps(tested.classes, ensure_ascii=False), encoding="utf-8")
        (folder / EXAMPLE).write_text(kind.example(original.side_px), encoding="utf-8")
        reporter.phase("check")
        check = _checked(kind, folder, original, tested, dataset, 0 if calibration is None else len(calibration), reporter)
        check.refuse_other(kind)
        if card is not None:
            (folder / CARD).write_text(card({kind: check}), encoding="utf-8")
        (folder / CHECK).write_text(json.dumps(check.to_document(), indent=1), encoding="utf-8")
    return check


def _checked(kind: Kind, folder: Path, original: Original, tested: Predictions, dataset: Dataset, calibrated_on: int, reporter: Reporter) -> Check:
    some = tested.take(evenly(len(tested), INT8_CHECKED_PICTURES if kind.int8 else CHECKED_PICTURES))
    pixels = dataset.pixels(some.rows, original.side_px)
    before = original.probabilities(pixels)
    size = folder_bytes(folder)
    found = asking.ask(kind, folder, pixels, reporter)
    return Check(
        kind=kind.name,
        part=tested.split,
        pictures=len(some),
        largest_difference=float(np.abs(found.probabilities - before).max()),
        agreement=float((found.probabilities.argmax(1) == before.argmax(1)).mean()),
        accuracy_before=float((before.argmax(1) == some.labels).mean()),
        accuracy=float((found.probabilities.argmax(1) == some.labels).mean()),
        latency_ms=found.latency_ms,
        bytes=size,
        versions=found.versions,
        calibrated_on=calibrated_on,
    )


def evenly(count: int, wanted: int) -> np.ndarray:
    """Positions of at most `wanted` of `count` things, spread over all."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).astype(np.int64))


def _calibration(run_dir: Path, dataset: Dataset, source: Dataset | None, side_px: int) -> np.ndarray:
    """Pictures that the run learnt from, of the target where it had any. Shapes: uint8 (n, side, side, 3)."""
    domains = Domains.load(run_dir / "split.npz")
    rows = np.union1d(domains.target.train, domains.unlabelled)
    if not len(rows) and domains.source is not None:
        rows, dataset = domains.source.train, source or dataset
    return dataset.pixels(rows[evenly(len(rows), CALIBRATION_PICTURES)], side_px)


@contextlib.contextmanager
def _being_written(folder: Path) -> Iterator[Path]:
    """A folder that takes the name `folder` when all went well, and is gone otherwise."""
    folder.parent.mkdir(exist_ok=True)
    lock = FileLock.take(folder.parent / f"{WRITING}lock", wait_s=1.0)
    if lock is None:
        raise ConflictError(f"another process exports run {folder.parent.parent.name} at this moment. Wait for its end.")
    try:
        _remove(folder.parent.glob(f"{WRITING}*"), but=lock.path)  # Of processes that were killed.
        new, old = (folder.parent / f"{WRITING}{uuid.uuid4().hex}" for _ in range(2))
        new.mkdir()
        yield new
        if folder.exists():
            folder.replace(old)
        new.replace(folder)
    finally:
        _remove(folder.parent.glob(f"{WRITING}*"), but=lock.path)
        lock.remove()


def _remove(paths: Iterator[Path] | Sequence[Path], but: Path) -> None:
    for path in paths:
        if path != but:
            shutil.rmtree(path, ignore_errors=True)

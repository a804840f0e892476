"""What an import took, left out and noticed: duplicates, conflicting labels, tiny pictures, balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

TINY_BELOW_PX = 16
IMBALANCED_FROM = 10  # Largest class to smallest.
MOST_LISTED = 50


class Report(BaseModel):
    """What the import of a dataset ended with; part of the dataset, of JSON types."""

    model_config = ConfigDict(frozen=True)

    kept: int
    counts: dict[str, int]  # Pictures by class.
    official: dict[str, int]  # Pictures by folder: train, val, test.
    skipped: dict[str, int]  # Files left out without being read, by reason.
    unreadable: tuple[tuple[str, str], ...]  # File and reason, the first 50.
    unreadable_count: int
    duplicates: int  # Pictures that repeat an earlier one.
    conflicts: int  # Different pictures that occur in more than one class.
    conflicting: tuple[tuple[str, str], ...]  # Two files with equal pixels and different labels, the first 50.
    bursts: int = 0  # Series of pictures taken in one go.
    tiny: int
    notes: dict[str, int]  # What was done to how many pictures.
    smallest: tuple[int, int]  # Width and height of the picture with the fewest pixels.
    largest: tuple[int, int]
    seconds: float
    bytes: int

    def sentences(self) -> list[str]:
        """The report in words, most important first."""
        said = [f"{_count(self.kept, 'picture')} in {len(self.counts)} classes, added in {self.seconds:.1f} s; {_size(self.bytes)} on disk."]
        if self.official:
            parts = ", ".join(f"{count:,} in {name}" for name, count in self.official.items())
            said.append(f"The folders' own division is kept: {parts}.")
        if self.unreadable_count:
            said.append(f"{_count(self.unreadable_count, 'file')} could not be read and {_are(self.unreadable_count)} left out.")
        said += [f"{_count(count, 'file')} left out: {reason}." for reason, count in self.skipped.items()]
        if self.duplicates:
            said.append(f"{_count(self.duplicates, 'picture')} repeat{'s' if self.duplicates == 1 else ''} another one exactly; equal pictures always stay on one side of a split.")
        if self.bursts:
            said.append(f"They were taken in {_count(self.bursts, 'burst')}; pictures of one burst are much alike and always stay on one side of a split.")
        if self.conflicts:
            examples = "; ".join(f"{a} = {b}" for a, b in self.conflicting[:3])
            said.append(f"{_count(self.conflicts, 'picture')} {_are(self.conflicts)} in more than one class, for example {examples}. Decide which class is right, and add the dataset again.")
        if self.tiny:
            said.append(f"{_count(self.tiny, 'picture')} {_are(self.tiny)} smaller than {TINY_BELOW_PX} px; little can be seen on {'it' if self.tiny == 1 else 'them'}.")
        said += [f"{_count(count, 'picture')}: {note}." for note, count in self.notes.items()]
        if (imbalance := _imbalance(self.counts)) is not None:
            said.append(imbalance)
        smallest, largest = (f"{width:,} × {height:,}" for width, height in (self.smallest, self.largest))
        said.append(f"All pictures are {smallest} px." if smallest == largest else f"Sizes from {smallest} to {largest} px.")
        return said


class Repeats(NamedTuple):
    """Rows with equal pixels: (row, earlier row) of every repetition, and those with another label."""

    duplicates: list[tuple[int, int]]
    conflicts: list[tuple[int, int]]  # One pair for each picture with more than one label.


def repeats(content_ids: Sequence[bytes], labels: Sequence[int]) -> Repeats:
    """Find equal pictures. Shapes: both of length n."""
    first: dict[bytes, int] = {}
    duplicates: list[tuple[int, int]] = []
    conflicts: dict[bytes, tuple[int, int]] = {}
    for row, content_id in enumerate(content_ids):
        earlier = first.setdefault(content_id, row)
        if earlier == row:
            continue
        duplicates.append((row, earlier))
        if labels[earlier] != labels[row]:
            conflicts.setdefault(content_id, (row, earlier))
    return Repeats(duplicates, list(conflicts.values()))


def tiny(widths: Sequence[int], heights: Sequence[int]) -> int:
    """How many pictures have a side that is too short to show much."""
    return int((np.minimum(widths, heights) < TINY_BELOW_PX).sum())


def class_counts(labels: Sequence[int], classes: Sequence[str]) -> dict[str, int]:
    counted = Counter(labels)
    return {name: counted[label] for label, name in enumerate(classes)}


def _imbalance(counts: dict[str, int]) -> str | None:
    few, many = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[many] < IMBALANCED_FROM * counts[few]:
        return None
    return f"The classes are unequal: '{many}' has {counts[many]:,} pictures, '{few}' has {counts[few]:,}. Look at macro F1 rather than accuracy."


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _size(size_bytes: int) -> str:
    for limit, unit, divisor in ((1e6, "kB", 1e3), (1e9, "MB", 1e6)):
        if size_bytes < limit:
            return f"{size_bytes / divisor:.1f} {unit}"
    return f"{size_bytes / 1e9:.2f} GB"

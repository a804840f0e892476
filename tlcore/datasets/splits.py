"""Which pictures train, which choose the epoch, which give the final figures."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlcore.config import SplitConfig
from tlcore.datasets.dataset import NO_BURST, Dataset
from tlcore.errors import InputError, NotFoundError
from tlcore.workspace import whole_file

PARTS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Rows of a dataset in three parts, each int64 and ascending, and their labels."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    classes: tuple[str, ...]  # In the dataset's order.
    known_rows: np.ndarray  # All rows of the three parts, ascending …
    known_labels: np.ndarray  # … and the index of each into `classes`.

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Index into `classes` of rows of this split. Shapes: (n,) → int64 (n,).

        Raises: AssertionError for a row whose label isn't known here, rather than give a neighbour's.
        """
        rows = np.asarray(rows, np.int64)
        places = np.searchsorted(self.known_rows, rows)
        known = places < len(self.known_rows)
        known[known] = self.known_rows[places[known]] == rows[known]
        if not known.all():
            raise AssertionError(f"the label of row {rows[~known][0]} is not for use")
        return self.known_labels[places]

    def counts(self) -> pd.DataFrame:
        """Pictures by class and part: columns class, train, val, test."""
        counted = {part: np.bincount(self.labels(getattr(self, part)), minlength=len(self.classes)) for part in PARTS}
        return pd.DataFrame({"class": self.classes, **counted})

    def save(self, path: Path) -> None:
        """Write one file, which appears whole."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in dataclasses.fields(self)}
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read what `save` wrote. Raises NotFoundError."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = {field.name: arrays[field.name] for field in dataclasses.fields(cls)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise NotFoundError(f"{path.name} is missing or damaged. Start the run again.") from error
        found["classes"] = tuple(found["classes"].tolist())
        return cls(**found)


def make_split(dataset: Dataset, classes: Sequence[str] | None, config: SplitConfig) -> Split:
    """Divide the pictures of some classes (None: all) by content: stratified, equal pictures and bursts on one side.

    A pure function of content ids, bursts, labels, seed and fractions. Within a class, pictures, or what stays
    together of them, are ordered by a hash of seed and content id: the first are tested, the next validate, the rest train. So a class is
    divided alike whatever other classes are chosen, and a smaller train_fraction takes a subset.
    Official test and validation folders replace the fractions; training pictures that equal one of
    theirs are left out.

    Raises: InputError where classes are unknown, fewer than two, or too small for three parts.
    """
    names = _chosen(dataset, classes)
    index_of = np.full(len(dataset.classes), -1)
    index_of[[dataset.classes.index(name) for name in names]] = range(len(names))
    labels = index_of[dataset.labels]
    rows = np.flatnonzero(labels >= 0)
    groups = _Groups.of(dataset.together[rows], labels[rows], dataset.official[rows], config.seed)
    part = np.full(len(groups.ids), -1, np.int8)  # Index into PARTS; -1: not used.
    for label, name in enumerate(names):
        members = groups.of_label(label)
        part[members] = _divided(groups.official[members], groups, config, f"{dataset.name}: class '{name}'", _kind_of(dataset))
    row_part = part[groups.group_of_row]
    # An official part is kept as it is: equal pictures elsewhere are left out, not moved into it.
    official = dataset.official[rows]
    for number in (1, 2):
        if groups.has_official[number]:
            row_part[(row_part == number) & (official != PARTS[number])] = -1
    used = row_part >= 0
    train, val, test = (rows[row_part == number] for number in range(3))
    split = Split(train, val, test, names, rows[used], labels[rows[used]])
    _refuse_empty(split, dataset.name)
    return split


@dataclasses.dataclass(frozen=True, eq=False)
class _Groups:
    """What stays together as one, in the order of the seed's hash."""

    ids: np.ndarray  # (g,)
    labels: np.ndarray  # (g,) of those with several labels, the lowest.
    official: np.ndarray  # (g,) index into PARTS, the strongest claim: test, val, else 0.
    group_of_row: np.ndarray  # (n,)
    order: np.ndarray  # (g,) groups by hash.
    has_official: tuple[bool, bool, bool]

    @classmethod
    def of(cls, together: np.ndarray, labels: np.ndarray, official: np.ndarray, seed: int) -> _Groups:
        ids, group_of_row = np.unique(together, return_inverse=True)
        lowest = np.full(len(ids), np.iinfo(np.int64).max)
        np.minimum.at(lowest, group_of_row, labels)
        claim = np.zeros(len(together), np.int8)
        claim[official == "val"], claim[official == "test"] = 1, 2
        strongest = np.zeros(len(ids), np.int8)
        np.maximum.at(strongest, group_of_row, claim)
        has = (True, bool((claim == 1).any()), bool((claim == 2).any()))
        return cls(ids, lowest, strongest, group_of_row, hash_order(ids, seed), has)

    def of_label(self, label: int) -> np.ndarray:
        """Groups of a class, in the order of the hash."""
        return self.order[self.labels[self.order] == label]


def hash_order(ids: np.ndarray, seed: int, purpose: bytes = b"") -> np.ndarray:
    """Places of content ids in the order of a hash of seed, purpose and id. Shapes: (n,) → int64 (n,)."""
    key = seed.to_bytes(8, "little")
    hashes = np.array([hashlib.blake2b(i.encode(), key=key, person=purpose, digest_size=16).hexdigest() for i in ids.tolist()], "U32")
    return np.argsort(hashes)


def _divided(official: np.ndarray, groups: _Groups, config: SplitConfig, where: str, kind: str) -> np.ndarray:
    """The part of each of a class's groups, given in the order of the hash. Shapes: (g,) → (g,)."""
    part = official.copy()
    pool = np.flatnonzero(official == 0)
    missing = [number for number in (2, 1) if not groups.has_official[number]]
    needed = len(missing) + 1
    if len(pool) < needed:
        way = "three-way split" if needed == 3 else f"split into {needed} beside its own test or validation folder"
        raise InputError(
            f"{where} has {len(pool)} {kind}{'' if len(pool) == 1 else 's'}; a {way} needs {needed}. Add images or drop the class."
        )
    at = 0
    for number in missing:
        fraction = config.test_fraction if number == 2 else config.val_fraction
        left_for_others = needed - 1 - missing.index(number)
        count = min(max(1, int(fraction * len(pool) + 0.5)), len(pool) - at - left_for_others)
        part[pool[at : at + count]] = number
        at += count
    train = pool[at:]
    kept = max(1, int(config.train_fraction * len(train) + 0.5))
    part[train[kept:]] = -1
    return part


def _kind_of(dataset: Dataset) -> str:
    """What is divided: pictures, or what was taken in one go."""
    return "burst" if (dataset.bursts != NO_BURST).any() else "usable image"


def _chosen(dataset: Dataset, classes: Sequence[str] | None) -> tuple[str, ...]:
    wanted = set(dataset.classes if classes is None else classes)
    unknown = sorted(wanted - set(dataset.classes))
    if unknown:
        known = ", ".join(dataset.classes[:20]) + (", …" if len(dataset.classes) > 20 else "")
        raise InputError(f"{dataset.name}: has no class '{unknown[0]}'. Its classes: {known}.")
    if len(wanted) < 2:
        raise InputError(f"{dataset.name}: {len(wanted)} class chosen; two or more are needed. Choose another.")
    return tuple(name for name in dataset.classes if name in wanted)


def _refuse_empty(split: Split, name: str) -> None:
    """Official folders, and equal pictures with several labels, can leave a class out of a part."""
    counts = split.counts().set_index("class")
    for part in PARTS:
        empty = counts.index[counts[part] == 0]
        if len(empty):
            raise InputError(f"{name}: class '{empty[0]}' has no image in the {part} part. Add images to it or drop the class.")

"""Which pictures are the target's, with their labels or without, and which are the source's."""

from __future__ import annotations

import dataclasses
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlcore.config import RunConfig, TargetConfig
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import PARTS, Split, hash_order, make_split
from tlcore.errors import InputError, NotFoundError
from tlcore.strategies import Strategy
from tlcore.workspace import whole_file

SPLIT_FIELDS = tuple(field.name for field in dataclasses.fields(Split))
NONE = np.empty(0, np.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class Domains:
    """What a run may read. A label that it may not read is in none of these arrays."""

    target: Split  # Its train and val hold only pictures whose labels may be used; both are empty where the strategy reads none.
    unlabelled: np.ndarray  # int64 (n,), ascending: other training and validation pictures of the target, to be used without labels.
    source: Split | None  # Rows of the source's dataset; its labels are indices into `target.classes`.

    def save(self, path: Path) -> None:
        """Write one file, which appears whole; `Split.load` reads the target from it."""
        arrays = {name: np.asarray(getattr(self.target, name)) for name in SPLIT_FIELDS} | {"unlabelled": self.unlabelled}
        if self.source is not None:
            arrays |= {f"source_{name}": np.asarray(getattr(self.source, name)) for name in SPLIT_FIELDS}
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Domains:
        """Read what `save` wrote, or `Split.save` before there were domains. Raises NotFoundError."""
        target = Split.load(path)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                unlabelled = arrays.get("unlabelled", NONE)
                found: dict[str, Any] = {name: arrays[f"source_{name}"] for name in SPLIT_FIELDS if "source_train" in arrays}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise NotFoundError(f"{path.name} is missing or damaged. Start the run again.") from error
        source = Split(**{**found, "classes": tuple(found["classes"].tolist())}) if found else None
        return cls(target, unlabelled, source)


def divide(config: RunConfig, target: Dataset, source: Dataset | None) -> Domains:
    """Give every picture its role; a pure function of contents, labels and settings.

    source: what `config.source.dataset` names; may be None where that is the target's dataset too.
    Without a source and with all labels the target is what `make_split` gives. Labels are read here to
    divide each class alike, and then left out of what is returned.

    Raises: InputError where the datasets' classes differ or a class is too small to be divided.
    """
    whole = make_split(target, config.classes, config.split)
    given: Split | None = None
    if config.source.dataset is not None:
        if source is None or source.id == target.id:
            whole, given = _halves(target, whole, config.target)
        else:
            given = _from_another(source, target, whole.classes, config)
    if not config.strategy.reads_target_labels:
        return Domains(_without_labels(whole), np.sort(np.concatenate([whole.train, whole.val])), given)
    if config.target.label_fraction == 1:
        return Domains(whole, NONE, given)
    train, val = (_labelled(target, whole, part, config.target) for part in ("train", "val"))
    hidden = np.setdiff1d(np.concatenate([whole.train, whole.val]), np.concatenate([train, val]))
    return Domains(_only(whole, {"train": train, "val": val}), hidden, given)


def read_by(strategy: Strategy, domains: Domains, target: Dataset, source: Dataset | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Content ids of the pictures that a strategy learns from, chooses the epoch by, and is tested on; each str (n,)."""
    ours, given, of_source = domains.target, domains.source, source or target
    train = [target.content_ids[ours.train]] if strategy.reads_target_labels else []
    if strategy.reads_unlabelled:
        train.append(target.content_ids[domains.unlabelled])
    if given is not None and strategy.domain != "labelled":
        train.append(of_source.content_ids[given.train])
    if strategy.reads_target_labels or given is None:
        val = target.content_ids[ours.val]
    else:
        val = of_source.content_ids[given.val]
    return np.concatenate(train), val, target.content_ids[ours.test]


def counts_of(domains: Domains, target: Dataset) -> pd.DataFrame:
    """Pictures by class: columns class, source, source_val, labelled, labelled_val, unlabelled, test.

    For people who look at their data: the classes of the unlabelled pictures are looked up in the dataset.
    """
    classes = domains.target.classes
    given = {"source": (domains.source, "train"), "source_val": (domains.source, "val"), "labelled": (domains.target, "train"),
             "labelled_val": (domains.target, "val"), "test": (domains.target, "test")}
    found = {
        name: np.bincount(split.labels(getattr(split, part)), minlength=len(classes)) if split else np.zeros(len(classes), np.int64)
        for name, (split, part) in given.items()
    }
    everyone = np.bincount(target.labels[domains.unlabelled], minlength=len(target.classes))
    found["unlabelled"] = everyone[[target.classes.index(name) for name in classes]]
    return pd.DataFrame({"class": classes, **{name: found[name] for name in ("source", "source_val", "labelled", "labelled_val", "unlabelled", "test")}})


def learnt_counts(counts: pd.DataFrame, strategy: Strategy) -> pd.DataFrame:
    """Of `counts_of`, the pictures that a strategy reads with their labels: columns class, train, val, test."""
    own, sources = int(strategy.reads_target_labels), int(strategy.domain != "labelled")
    train = own * counts["labelled"] + sources * counts["source"]
    val = counts["labelled_val"] if own else counts["source_val"]
    return pd.DataFrame({"class": counts["class"], "train": train, "val": val, "test": counts["test"]})


def refuse_missing_classes(wanted: Sequence[str], target: str, source: str, classes: Sequence[str]) -> None:
    """Raise InputError naming a class that the source lacks."""
    missing = [name for name in wanted if name not in classes]
    if missing:
        known = ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
        raise InputError(
            f"source '{source}' has no class '{missing[0]}', which the target '{target}' has. Its classes: {known}. "
            "Choose another source, or leave the class out of the run's classes."
        )


def _from_another(source: Dataset, target: Dataset, classes: tuple[str, ...], config: RunConfig) -> Split:
    """The source's own split, labelled in the target's order of classes, without pictures that the target has too."""
    refuse_missing_classes(classes, target.name, source.name, source.classes)
    split = make_split(source, classes, config.split)
    index = np.array([classes.index(name) for name in split.classes])
    split = dataclasses.replace(split, classes=classes, known_labels=index[split.known_labels])
    # What the target is tested on must not be learnt by way of the source.
    own = {part: rows[~np.isin(source.content_ids[rows], target.content_ids)] for part in PARTS for rows in [getattr(split, part)]}
    split = _only(split, own)
    for part in ("train", "val"):
        _refuse_empty(split, part, f"source '{source.name}'", f"once pictures that '{target.name}' has too are left out")
    return split


def _halves(dataset: Dataset, whole: Split, config: TargetConfig) -> tuple[Split, Split]:
    """One dataset as target and source: each part is divided in each class, equal pictures on one side."""
    ours: dict[str, np.ndarray] = {}
    others: dict[str, np.ndarray] = {}
    for part in PARTS:
        groups = _Groups.of(dataset, whole, part, config.seed, b"domain")
        taken = []
        for label, name in enumerate(whole.classes):
            members = groups.of_label(label)
            if len(members) < 2:
                raise InputError(
                    f"{dataset.name}: class '{name}' has {len(members)} different image{'' if len(members) == 1 else 's'} in the {part} part; "
                    "to be divided into source and target it needs 2. Add images, drop the class, or choose another dataset as source."
                )
            taken.append(members[: min(_share(config.fraction, len(members)), len(members) - 1)])
        rows = getattr(whole, part)
        ours[part] = rows[groups.rows_of(np.concatenate(taken))]
        others[part] = np.setdiff1d(rows, ours[part])
    target, source = _only(whole, ours), _only(whole, others)
    for part in PARTS:  # Equal pictures with several labels can leave a class out.
        for split, role in ((target, "target"), (source, "source")):
            _refuse_empty(split, part, dataset.name, f"of the {role}")
    return target, source


def _labelled(dataset: Dataset, whole: Split, part: str, config: TargetConfig) -> np.ndarray:
    """Rows of a part whose labels may be used; a larger fraction keeps those of a smaller one."""
    groups = _Groups.of(dataset, whole, part, config.seed, b"label")
    members = [groups.of_label(label) for label in range(len(whole.classes))]
    sizes = np.array([len(each) for each in members])
    if config.balanced:
        counts = np.minimum(_equal_share(config.label_fraction, sizes), sizes)
    else:
        counts = np.array([_share(config.label_fraction, size) for size in sizes])
    kept = np.concatenate([each[:count] for each, count in zip(members, counts, strict=True)])
    rows: np.ndarray = getattr(whole, part)[groups.rows_of(kept)]
    return rows


def _equal_share(fraction: float, sizes: np.ndarray) -> int:
    """Pictures of every class, as far as it has them, that make up about a fraction of all. Never falls as the fraction grows."""
    wanted = fraction * sizes.sum()
    counts = np.arange(1, sizes.max() + 1)
    totals = np.minimum(counts[:, None], sizes[None, :]).sum(1)
    return int(counts[np.abs(totals - wanted).argmin()])


def _share(fraction: float, count: int) -> int:
    return max(1, int(fraction * count + 0.5))


@dataclasses.dataclass(frozen=True, eq=False)
class _Groups:
    """What stays together of one part as one, in the order of a hash of seed, purpose and content."""

    labels: np.ndarray  # (g,) of those with several labels, the lowest.
    group_of_row: np.ndarray  # (n,) of each of the part's pictures.
    order: np.ndarray  # (g,)

    @classmethod
    def of(cls, dataset: Dataset, split: Split, part: str, seed: int, purpose: bytes) -> _Groups:
        rows = getattr(split, part)
        ids, group_of_row = np.unique(dataset.together[rows], return_inverse=True)
        lowest = np.full(len(ids), np.iinfo(np.int64).max)
        np.minimum.at(lowest, group_of_row, split.labels(rows))
        return cls(lowest, group_of_row, hash_order(ids, seed, purpose))

    def of_label(self, label: int) -> np.ndarray:
        return self.order[self.labels[self.order] == label]

    def rows_of(self, groups: np.ndarray) -> np.ndarray:
        """Which of the part's pictures are in some groups. Shapes: (k,) → bool (n,)."""
        return np.isin(self.group_of_row, groups)


def _only(split: Split, parts: dict[str, np.ndarray]) -> Split:
    """A split with other rows in some parts, and no label of any other row."""
    changed = dataclasses.replace(split, **parts)  # type: ignore[arg-type]
    rows = np.sort(np.concatenate([changed.train, changed.val, changed.test]))
    return dataclasses.replace(changed, known_rows=rows, known_labels=split.labels(rows))


def _without_labels(split: Split) -> Split:
    return _only(split, {"train": NONE, "val": NONE})


def _refuse_empty(split: Split, part: str, where: str, why: str) -> None:
    counts = np.bincount(split.labels(getattr(split, part)), minlength=len(split.classes))
    if (counts == 0).any():
        name = split.classes[int(counts.argmin())]
        raise InputError(f"{where}: class '{name}' has no image in the {part} part {why}. Add images, drop the class, or choose another source.")

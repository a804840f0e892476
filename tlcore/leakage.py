"""Test pictures that a run has seen before: the very same ones among what it learned from, and others of the same shot."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains
from tlcore.errors import NotFoundError
from tlcore.likeness import halved, likeness, reduced, unit
from tlcore.strategies import Strategy
from tlcore.workspace import whole_file

CANDIDATES = 5  # Seen pictures with the most equal light and dark, of each test picture, whose fine structure is compared.
MOST_PIXELS = 3_000_000_000  # That are decoded: half a minute. Of more, every second seen picture is compared, or third …
READ_AT_ONCE, COMPARED_AT_ONCE = 2_048, 128
# By eye, nine in ten of the pairs of CIFAR-10 from here on are of one shot, and half of those just below. They are 3.4 %
# of its test pictures; Barz and Denzler 2020, "Do we train on test data? Purging CIFAR of near-duplicates", found 3.3 %.
ALIKE = 0.7
CHANCE_PAIRS, CHANCE_PERCENTILE = 1_000, 99
_VERSION = 1  # Of the files; of an earlier one the search is done again.


class Seen(NamedTuple):
    """Pictures that a run learned from, or by which its epoch was chosen."""

    part: str  # As in `Embedding.part`, or "unlabelled".
    domain: str  # "target" or "source": of whose dataset the rows are.
    rows: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Twins:
    """Of each test picture that has any the most alike seen picture. Shapes: (n,) each, the most alike first.

    `usual`: the likeness that one in a hundred pairs of a class reaches by chance. `compared` of `seen` pictures were looked through.
    """

    test_rows: np.ndarray
    part: np.ndarray
    domain: np.ndarray
    rows: np.ndarray
    likeness: np.ndarray
    usual: float
    compared: int
    seen: int

    @property
    def alike_from(self) -> float:
        """From where on two pictures count as the same shot: `ALIKE`, or halfway from what is usual to equal where that is more.

        So digits, which are alike without being the same, don't all count.
        """
        return max(ALIKE, (1 + self.usual) / 2)

    def from_(self, threshold: float) -> pd.DataFrame:
        """Pairs at least so alike, the most alike first: test_row, part, domain, row, likeness."""
        kept = self.likeness >= threshold
        columns = {"test_row": self.test_rows, "part": self.part, "domain": self.domain, "row": self.rows, "likeness": self.likeness}
        return pd.DataFrame({name: values[kept] for name, values in columns.items()})


def seen_parts(domains: Domains, strategy: Strategy, judged: str = "test") -> list[Seen]:
    """What a run of this strategy reads, labelled or not, without the part that it is judged by."""
    target, source, own = domains.target, domains.source, strategy.reads_target_labels
    found = [Seen("train", "target", target.train), Seen("val", "target", target.val)] if own else []
    if strategy.reads_unlabelled:
        found.append(Seen("unlabelled", "target", domains.unlabelled))
    if source is not None and strategy.domain != "labelled":
        found.append(Seen("source_train", "source", source.train))
    if source is not None and not own:
        found.append(Seen("source_val", "source", source.val))
    return [each for each in found if len(each.rows) and each.part != judged]


def exact_twins(test_rows: np.ndarray, tested: Dataset, seen: Sequence[Seen], datasets: Mapping[str, Dataset]) -> pd.DataFrame:
    """Test pictures whose very pixels were seen, each with one such picture: test_row, part, domain, row."""
    tables = []
    ids, left = tested.content_ids[test_rows], np.ones(len(test_rows), bool)
    for each in seen:
        theirs, first = np.unique(datasets[each.domain].content_ids[each.rows], return_index=True)
        places = np.minimum(np.searchsorted(theirs, ids), len(theirs) - 1)
        at = np.flatnonzero(left & (theirs[places] == ids))
        left[at] = False
        tables.append(pd.DataFrame({"test_row": test_rows[at], "part": each.part, "domain": each.domain, "row": each.rows[first[places[at]]]}))
    columns = ["test_row", "part", "domain", "row"]
    return pd.concat(tables, ignore_index=True).sort_values("test_row", ignore_index=True) if tables else pd.DataFrame(columns=columns)


def find_twins(
    test_rows: np.ndarray, tested: Dataset, seen: Sequence[Seen], datasets: Mapping[str, Dataset], report: Callable[[float], None] = lambda fraction: None
) -> Twins:
    """Compare each test picture with the seen ones. Takes about a second for ten thousand small pictures, and more for large ones.

    report: hears the share that is done, and may raise to end it.
    """
    chosen = _within(MOST_PIXELS, test_rows, tested, seen, datasets)
    whole = len(test_rows) + sum(len(each.rows) for each in chosen)
    read = _Reading(lambda done: report(done / 2), whole)  # Reading takes about half of the time.
    ours = read(tested, test_rows)
    theirs = np.concatenate([read(datasets[each.domain], each.rows) for each in chosen])
    place, alike = _most_alike(ours, theirs, lambda done: report((1 + done) / 2))
    part = np.repeat([each.part for each in chosen], [len(each.rows) for each in chosen])
    domain = np.repeat([each.domain for each in chosen], [len(each.rows) for each in chosen])
    rows = np.concatenate([each.rows for each in chosen])
    names = np.concatenate([_names(datasets[each.domain], each.rows) for each in chosen])
    usual = _usual(ours, theirs, place, _names(tested, test_rows), names)
    order = np.argsort(-alike, kind="stable")
    order = order[alike[order] > 0]
    at = place[order]
    return Twins(test_rows[order], part[at], domain[at], rows[at], alike[order], usual, len(rows), sum(len(each.rows) for each in seen))


def save_twins(run_dir: Path, domain: str, twins: Twins) -> None:
    """Keep what was found for the test pictures of a domain in the run's folder; the file appears whole."""
    with whole_file(_path(run_dir, domain)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, version=_VERSION, **{field.name: getattr(twins, field.name) for field in dataclasses.fields(Twins)})


def load_twins(run_dir: Path, domain: str) -> Twins | None:
    """What `save_twins` kept; None where nobody has looked yet, or the file can't be read."""
    try:
        with np.load(_path(run_dir, domain), allow_pickle=False) as stored:
            if int(stored["version"]) != _VERSION:
                return None
            found = {field.name: stored[field.name] for field in dataclasses.fields(Twins)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Twins(**{**found, "usual": float(found["usual"]), "compared": int(found["compared"]), "seen": int(found["seen"])})


def domains_of(run_dir: Path) -> Domains:
    """The split of a finished run. Raises NotFoundError."""
    return Domains.load(run_dir / "split.npz")


def _path(run_dir: Path, domain: str) -> Path:
    if domain not in ("target", "source"):
        raise NotFoundError(f"no domain '{domain}'. Choose target or source.")
    return run_dir / f"twins-{domain}.npz"


class _Reading:
    """Reduces pictures a few at a time and tells how far it is."""

    def __init__(self, report: Callable[[float], None], whole: int) -> None:
        self._report, self._whole, self._done = report, whole, 0

    def __call__(self, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(rows), READ_AT_ONCE):
            found.append(reduced(dataset, rows[start : start + READ_AT_ONCE]))
            self._done += len(found[-1])
            self._report(self._done / self._whole)
        return np.concatenate(found)


def _within(most_pixels: int, test_rows: np.ndarray, tested: Dataset, seen: Sequence[Seen], datasets: Mapping[str, Dataset]) -> list[Seen]:
    """So many of the seen pictures, evenly chosen, that reading all of them stays within a number of pixels."""
    room = most_pixels - _pixels(tested, test_rows)
    step = max(1, -(-sum(_pixels(datasets[each.domain], each.rows) for each in seen) // max(room, most_pixels // 4)))
    return [each._replace(rows=each.rows[::step]) for each in seen]


def _pixels(dataset: Dataset, rows: np.ndarray) -> int:
    return int((dataset.widths[rows].astype(np.int64) * dataset.heights[rows]).sum())


def _most_alike(ours: np.ndarray, theirs: np.ndarray, report: Callable[[float], None]) -> tuple[np.ndarray, np.ndarray]:
    """Of each of ours the place of the most alike among theirs, and its likeness. Shapes: (n, s, s), (m, s, s) → (n,), (n,)."""
    from threadpoolctl import threadpool_limits

    vectors, count = unit(halved(theirs)), min(CANDIDATES, len(theirs))
    places, alike = np.zeros(len(ours), np.int64), np.zeros(len(ours), np.float32)
    for start in range(0, len(ours), COMPARED_AT_ONCE):
        block = ours[start : start + COMPARED_AT_ONCE]
        with threadpool_limits(1, "blas"):  # Small products: more threads only wait for each other on a busy machine.
            products = unit(halved(block)) @ vectors.T
        near = np.argpartition(products, -count, axis=1)[:, -count:]
        found = likeness(np.repeat(block, count, axis=0), theirs[near.ravel()]).reshape(near.shape)
        best = found.argmax(axis=1)
        places[start : start + len(block)] = near[np.arange(len(block)), best]
        alike[start : start + len(block)] = found.max(axis=1)
        report((start + len(block)) / len(ours))
    return places, alike


def _names(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The class of each row by name: two domains may number them differently."""
    named: np.ndarray = np.array(dataset.classes)[dataset.labels[rows]]
    return named


def _usual(ours: np.ndarray, theirs: np.ndarray, place: np.ndarray, our_names: np.ndarray, their_names: np.ndarray) -> float:
    """The likeness that one in a hundred pairs reaches which have nothing in common but their class: the most alike ones, at `place`, are none."""
    rng = np.random.default_rng(len(ours))
    by_name = {name: np.flatnonzero(their_names == name) for name in np.unique(our_names)}
    pairs = [(at, int(rng.choice(by_name[our_names[at]]))) for at in rng.integers(0, len(ours), CHANCE_PAIRS).tolist() if len(by_name[our_names[at]])]
    one, other = np.array([pair for pair in pairs if pair[1] != place[pair[0]]], np.int64).reshape(-1, 2).T
    return float(np.percentile(likeness(ours[one], theirs[other]), CHANCE_PERCENTILE)) if len(one) else 0.0

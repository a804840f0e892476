"""What a finished run learned from and was tested on: pictures by class, domain and part, from the split that it left."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pandas as pd

from tlcore.class_shares import ShareChange, share_change
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains
from tlcore.datasets.splits import PARTS
from tlcore.strategies import Strategy

UNLABELLED = "unlabelled"
ROLES = ("train", UNLABELLED, "val", "test")
COLUMNS = ["class", "domain", "role", "pictures"]


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """Pictures of a run by what they were for.

    `counts`: one row for each class, domain (target | source) and role (one of ROLES): class, domain, role, pictures.
    `idle`: pictures that the run neither learned from nor looked at, by domain and role: there only because of how the data was divided.
    """

    classes: tuple[str, ...]
    counts: pd.DataFrame
    idle: dict[tuple[str, str], int]
    learnt: np.ndarray  # Labelled pictures learned from, by class: int64 (k,).

    @property
    def domains(self) -> tuple[str, ...]:
        """target, and source where there is one."""
        return tuple(dict.fromkeys(self.counts["domain"]))

    def of(self, domain: str, role: str | None = None) -> np.ndarray:
        """Pictures of each class in a domain, of one role or of all. Shapes: int64 (k,)."""
        held = self.counts[(self.counts["domain"] == domain) & ((self.counts["role"] == role) | (role is None))]
        found = held.groupby("class", sort=False)["pictures"].sum().reindex(list(self.classes), fill_value=0)
        return found.to_numpy(np.int64)

    def total(self, domain: str, role: str) -> int:
        return int(self.of(domain, role).sum())

    @functools.cached_property
    def to_tested(self) -> ShareChange | None:
        """From the class shares of what it learned from to those of the target's test pictures."""
        return share_change(self.learnt, self.of("target", "test"), self.classes)

    @functools.cached_property
    def between_domains(self) -> ShareChange | None:
        """From the class shares of all the source's pictures to those of all the target's; None without a source."""
        return share_change(self.of("source"), self.of("target"), self.classes) if "source" in self.domains else None

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """One row a class: class, a column for each domain and role that has pictures, then the shares of what was learned from and tested on."""
        columns: dict[str, object] = {"class": list(self.classes)}
        for domain in reversed(self.domains):
            columns |= {f"{domain}_{role}": self.of(domain, role) for role in ROLES if self.total(domain, role)}
        tested = self.of("target", "test")
        columns |= {"learned_share": self.learnt / max(1, self.learnt.sum()), "tested_share": tested / max(1, tested.sum())}
        return pd.DataFrame(columns)

    @functools.cached_property
    def shares(self) -> pd.DataFrame:
        """Class shares of each domain: class, domain, share, pictures; of all pictures of a domain."""
        tables = []
        for domain in self.domains:
            pictures = self.of(domain)
            tables.append(pd.DataFrame({"class": list(self.classes), "domain": domain, "share": pictures / max(1, pictures.sum()), "pictures": pictures}))
        return pd.concat(tables, ignore_index=True)


def run_data(run_dir: Path, strategy: Strategy, target: Dataset) -> RunData:
    """Count the pictures of a run. Raises NotFoundError when its split is gone.

    Labels that the run could not read are looked up in the dataset: this is for people who look at their data.
    """
    domains = Domains.load(run_dir / "split.npz")
    classes, k = domains.target.classes, len(domains.target.classes)
    found = {("target", part): np.bincount(domains.target.labels(getattr(domains.target, part)), minlength=k) for part in PARTS}
    everyone = np.bincount(target.labels[domains.unlabelled], minlength=len(target.classes))
    found["target", UNLABELLED] = everyone[[target.classes.index(name) for name in classes]]
    if domains.source is not None:
        found |= {("source", part): np.bincount(domains.source.labels(getattr(domains.source, part)), minlength=k) for part in PARTS}
    rows = [(name, domain, role, int(pictures)) for (domain, role), each in found.items() for name, pictures in zip(classes, each, strict=True)]
    learns = [("target", "train")] * strategy.reads_target_labels + [("source", "train")] * (domains.source is not None and strategy.domain != "labelled")
    unread = {("target", UNLABELLED): not strategy.reads_unlabelled, ("source", "train"): ("source", "train") not in learns}
    idle = {place: int(found[place].sum()) for place, is_idle in unread.items() if is_idle and place in found and found[place].any()}
    learnt = sum((found[place] for place in learns), np.zeros(k, np.int64))
    return RunData(classes, pd.DataFrame(rows, columns=COLUMNS), idle, learnt)

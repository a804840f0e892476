"""A new revision of a dataset: the same pictures but for some that are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from tlcore.datasets.dataset import Dataset
from tlcore.datasets.ingest import Plan, ingest
from tlcore.datasets.layout import shown
from tlcore.datasets.stored import from_file
from tlcore.errors import InputError
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tlcore.reporter import Reporter

LEFT_OUT = "marked as in the wrong class"


def revise(dataset: Dataset, left_out: Collection[str], name: str, workspace: Workspace, reporter: Reporter) -> Dataset:
    """Write a dataset without the pictures that have these content ids, nor their copies, as a new one.

    Pictures keep their bytes, so what is stored of them in the activation cache serves on.
    Raises: InputError where nothing is left out, or too little left; ResourceError; what `reporter.check` raises.
    """
    kept = np.flatnonzero(~np.isin(dataset.content_ids, list(left_out)))
    if len(kept) == len(dataset):
        raise InputError(f"{dataset.name}: none of its pictures is marked, so a revision would be a copy. Mark pictures first.")
    labels, official = dataset.labels[kept], dataset.official[kept]
    plan = Plan(
        where=f"revision of {shown(dataset.name)}",
        source=f"Revision of {dataset.name}",
        classes=dataset.classes,
        names=[f"picture {row}" for row in kept],
        labels=labels.tolist(),
        official=official.tolist(),
        bursts=dataset.bursts[kept].tolist(),
        read=lambda place: dataset.image_bytes(kept[place]),
        store=from_file,
        estimated_bytes=dataset.report.bytes,
        skipped=Counter({LEFT_OUT: len(dataset) - len(kept)}),
    )
    return ingest(plan, name, workspace, reporter)

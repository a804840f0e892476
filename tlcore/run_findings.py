"""What a finished run's page says beside its figures, as JSON: the generalisation gap, its pictures, duplicates, likely label errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tlcore import gap, leakage
from tlcore.choosing import Choice
from tlcore.class_shares import ShareChange
from tlcore.datasets.dataset import Dataset
from tlcore.label_errors import load_label_errors
from tlcore.results import Predictions
from tlcore.run_data import run_data
from tlcore.store import Job, Store
from tlcore.without import accuracy_without


def findings(job: Job, store: Store, tested: Mapping[str, Predictions]) -> dict[str, Any]:
    """All of it; what nobody has looked for yet is null. tested: predictions by part, as of `evaluation.evaluate_run`.

    Raises NotFoundError where the run's split or its datasets are gone.
    """
    ids = {"target": job.payload["dataset_id"], "source": job.payload.get("source_id", job.payload["dataset_id"])}
    datasets = {domain: Dataset.open(store.workspace.dataset(dataset_id)) for domain, dataset_id in ids.items()}
    return {
        "learning": learning(job, store.epochs(job.id)),
        "data": _data(job, store, datasets["target"]),
        "duplicates": {name: _duplicates(job, store, name, given, datasets) for name, given in tested.items()},
        "label_errors": _label_errors(job, store),
    }


def learning(job: Job, epochs: pd.DataFrame) -> dict[str, Any]:
    """The epoch that was chosen, the gap at it, and that in words."""
    choice, config = Choice.of(job.payload["config"]), job.config
    best = choice.best(zip(epochs["epoch"], epochs[choice.monitor], strict=True)) if choice.monitor in epochs else None
    points = gap.gaps(epochs, not config.strategy.reads_target_labels, best)
    at = points[points["epoch"] == best]
    return {
        "monitor": choice.monitor, "best_epoch": best,
        "gap": json.loads(at[["metric", "part", "value"]].to_json(orient="records", double_precision=15)),
        "in_words": gap.in_words(points, best) if best is not None else [],
    }


def _data(job: Job, store: Store, target: Dataset) -> dict[str, Any]:
    found = run_data(store.workspace.run(job.id), job.config.strategy, target)
    return {
        "classes": json.loads(found.table.to_json(orient="records", double_precision=15)),
        "learnt_to_tested": _change(found.to_tested),
        "source_to_target": _change(found.between_domains),
    }


def _change(change: ShareChange | None) -> dict[str, Any] | None:
    return None if change is None else dataclasses.asdict(change) | {"beyond_chance": bool(change.beyond_chance)}


def _duplicates(job: Job, store: Store, part: str, given: Predictions, datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Test pictures that the run has seen: the very same ones, and where somebody has looked those of the same shot as well."""
    folder, domain = store.workspace.run(job.id), "source" if part.startswith("source") else "target"
    seen = leakage.seen_parts(leakage.domains_of(folder), job.config.strategy, judged=part)
    exact = leakage.exact_twins(given.rows, datasets[domain], seen, datasets)["test_row"].to_numpy(np.int64)
    twins = leakage.load_twins(folder, domain)
    near = None if twins is None else np.union1d(exact, twins.from_(twins.alike_from)["test_row"].to_numpy(np.int64))
    return {
        "equal": _without(given, exact),
        "equal_or_alike": None if near is None or twins is None else {"alike_from": twins.alike_from} | _without(given, near),
    }


def _without(given: Predictions, rows: np.ndarray) -> dict[str, Any]:
    found = accuracy_without(given, rows)
    shares = {"on_all": found.everything, "on_these": found.concerned, "without_them": found.rest}
    told = {name: None if share is None else {"accuracy": share.accuracy, "pictures": share.pictures, "low": share.interval.low, "high": share.interval.high} for name, share in shares.items()}
    raised = found.raised_interval
    return {"pictures": len(rows), **told, "raised": found.raised, "raised_low": raised.low if raised else None, "raised_high": raised.high if raised else None}


def _label_errors(job: Job, store: Store) -> dict[str, Any] | None:
    found = load_label_errors(store.workspace.run(job.id))
    return None if found is None else {"pictures": found.pictures, "accuracy": found.accuracy, "suspects": len(found.table)}

"""The whole state of training in one file, so that a resumed run equals an uninterrupted one."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.errors import ConflictError
from tlcore.workspace import whole_file

KEPT = 2


@dataclasses.dataclass
class State:
    """What training needs to go on: epochs done, weights, optimiser, and the best epoch so far."""

    epoch: int
    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    best_epoch: int
    best_metrics: dict[str, float]
    best_weights: list[np.ndarray]


def path_of(run_dir: Path, epoch: int) -> Path:
    return run_dir / f"checkpoint-{epoch}.npz"


def save(state: State, config_hash: str, run_dir: Path) -> Path:
    """Write `checkpoint-<epoch>.npz` whole; only the newest two stay."""
    best_is_last = state.best_epoch == state.epoch
    about = {
        "epoch": state.epoch, "best_epoch": state.best_epoch, "best_metrics": state.best_metrics,
        "config_hash": config_hash, "counts": [len(state.weights), len(state.optimizer)],
    }
    lists = {"weight": state.weights, "optimizer": state.optimizer, "best": [] if best_is_last else state.best_weights}
    arrays: dict[str, Any] = {f"{name}_{i}": array for name, each in lists.items() for i, array in enumerate(each)}
    path = path_of(run_dir, state.epoch)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)
    upto_now = [each for each in run_dir.glob("checkpoint-*.npz") if _epoch_of(each) <= state.epoch]
    remove(run_dir, keep=sorted(upto_now, key=_epoch_of)[-KEPT:])
    return path


def _epoch_of(path: Path) -> int:
    return int(path.stem.partition("-")[2])


def load(path: Path, config_hash: str) -> State:
    """Read what `save` wrote. Raises ConflictError when the settings were others."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["config_hash"] != config_hash:
                raise ConflictError(f"{path.name} belongs to other settings. Start a new run instead of resuming this one.")
            weights = [file[f"weight_{i}"] for i in range(about["counts"][0])]
            optimizer = [file[f"optimizer_{i}"] for i in range(about["counts"][1])]
            best = weights
            if about["best_epoch"] != about["epoch"]:
                best = [file[f"best_{i}"] for i in range(len(weights))]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConflictError(f"{path.name} can't be read ({error.__class__.__name__}). Start the run anew.") from error
    return State(about["epoch"], weights, optimizer, about["best_epoch"], about["best_metrics"], best)


def remove(run_dir: Path, keep: Sequence[Path] = ()) -> None:
    """Delete the checkpoints of a run except those to keep."""
    for path in run_dir.glob("checkpoint-*.npz"):
        if path not in keep:
            path.unlink(missing_ok=True)

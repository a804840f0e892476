"""The card of a finished run's model: what it is for, what it learnt from, how good it is, and where it fails.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting". The head is the YAML that model hubs read.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import jinja2
import numpy as np
import yaml

from tlcore import __version__, backbones, chains
from tlcore.amounts import size
from tlcore.backbones import ELSEWHERE, BackboneSpec
from tlcore.datasets.dataset import Dataset
from tlcore.errors import NotFoundError
from tlcore.evaluation import Evaluation, evaluate_run
from tlcore.exports import Check, Kind
from tlcore.figure_words import TEST_WORDS, between, written
from tlcore.forecast.figures import has_seen
from tlcore.limits import limits
from tlcore.markdown import inline
from tlcore.results import PICTURES, load_summary
from tlcore.run_data import run_data
from tlcore.run_findings import findings
from tlcore.store import Job, Store
from tlcore.weight_sets import Training

MOST_CLASSES_NAMED = 30


def model_card(run: Job, store: Store, made: Mapping[Kind, Check] | None = None, parts: Mapping[str, Evaluation] | None = None) -> str:
    """The card as Markdown with a YAML head; all names from outside are escaped.

    made: files that it is about. parts: `evaluation.evaluate_run`, where somebody has it already.
    Raises NotFoundError for a run without a result.
    """
    run_dir = store.workspace.run(run.id)
    summary, parts = load_summary(run_dir), parts or evaluate_run(run_dir)
    first = next(iter(parts.values()))
    network, before = backbones.spec(run.config.backbone.name), _before(run, store)
    return _template().render(
        head=_head(run, network, first), run=run, summary=summary, classes=_some(first.predictions.classes), side_px=run.config.backbone.input_size or network.usual_size,
        verdict=[part.in_words for part in parts.values()], network=network, before=_in_words(before), own_weights=run.config.backbone.weights not in ELSEWHERE,
        frozen=_frozen(run, network), data=_data(run, store), settings=run.config.to_yaml().strip(), figures=[(PICTURES[part.predictions.split], _figures(part)) for part in parts.values()],
        classes_table=_classes(first), calibration=first.calibration.in_words if first.calibration else None, limits=limits(first, _findings(run, store, parts), _seen(before, run, store)),
        costs=_costs(summary), made=made or {}, about=_about(run, run_dir, summary),
    )  # fmt: skip


@functools.cache
def _template() -> jinja2.Template:
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"inline": lambda text: inline(str(text)), "count": lambda number: f"{number:,}", "without_folders": _without_folders}
    return environment.get_template("model_card.md")


def _head(run: Job, network: BackboneSpec, found: Evaluation) -> str:
    """Keys as model hubs know them."""
    config = run.config
    metrics = [{"type": kind, "value": round(float(value), 4)} for kind, name in (("accuracy", "accuracy"), ("f1", "macro_f1")) if (value := found.figures[name]) is not None]
    datasets = [name for name in (config.dataset, config.source.dataset) if name]
    head = {
        "license": "other", "library_name": "keras", "pipeline_tag": "image-classification", "base_model": network.name, "datasets": list(dict.fromkeys(datasets)),
        "tags": ["image-classification", "transfer-learning"], "metrics": [each["type"] for each in metrics],
        "model-index": [{"name": run.title, "results": [{
            "task": {"type": "image-classification"}, "dataset": {"name": config.dataset, "type": config.dataset, "split": found.predictions.split}, "metrics": metrics,
        }]}],
    }  # fmt: skip
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True).strip()


def _without_folders(source: str) -> str:
    """Of a path its last part: cards are passed on, and where files lay here is nobody's business elsewhere."""
    return next((path.name or source for kind in (PurePosixPath, PureWindowsPath) if (path := kind(source)).is_absolute()), source)


def _some(classes: tuple[str, ...]) -> str:
    more = len(classes) - MOST_CLASSES_NAMED
    return ", ".join(map(inline, classes[:MOST_CLASSES_NAMED])) + (f" and {more:,} more" if more > 0 else "")


def _before(run: Job, store: Store) -> tuple[Training, ...] | None:
    """What the backbone had been trained on before this run; None where nobody knows."""
    try:
        return chains.trained_on(store, run.config.backbone)
    except NotFoundError:
        return None


def _in_words(before: tuple[Training, ...] | None) -> str:
    if before is None:
        return "nobody here knows what"
    return ", then ".join(map(str, before)) or "nothing: its weights were drawn at random"


def _seen(before: tuple[Training, ...] | None, run: Job, store: Store) -> list[str]:
    """Of what it had been trained on, what is this run's own dataset."""
    try:
        record = store.dataset(run.config.dataset)
    except NotFoundError:
        return []
    return [str(each) for each in before or () if has_seen(each, record)]


def _frozen(run: Job, network: BackboneSpec) -> str:
    learnt = run.config.freeze.trainable_blocks
    if not learnt:
        return f"All {len(network.blocks)} blocks stayed as they came; only the head was learnt."
    if learnt == len(network.blocks):
        return "All blocks were learnt, and the head."
    return f"The upper {learnt} of {len(network.blocks)} blocks and the head were learnt; those below stayed as they came."


def _data(run: Job, store: Store) -> dict[str, Any] | None:
    """Datasets with their reports, and pictures by class and part; None where a dataset or the split is gone."""
    try:
        datasets = [Dataset.open(store.workspace.dataset(each)) for each in dict.fromkeys(filter(None, (run.payload["dataset_id"], run.payload.get("source_id"))))]
        table = run_data(store.workspace.run(run.id), run.config.strategy, datasets[0]).table
    except NotFoundError:
        return None
    counts = table.drop(columns=["learned_share", "tested_share"])
    heads = [str(name).replace("_", ", ").replace("target, ", "" if len(datasets) == 1 and not run.config.source.dataset else "target, ") for name in counts.columns]
    totals = ["all", *(int(counts[name].sum()) for name in counts.columns[1:])]
    return {"datasets": datasets, "heads": heads, "rows": [*counts.values.tolist(), totals]}


def _findings(run: Job, store: Store, parts: Mapping[str, Evaluation]) -> dict[str, Any] | None:
    try:
        return findings(run, store, {name: part.predictions for name, part in parts.items()})
    except NotFoundError:
        return None


def _figures(found: Evaluation) -> list[tuple[str, ...]]:
    """Figure, value, interval, then the baselines."""
    return [
        (words.title, written(name, found.figures[name]), between(name, found.intervals[name]), *(written(name, theirs.get(name)) for theirs in found.baselines.values()))
        for name, words in TEST_WORDS.items()
    ]


def _classes(found: Evaluation) -> list[tuple[str, ...]]:
    return [
        (row["class"], *(f"{row[name]:.2f} ({row[f'{name}_low']:.2f}–{row[f'{name}_high']:.2f})" if np.isfinite(row[name]) else "–" for name in ("precision", "recall", "f1")), f"{row['support']:,}")
        for _, row in found.per_class.iterrows()
    ]


def _costs(summary: Mapping[str, Any]) -> dict[str, str]:
    costs = {
        "Training": f"{summary['seconds']:,.0f} s of work, {summary['epochs']} epochs, of which epoch {summary['best_epoch']} was kept",
        "Parameters": f"{summary['total_params']:,}, of which {summary['trainable_params']:,} were learnt",
        "Size": size(summary["model_bytes"]),
    }
    if summary.get("latency_ms"):
        costs["Latency"] = f"{summary['latency_ms']:.1f} ms a picture, one at a time, with OpenVINO on the machine below"
    return costs


def _about(run: Job, run_dir: Path, summary: Mapping[str, Any]) -> dict[str, str]:
    """When, where and with what it was made, and hashes to recognise it by."""
    try:
        machine = json.loads((run_dir / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        machine = {}
    ended = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(run.finished_at)) if run.finished_at else "unknown"
    found = {
        "Run": f"{run.id}, ended {ended}", "Made with": f"Transfer Learning Workbench {__version__}, Python {machine.get('python', '–')}",
        "Packages": ", ".join(f"{name} {version}" for name, version in machine.get("packages", {}).items()),
        "Machine": ", ".join(str(machine[name]) for name in ("processor", "platform") if name in machine) + "".join(f", {gpu}" for gpu in machine.get("gpus", [])),
        "Settings": summary.get("config_hash", ""), "Test pictures": summary.get("test_ids_hash", ""), "Pretrained weights": summary.get("weights_sha256") or "", "Model": _model_hash(run_dir),
    }  # fmt: skip
    return {name: text for name, text in found.items() if text}


def _model_hash(run_dir: Path) -> str:
    """Of the files that the run left."""
    digest, found = hashlib.sha256(), [path for name in ("model.xml", "model.bin", "model.keras") if (path := run_dir / name).exists()]
    for path in found:
        digest.update(path.read_bytes())
    return f"{digest.hexdigest()} ({' + '.join(path.name for path in found)})" if found else ""

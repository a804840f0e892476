"""`python -m benchmarks.sweep_runs ORDER`: carry out runs one after another in one warm process.

ORDER is a JSON file: workspace, dataset and runs are folders, configs the settings of the runs. With `convert`
nothing is run; the network of that run is converted for OpenVINO, so that a later process finds it.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tlcore import backbones
from tlcore.config import RunConfig, parse
from tlcore.cuts import cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.nn import training, warming
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.reporter import NullReporter
from tlcore.workspace import Workspace


def main(order: dict[str, Any]) -> dict[str, Any]:
    """Seconds of all runs together, by phase and by run, and the test accuracy of the best by validation."""
    workspace, dataset, folder = Workspace(Path(order["workspace"])), Dataset.open(Path(order["dataset"])), Path(order["runs"])
    if order["convert"]:
        convert(parse(order["convert"]), workspace)
        return {}
    configs = [parse(config) for config in order["configs"]]
    shutil.rmtree(folder, ignore_errors=True)
    warming.warm_up(workspace)
    began, ends, summaries = time.perf_counter(), [], []
    for number, config in enumerate(configs):
        summaries.append(training.run(config, dataset, workspace, folder / f"{number:03d}", NullReporter()))
        ends.append(time.perf_counter() - began)
    best = max(summaries, key=lambda summary: summary["best_val_accuracy"])
    phases: Counter[str] = Counter()
    for summary in summaries:
        phases.update(summary["phases"])
    return {
        "seconds": ends[-1], "runs_s": [round(end - before, 3) for before, end in zip([0.0, *ends], ends, strict=False)],
        "phases": dict(phases), "test_accuracy": best["test_accuracy"], "test_pictures": best["test_images"],
    }


def convert(config: RunConfig, workspace: Workspace) -> None:
    spec = backbones.spec(config.backbone.name)
    side_px = config.backbone.input_size or spec.usual_size
    backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed)
    Prefix(backbone, cut_for(spec, config.freeze.trainable_blocks, config.head.pooling), workspace).converted()


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))

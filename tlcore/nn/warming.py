"""What a worker does before a job is there, so that a run doesn't wait for it: libraries, threads, first traces."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tlcore import backbones, route, weight_sets
from tlcore.activations import HeldRows, Layout, content_keys, read_layout
from tlcore.config import DEMO, RunConfig, parse
from tlcore.cuts import cut_for, identity_of
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.splits import make_split
from tlcore.forecast.costs import head_params
from tlcore.metrics import evaluate
from tlcore.nn import devices, training
from tlcore.nn.models import Backbone, prefix_model
from tlcore.nn.openvino_engine import OpenVINOEngine
from tlcore.nn.prefix import Prefix, convert
from tlcore.nn.strategies import frozen
from tlcore.nn.strategy import Part, Parts, Recipe
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace

ROWS = 32
MOST_BYTES, MOST_STEPS, MOST_PARAMS = 64 * 2**20, 1000, 2_000_000  # Of stored activations, of an epoch, of a head.


def warm_up(workspace: Workspace | None = None) -> None:
    """Try once everything that the demonstration needs.

    With a workspace the bundled network is also converted there, once for all.
    """
    devices.apply(devices.plan())
    config = parse(DEMO)
    spec = backbones.spec(config.backbone.name)
    cut = cut_for(spec, 0, config.head.pooling)
    backbone = Backbone(spec, "bundled", spec.usual_size)
    if workspace is not None and backbone.weights_path.exists():
        engine = Prefix(backbone, cut, workspace).engine
    else:
        engine = OpenVINOEngine(convert(prefix_model(Backbone(spec, "none", spec.usual_size), cut)))
    engine.start(np.zeros((1, spec.usual_size, spec.usual_size, 3), np.uint8), 0, lambda position, rows: None)
    engine.wait()
    _try_head(config, Layout(engine.row_shape, cut.dtype), 10)


def rehearse(config: RunConfig, dataset: Dataset, workspace: Workspace, folder: Path, reporter: Reporter) -> bool:
    """Carry out a run like this one up to its first epoch, below `folder`: often the next one is like it.

    Only where all its activations are stored and it is done in a second; False, and nothing done, otherwise.
    """
    spec = backbones.spec(config.backbone.name)
    identity = identity_of(config, spec, "openvino", weight_sets.made_already(config.backbone, workspace))
    if config.strategy.name != "frozen" or config.source.dataset or config.freeze.trainable_blocks or config.augment.enabled or identity is None or devices.plan().used:
        return False
    side_px = config.backbone.input_size or spec.usual_size
    split = make_split(dataset, config.classes, config.split)
    learnt, judged = (content_keys(dataset.content_ids[rows]) for rows in (split.train, np.concatenate([split.val, split.test])))
    pictures = len(learnt) + len(judged)
    if pictures > MOST_STEPS * config.train.batch_size or head_params(config.head.pooling, config.head.hidden, spec, side_px, len(dataset.classes)) > MOST_PARAMS:
        return False
    exact, via = route.exactly(identity), route.nearest_stored_maps(identity, spec, learnt, workspace)
    identity = route.by_way_of(identity, via) if via else identity
    layout, _ = read_layout(workspace.activations / exact.key)
    if layout is None or pictures * layout.row_bytes > MOST_BYTES or route.lacking(identity, learnt, workspace) or route.lacking(exact, judged, workspace):
        return False
    short = config.model_copy(update={"train": config.train.model_copy(update={"epochs": 1})})
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as run_dir:
        training.run(short, dataset, workspace, Path(run_dir), reporter)
    return True


def _try_head(config: RunConfig, layout: Layout, classes: int) -> None:
    cut = cut_for(backbones.spec(config.backbone.name), 0, config.head.pooling)
    trainer = frozen.trainer_of_head(cut, layout.row_shape, classes, Recipe.of(config))
    rows = HeldRows(np.zeros((ROWS, *layout.row_shape), layout.dtype))
    trainer.epoch(1, Parts(Part.of(rows, np.zeros(ROWS, np.int64))))
    evaluate(np.array([0, 1]), trainer.probabilities(rows)[:2])

"""What a worker does before a job is there, so that a run doesn't wait for it: libraries, threads, first traces."""

from __future__ import annotations

import numpy as np

from tlcore import backbones
from tlcore.activations import ActivationCache, HeldRows, Layout
from tlcore.config import DEMO, RunConfig, parse
from tlcore.cuts import cut_for, identity_of
from tlcore.metrics import evaluate
from tlcore.nn import devices
from tlcore.nn.models import Backbone, prefix_model
from tlcore.nn.openvino_engine import OpenVINOEngine
from tlcore.nn.prefix import Prefix, convert
from tlcore.nn.strategies import frozen
from tlcore.workspace import Workspace

ROWS = 32


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


def prepare_for(config: RunConfig, classes: int, workspace: Workspace) -> None:
    """Compile the head of a run like this one, where its activations are stored: often the next one is."""
    spec = backbones.spec(config.backbone.name)
    identity = identity_of(config, spec, "openvino")
    if config.freeze.trainable_blocks or identity is None:
        return
    layout = ActivationCache(workspace.activations / identity.key).layout
    if layout is not None:
        _try_head(config, layout, classes)


def _try_head(config: RunConfig, layout: Layout, classes: int) -> None:
    cut = cut_for(backbones.spec(config.backbone.name), 0, config.head.pooling)
    trainer = frozen.trainer_of_head(cut, layout.row_shape, config.head, classes, config.optimizer, config.train)
    rows = HeldRows(np.zeros((ROWS, *layout.row_shape), layout.dtype))
    trainer.epoch(1, rows, np.zeros(ROWS, np.int64))
    evaluate(np.array([0, 1]), trainer.probabilities(rows)[:2])

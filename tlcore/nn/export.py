"""The finished model as files that a run leaves, and its network built anew; `exporting` makes what is asked for afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import keras

from tlcore import backbones, weight_sets
from tlcore.config import RunConfig, read_config
from tlcore.cuts import Cut, cut_for
from tlcore.errors import ConflictError, NotFoundError
from tlcore.nn import checkpoints, openvino_engine, openvino_graph, strategies
from tlcore.nn.classifier import Classifier, whole_model
from tlcore.nn.models import Backbone, row_shape
from tlcore.nn.openvino_engine import ov
from tlcore.nn.prefix import Prefix, convert
from tlcore.nn.strategy import Recipe
from tlcore.workspace import Workspace, whole_file

KERAS_FILE, OPENVINO_FILE = "model.keras", "model.xml"


def save_keras(backbone: Backbone, cut: Cut, classifier: Classifier, path: Path) -> keras.Model:
    """Write the whole model: uint8 pixels in, probabilities out, loads without this project."""
    model = whole_model(backbone, cut, classifier)
    with whole_file(path) as temporary:
        model.save(temporary)
    return model


def save_openvino(prefix: Prefix, classifier: Classifier, path: Path) -> None:
    """Write the same as .xml and .bin, float32. Raises RuntimeError where OpenVINO can't take the network."""
    openvino_engine.save(openvino_model(prefix, classifier), path)


def openvino_model(prefix: Prefix, classifier: Classifier) -> ov.Model:
    """The same in memory. Raises RuntimeError where OpenVINO can't take the network."""
    if prefix.cut.kind == "pixels":
        return convert(classifier.model())
    frozen = openvino_engine.core().read_model(prefix.exactly().converted())
    between = openvino_graph.within_float16 if prefix.cut.kind == "map" else None
    if classifier.is_chain:  # Nothing to trace: a hundred times as fast as converting.
        return openvino_graph.with_head(frozen, classifier.dense_weights(), between)
    return openvino_graph.join(frozen, convert(classifier.model()), between)


class Rebuilt(NamedTuple):
    """A finished run's network; the backbone's upper blocks are the classifier's tail, so they hold what was learnt."""

    backbone: Backbone
    cut: Cut
    classifier: Classifier


def rebuilt(run_dir: Path) -> Rebuilt:
    """The network of a finished run from its settings and its best epoch's weights.

    Raises: NotFoundError for a run without a finished model, ConflictError where the pretrained weights are others now.
    """
    try:
        config, summary = read_config(run_dir / "config.yaml"), json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
        state = checkpoints.load(checkpoints.path_of(run_dir, summary["epochs"]), summary["config_hash"])
    except (OSError, ValueError, KeyError):
        raise NotFoundError(f"run {run_dir.name} has no finished model. Wait for its end, or resume it.") from None
    backbone, cut = _network(config, summary, Workspace(run_dir.parents[1]))
    classifier = strategies.build(Recipe.of(config), backbone, cut, row_shape(backbone, cut), len(summary["classes"])).network
    for variable, value in zip(classifier.kept, state.best_weights, strict=False):  # What follows only helped to learn.
        variable.assign(value)
    return Rebuilt(backbone, cut, classifier)


def _network(config: RunConfig, summary: dict, workspace: Workspace) -> tuple[Backbone, Cut]:
    spec = backbones.spec(config.backbone.name)
    side_px, weight_set = config.backbone.input_size or spec.usual_size, weight_sets.chosen(config.backbone, workspace)
    backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed, weight_set=weight_set)
    if summary["weights_sha256"] not in (None, backbone.weights_hash):
        raise ConflictError(f"{backbone.weights_file} is no longer the file that the run began with. Put the old one back, or train again.")
    return backbone, cut_for(spec, config.freeze.trainable_blocks, config.head.pooling)

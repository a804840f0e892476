"""Labels that are probably wrong, by features of the pretrained network that the activation cache keeps."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from tlcore import backbones, label_errors, weight_sets
from tlcore.config import RunConfig
from tlcore.cuts import cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.datasets.domains import Domains
from tlcore.errors import InputError
from tlcore.label_errors import LabelErrors
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace

FEATURES_SHARE = 0.5  # Of the time, about; judging takes the rest.


def check(config: RunConfig, dataset: Dataset, run_dir: Path, workspace: Workspace, reporter: Reporter) -> LabelErrors:
    """Judge every picture of a finished run's dataset and classes, and keep what is suspect in the run's folder.

    Also those that the run itself left out, or had without their labels. The features are those of the backbone as it came, which no label of these pictures has touched.
    Raises: InputError for random weights, or too few pictures; ResourceError; what `reporter.check` raises.
    """
    if config.backbone.weights == "none":
        raise InputError("This run's backbone began with random weights, whose features tell little. Look for wrong labels on a run with pretrained weights.")
    reporter.phase("features")
    spec = backbones.spec(config.backbone.name)
    side_px, weight_set = config.backbone.input_size or spec.usual_size, weight_sets.chosen(config.backbone, workspace)
    backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed, weight_set=weight_set)
    prefix = Prefix(backbone, cut_for(spec, 0, "avg"), workspace, reporter.log)
    classes = Domains.load(run_dir / "split.npz").target.classes
    of_class = np.full(len(dataset.classes), -1)
    of_class[[dataset.classes.index(name) for name in classes]] = np.arange(len(classes))
    labels = of_class[dataset.labels]
    rows = np.flatnonzero(labels >= 0)
    ids = dataset.content_ids[rows]

    def pixels(positions: np.ndarray) -> np.ndarray:
        return dataset.pixels(rows[positions], backbone.side_px)

    found, use = activations(prefix, pixels, ids, workspace, reporter, functools.partial(_tell, reporter, "features", 0.0, FEATURES_SHARE))
    reporter.log(f"{use.computed} of {len(rows)} pictures went through the network; {use.hits} were stored already.")
    reporter.phase("judge")
    tell = functools.partial(_tell, reporter, "labels judged", FEATURES_SHARE, 1 - FEATURES_SHARE)
    suspect = label_errors.find(found.take(), labels[rows], rows, ids, classes, config.train.seed, tell, dataset.together[rows])
    label_errors.save_label_errors(run_dir, suspect)
    return suspect


def _tell(reporter: Reporter, what: str, before: float, share: float, fraction: float) -> None:
    reporter.check()
    reporter.progress(before + share * fraction, f"{fraction:.0%} of the {what}")

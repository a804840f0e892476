"""The shift between two domains, on pooled features of the frozen network that the activation cache keeps."""

from __future__ import annotations

import functools

import numpy as np

from tlcore import backbones, shift, weight_sets
from tlcore.config import RunConfig
from tlcore.cuts import cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.reporter import Reporter
from tlcore.workspace import Workspace

FEATURES_SHARE = 0.9  # Of the time, about; telling the domains apart takes the rest.


def measure(config: RunConfig, target: Dataset, source: Dataset, workspace: Workspace, reporter: Reporter) -> shift.Shift:
    """Compute what features are missing, then tell the domains apart by them. Raises InputError, ResourceError."""
    reporter.phase("features")
    spec = backbones.spec(config.backbone.name)
    side_px, weight_set = config.backbone.input_size or spec.usual_size, weight_sets.chosen(config.backbone, workspace)
    backbone = Backbone(spec, config.backbone.weights, side_px, config.train.seed, weight_set=weight_set)
    prefix = Prefix(backbone, cut_for(spec, 0, "avg"), workspace, reporter.log)
    chosen = shift.pictures(config, target, source)
    whole, done = sum(map(len, chosen)), 0
    clouds = []
    for name, dataset, rows in (("source", source, chosen[0]), ("target", target, chosen[1])):
        pixels = functools.partial(_pixels, dataset, rows, backbone.side_px)
        report = functools.partial(_report, reporter, done, len(rows), whole)
        found, use = activations(prefix, pixels, dataset.content_ids[rows], workspace, reporter, report)
        reporter.log(f"{name}: {use.computed} of {len(rows)} pictures went through the network; {use.hits} were stored already.")
        clouds.append(found.take())
        done += len(rows)
    reporter.phase("compare")
    reporter.progress(FEATURES_SHARE, f"{whole:,} pictures")
    score, error = shift.proxy_a_distance(*clouds)
    return shift.Shift(score, error, len(chosen[0]), len(chosen[1]), spec.name)


def _pixels(dataset: Dataset, rows: np.ndarray, side_px: int, positions: np.ndarray) -> np.ndarray:
    return dataset.pixels(rows[positions], side_px)


def _report(reporter: Reporter, before: int, count: int, whole: int, fraction: float) -> None:
    done = before + count * fraction
    reporter.progress(FEATURES_SHARE * done / whole, f"{done:,.0f} of {whole:,} pictures")

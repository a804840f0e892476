"""Backbones ranked on features that the activation cache keeps: one after another, each kept as soon as it is done."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from tlcore import backbones, weight_sets
from tlcore.cuts import cut_for
from tlcore.datasets.dataset import Dataset
from tlcore.errors import InputError, NotFoundError, ResourceError
from tlcore.nn import source_head
from tlcore.nn.features import activations
from tlcore.nn.models import Backbone
from tlcore.nn.prefix import Prefix
from tlcore.ranking import scores
from tlcore.ranking.pictures import MOST, training_pictures
from tlcore.ranking.table import Ranking, Row
from tlcore.reporter import Portion, Reporter
from tlcore.workspace import Workspace

FEATURES_SHARE = 0.8  # Of a backbone's time, about; its scores take the rest.


def rank(
    candidates: Sequence[Row], dataset: Dataset, classes: Sequence[str] | None, workspace: Workspace, reporter: Reporter,
    keep: Callable[[Ranking], None] = lambda ranking: None, most: int = MOST,
) -> Ranking:
    """Score every candidate on the same training pictures; `keep` is given what is there after each.

    A backbone that can't be had, or not at that size, has its reason instead of scores.
    Raises: InputError where classes or pictures are too few; what `reporter.check` raises.
    """
    rows, labels, names = training_pictures(dataset, classes, most)
    ranking = Ranking(dataset.id, dataset.name, names, len(rows), ())
    costs = np.array([_cost(row) for row in candidates])
    for number, candidate in enumerate(candidates):
        reporter.check()
        part = Portion(reporter, float(costs[:number].sum() / costs.sum()), float(costs[number] / costs.sum()))
        row = _ranked(candidate, dataset, rows, labels, workspace, part)
        reporter.log(f"{row.title}: {row.why_not or f'{row.seconds:.1f} s, {row.computed} of {len(rows)} pictures went through the network'}")
        ranking = dataclasses.replace(ranking, rows=(*ranking.rows, row))
        keep(ranking)
    return ranking


def _cost(row: Row) -> float:
    spec = backbones.spec(row.backbone["name"])
    return spec.costs(0, len(spec.blocks), row.side_px)[0]


def _ranked(row: Row, dataset: Dataset, rows: np.ndarray, labels: np.ndarray, workspace: Workspace, reporter: Reporter) -> Row:
    began, config = time.perf_counter(), row.config
    pixels = functools.partial(_pixels, dataset, rows)
    reporter.phase("features")
    try:
        backbone = Backbone(backbones.spec(config.name), config.weights, row.side_px, weight_set=weight_sets.chosen(config, workspace))
        prefix = Prefix(backbone, cut_for(backbone.spec, 0, "avg"), workspace, reporter.log)
        tell = functools.partial(_tell, reporter, row.title)
        found, use = activations(prefix, functools.partial(pixels, row.side_px), dataset.content_ids[rows], workspace, reporter, tell)
        features = found.take()
    except (InputError, NotFoundError, ResourceError) as error:
        return dataclasses.replace(row, why_not=str(error).removeprefix(f"{config.name}: "))
    if not np.isfinite(features).all():
        return dataclasses.replace(row, why_not="It gives no finite numbers for these pictures.")
    reporter.phase("scores")
    reporter.progress(FEATURES_SHARE, f"{row.title}: scores")
    measured, no_head = _of_features(features, labels), None
    try:
        answers = source_head.answers(backbone, features, pixels, workspace)
        measured |= {"leep": scores.leep(answers, labels), "nce": scores.nce(answers.argmax(axis=1), labels)}
    except NotFoundError as error:
        no_head = f"No LEEP and NCE: {error}"
    return dataclasses.replace(row, scores=measured, seconds=time.perf_counter() - began, computed=use.computed, no_head=no_head)


def _of_features(features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    with threadpool_limits(1, "blas"):  # Middling products: more threads wait for each other on a busy machine.
        found = {
            "regression": scores.logistic_regression(features, labels), "neighbours": scores.nearest_neighbours(features, labels),
            "log_me": scores.log_me(features, labels), "h_score": scores.h_score(features, labels),
        }
    return {name: value for name, value in found.items() if value is not None}


def _pixels(dataset: Dataset, rows: np.ndarray, side_px: int, positions: np.ndarray) -> np.ndarray:
    return dataset.pixels(rows[positions], side_px)


def _tell(reporter: Reporter, title: str, fraction: float) -> None:
    reporter.progress(FEATURES_SHARE * fraction, f"{title}: {fraction:.0%} of the features")

"""How well scores foretold what frozen runs have reached here: Kendall's tau over backbones."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tlcore import backbones
from tlcore.ranking.table import MEASURES, Ranking
from tlcore.records import Job, JobState
from tlcore.run_query import Wanted
from tlcore.store import Store

FEWEST = 3  # Two backbones are in the one order or the other: a coin would be right as often.
MOST_RUNS = 2_000


class Reached(NamedTuple):
    """What a backbone's frozen run came to: of several the one that was best on its validation pictures."""

    run: int
    accuracy: float  # On the test pictures.


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Of one measure: tau is 1 where it puts the backbones in the order that the runs did, -1 in the opposite one.

    p: how often a tau so far from 0 comes by chance. Both are None where every backbone has the same figure.
    """

    measure: str
    tau: float | None
    p: float | None
    backbones: int


def reached(store: Store, ranking: Ranking) -> dict[str, Reached]:
    """What frozen runs reached, by the titles of the ranking's backbones that have one.

    Of the ranking's dataset and classes, weights and input size; where runs had several sets of test or training
    pictures, those with the most backbones, or else the newest.
    """
    titles = {_key(row.backbone): row.title for row in ranking.rows if row.scores}
    groups: dict[tuple[str, int], dict[str, tuple[float, Reached]]] = defaultdict(dict)
    for job in store.runs.page(Wanted(states=(JobState.done,), datasets=(ranking.dataset,), strategies=("frozen",), hidden="with"), MOST_RUNS):
        title = titles.get(_key(job.payload["config"].get("backbone", {})))
        if title is None or not _fits(job, ranking):
            continue
        result: dict[str, Any] = job.result or {}
        by_title = groups[str(result.get("test_ids_hash")), result.get("train_images", 0)]
        found = (float(result.get("best_val_accuracy") or 0), Reached(job.id, result["test_accuracy"]))
        by_title[title] = max(by_title.get(title, found), found, key=lambda each: each[0])
    if not groups:
        return {}
    # The newest run comes first, and so does its group.
    return {title: each for title, (_, each) in max(groups.values(), key=len).items()}


def agreements(ranking: Ranking, accuracies: Mapping[str, float]) -> list[Agreement]:
    """Of each measure that three or more of these backbones, by title, have; the highest tau first.

    Source: Kendall 1938, A New Measure of Rank Correlation; tau-b, which allows for ties.
    """
    from scipy.stats import kendalltau

    found = []
    for measure in MEASURES:
        pairs = [(value, accuracies[row.title]) for row in ranking.rows if row.scores and row.title in accuracies and (value := row.figure(measure)) is not None]
        if len(pairs) >= FEWEST:
            tau, p = kendalltau(*np.array(pairs).T)
            found.append(Agreement(measure, None if np.isnan(tau) else float(tau), None if np.isnan(p) else float(p), len(pairs)))
    return sorted(found, key=lambda each: 2 if each.tau is None else -each.tau)


def _fits(job: Job, ranking: Ranking) -> bool:
    """Whether it is a run on these pictures in which the head alone learnt, and that was tested."""
    config, result = job.payload["config"], job.result or {}
    same = job.dataset_id == ranking.dataset_id and set(result.get("classes", ())) == set(ranking.classes)
    alone = not config.get("freeze", {}).get("trainable_blocks") and (config.get("source") or {}).get("dataset") is None
    return same and alone and result.get("test_accuracy") is not None and result.get("judged_on", "test") == "test"


def _key(backbone: Mapping[str, Any]) -> tuple[Any, ...]:
    """Equal for equal weights at one size; of settings as stored, from which what is usual may be missing."""
    name = backbone.get("name", "ResNet20")
    known = backbones.BACKBONES.get(name)
    side_px = backbone.get("input_size") or (known.usual_size if known else None)
    return name, backbone.get("weights", "bundled"), backbone.get("weight_set"), backbone.get("run"), side_px

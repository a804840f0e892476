"""Were several runs tested on the same pictures, in what do they differ if not, and which pictures do they share?"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from tlcore.config import RunConfig
from tlcore.errors import ConflictError
from tlcore.results import Predictions
from tlcore.store import Job


class OtherPictures(ConflictError):
    """Runs that were tested on other pictures.

    `common` of these are in all runs and can be evaluated; 0 where there are none, or the classes differ. `pictures`: how many each run was tested on.
    """

    def __init__(self, message: str, common: int, pictures: Mapping[int, int]) -> None:
        super().__init__(message)
        self.common, self.pictures = common, dict(pictures)


def check(jobs: Sequence[Job], predictions: Mapping[int, Predictions], common: bool, domain: str) -> None:
    """Raises OtherPictures, naming what differs, where classes differ, or pictures that need not be common ones."""
    first = predictions[jobs[0].id]
    own = set(_keys(first))
    others = [job for job in jobs[1:] if predictions[job.id].classes != first.classes or not (common or set(_keys(predictions[job.id])) == own)]
    if others:
        raise _refusal(jobs[0], others, predictions, domain)


def on_common_pictures(predictions: Mapping[int, Predictions]) -> dict[int, Predictions]:
    """Of each run the pictures that all were tested on with the same label, in the order of the first.

    A picture that is there several times counts as often as where it is rarest. Nobody learnt from one of them: each run
    keeps its test pictures apart, and equal pictures on one side.
    """
    keys = {run: _keys(each) for run, each in predictions.items()}
    shared = set.intersection(*({*each} for each in keys.values()))
    chosen = {run: {key: at for at, key in enumerate(each) if key in shared} for run, each in keys.items()}
    order = [key for key in keys[next(iter(keys))] if key in shared]
    return {run: predictions[run].take(np.array([places[key] for key in order], np.int64)) for run, places in chosen.items()}


def _keys(predictions: Predictions) -> list[tuple[str, int, int]]:
    """Content id, label, and which of several equal pictures it is."""
    seen: collections.Counter[tuple[str, int]] = collections.Counter()
    keys = []
    for each in zip(predictions.content_ids.tolist(), predictions.labels.tolist(), strict=True):
        keys.append((*each, seen[each]))
        seen[each] += 1
    return keys


def _named(predictions: Predictions) -> collections.Counter[tuple[str, str]]:
    """How often each picture is there, by content id and the name of its class: with other classes the numbers mean others."""
    return collections.Counter(zip(predictions.content_ids.tolist(), (predictions.classes[label] for label in predictions.labels), strict=True))


def _refusal(first: Job, others: Sequence[Job], predictions: Mapping[int, Predictions], domain: str) -> OtherPictures:
    """Which runs, what differs, how many pictures they share, and what to do."""
    same_classes = len({each.classes for each in predictions.values()}) == 1
    common = len(next(iter(on_common_pictures(predictions).values()))) if same_classes else 0
    other, further = others[0], others[1:]
    both = sum((_named(predictions[first.id]) & _named(predictions[other.id])).values())
    counts = f"{len(predictions[first.id]):,} and {len(predictions[other.id]):,} pictures, {both:,} of them in both"
    of = " of their sources" if domain == "source" else ""
    told = [f"Runs {first.id} and {other.id} were tested on other pictures{of} ({counts}): {_reason(first, other, predictions, domain)}."]
    if further:
        also = (f"run {job.id} ({len(predictions[job.id]):,} pictures): {_reason(first, job, predictions, domain)}" for job in further)
        told.append(f"So were, against run {first.id}: {'; '.join(also)}.")
    told.append(_remedy(first, others, common, same_classes, len(predictions)))
    return OtherPictures(" ".join(told), common, {run: len(each) for run, each in predictions.items()})


def _remedy(first: Job, others: Sequence[Job], common: int, same_classes: bool, runs: int) -> str:
    names = _listed([str(job.id) for job in others])
    out = f"take run{'s' if len(others) > 1 else ''} {names} out, or clone {'them' if len(others) > 1 else 'it'} with the settings of run {first.id}."
    if common:
        return f"Compare them on the {common:,} picture{'' if common == 1 else 's'} that {'both' if runs == 2 else 'all'} were tested on, {out}"
    return ("They share no picture. " if same_classes else "With other classes their answers can't be held against each other on any picture. ") + out.capitalize()


def _reason(first: Job, other: Job, predictions: Mapping[int, Predictions], domain: str) -> str:
    """The settings that choose the test pictures and are not equal in both."""
    a, b = first.config, other.config
    parts: dict[str, tuple[object, object]] = {
        "dataset": (_dataset(a, domain), _dataset(b, domain)),
        "classes": (_names(predictions[first.id].classes), _names(predictions[other.id].classes)),
        "test share": (a.split.test_fraction, b.split.test_fraction),
        "split seed": (a.split.seed, b.split.seed),
    }
    halves = [run.source.dataset == run.dataset for run in (a, b)]  # Where one dataset is divided, the target has a part of the test pictures.
    if any(halves):
        parts["what the target has of the dataset"] = (_share(a), _share(b))
    if all(halves):
        parts["seed of the division"] = (a.target.seed, b.target.seed)
    differing = [f"{name} ({one} against {two})" for name, (one, two) in parts.items() if one != two]
    return f"they differ in {', '.join(differing)}" if differing else "the datasets have the same name but other pictures"


def _dataset(config: RunConfig, domain: str) -> str | None:
    return config.source.dataset if domain == "source" else config.dataset


def _share(config: RunConfig) -> str:
    return f"{config.target.fraction:.0%}" if config.source.dataset == config.dataset else "all"


def _names(classes: Sequence[str]) -> str:
    return ", ".join(classes) if len(classes) <= 6 else f"{', '.join(classes[:5])} and {len(classes) - 5} more"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

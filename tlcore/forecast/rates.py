"""How far finished runs of this machine took longer or shorter than the formula says, and how sure that is.

Ratios of seconds are averaged as logarithms, each with its variance, from the least to the most alike:
all runs, runs of the same backbone, runs of the same cut at the same input size. So the first run on a
machine already helps the next one of another kind, and a few alike narrow the band.
Source: inverse-variance weighting, Cochran 1954, "The combination of estimates from different experiments".
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from tlcore import machine
from tlcore.backbones import BACKBONES
from tlcore.config import RunConfig
from tlcore.forecast.costs import PHASE_OF, PHASES, Plan, Speeds, components
from tlcore.store import Job, JobState, Store

ENGINES = ("openvino", "tensorflow")
REMEMBERED_RUNS = 60
Likeness = Literal["other", "near", "same"]
LIKENESSES: tuple[Likeness, ...] = ("other", "near", "same")
# Standard deviations of the logarithm of a ratio.
NOISE: dict[Likeness, float] = {"other": 0.5, "near": 0.3, "same": 0.15}  # Of one run.
FLOOR: dict[Likeness, float] = {"other": 0.4, "near": 0.25, "same": 0.12}  # However many there are.
UNMEASURED = 0.6
COMPUTE_UNMEASURED = {"default": 0.7, "machine": 0.4, "prefix": 0.2}  # By what the speeds come from.
LOAD_DOUBT = 0.25  # More for each factor of e by which other work lengthens a run: it comes and goes.
CERTAINTY = 1.5  # Standard deviations on each side of a band: 87 of 100 lie within.
JITTER_S = 0.15  # No phase is surer than that.
TOGETHER = 0.3  # Correlation of the errors of two parts: what slows one often slows the other.
SMALLEST_S = 0.02  # Shorter times say nothing of a ratio.
SMALLEST_SHARE = 0.15
BEST_PATIENCES, FEWEST_EPOCHS = 6, 15  # Where nothing is known, training stops after this many patiences or epochs.


@dataclasses.dataclass(frozen=True)
class Band:
    """A figure that isn't known yet: the likely value, and between which two it should lie."""

    low: float
    likely: float
    high: float

    def to_json(self) -> list[float]:
        return [self.low, self.likely, self.high]

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def added(bands: Iterable[Band]) -> Band:
    """The band of a sum: errors partly even out, so it is narrower than the sum of all extremes.

    Formula: variance of a sum of equally correlated parts, (1 - r) Σ d² + r (Σ d)².
    """
    parts = list(bands)

    def together(deviations: list[float]) -> float:
        return math.sqrt((1 - TOGETHER) * sum(d * d for d in deviations) + TOGETHER * sum(deviations) ** 2)

    likely = sum(each.likely for each in parts)
    below = together([each.likely - each.low for each in parts])
    return Band(max(0.0, likely - below), likely, likely + together([each.high - each.likely for each in parts]))


@dataclasses.dataclass(frozen=True)
class Past:
    """A finished run: what it did, in a plan with its real counts, and how long that took."""

    plan: Plan
    dataset: str
    limit: int  # Epochs that it was allowed; `plan.epochs` are those that it went through.
    seconds: Mapping[str, float]  # By phase.
    rates: Mapping[str, float]  # images_per_s and conversion_s, where the run measured them.
    stretch: float | None = None  # As it was when the run was submitted; unknown: as it is now.

    @classmethod
    def of(cls, job: Job) -> Past | None:
        """What a run of this machine teaches; None for one that was resumed, ran elsewhere or lacks its figures."""
        result, forecast = job.result or {}, job.payload.get("forecast") or {}
        elsewhere = forecast.get("machine") not in (None, machine.identity())
        if elsewhere or result.get("engine") not in ENGINES or result.get("earlier_seconds"):
            return None
        try:
            config = RunConfig.model_validate(job.payload["config"])
            spec, computed = BACKBONES[config.backbone.name], result["cache"]["computed"]
            counts = result["train_images"], result["val_images"], result["test_images"]
            converted = bool(forecast.get("converted", computed == 0))
            via = result["cache"].get("via")
            from_block = spec.block_ends.index(via) + 1 if via else 0
            plan = Plan.of(config, spec, len(result["classes"]), counts, computed, converted, engine=result["engine"], from_block=from_block, missing_judged=min(computed, sum(counts[1:])))
            done = dataclasses.replace(plan, epochs=int(result["epochs"]))
            return cls(done, config.dataset, config.train.epochs, dict(result["phases"]), dict(result.get("rates") or {}), forecast.get("stretch"))
        except (KeyError, ValueError, TypeError):  # Of another version of this program.
            return None


def history(store: Store) -> tuple[Past, ...]:
    """What the newest finished runs teach, newest first."""
    return _history(store, store.version())


@functools.lru_cache(maxsize=4)
def _history(store: Store, _version: int) -> tuple[Past, ...]:
    finished = store.jobs("train", states=[JobState.done], limit=REMEMBERED_RUNS)
    return tuple(past for past in map(Past.of, finished) if past is not None)


def likeness(component: str, plan: Plan, past: Plan) -> Likeness:
    """How much a past run says of a component of this one."""
    if PHASE_OF[component] in ("start", "prepare"):
        return "same"
    if past.spec is not plan.spec or past.engine != plan.engine:
        return "other"
    fields = ["side_px", "depth"]
    if PHASE_OF[component] == "train":
        fields += ["batch", "hidden", "pooling", "fresh", "strategy"]
    return "same" if all(getattr(past, each) == getattr(plan, each) for each in fields) else "near"


@dataclasses.dataclass(frozen=True)
class Correction:
    """By what the formula's seconds are multiplied: exp(mean), with the standard deviation of the logarithm."""

    mean: float
    deviation: float
    alike: int  # Runs of the same kind that it rests on.

    def band(self, seconds: float) -> Band:
        likely, factor = seconds * math.exp(self.mean), math.exp(CERTAINTY * self.deviation)
        return Band(likely / factor, likely, likely * factor)


def correction(component: str, plan: Plan, past: Sequence[Past], speeds: Speeds) -> Correction:
    """What past runs teach about one component."""
    found: dict[Likeness, list[tuple[float, float, float]]] = {each: [] for each in LIKENESSES}
    for run in past:
        observed = observation(component, run, speeds)
        if observed is not None:
            found[likeness(component, plan, run.plan)].append((*observed, _load_doubt(run.stretch or speeds.stretch)))
    mean, variance = 0.0, (COMPUTE_UNMEASURED[speeds.basis] if component == "compute" else UNMEASURED) ** 2
    for level in LIKENESSES:
        if not found[level]:
            continue
        logs = [ratio for ratio, _, _ in found[level]]
        noise = max(NOISE[level] ** 2, statistics.variance(logs) if len(logs) > 2 else 0.0)
        weights = [share / (noise + doubt) for _, share, doubt in found[level]]
        precision = 1 / variance + sum(weights)
        mean = (mean / variance + sum(w * ratio for w, ratio in zip(weights, logs, strict=True))) / precision
        variance = max(1 / precision, FLOOR[level] ** 2)
    return Correction(mean, math.sqrt(variance + _load_doubt(speeds.stretch)), len(found["same"]))


def _load_doubt(stretch: float) -> float:
    """Variance that other work on the machine adds."""
    return (LOAD_DOUBT * math.log(stretch)) ** 2


def observation(component: str, run: Past, speeds: Speeds) -> tuple[float, float] | None:
    """Logarithm of actual by formula in a past run, and the share of what was timed that this component had."""
    expected = components(run.plan, speeds if run.stretch is None else dataclasses.replace(speeds, stretch=run.stretch))
    measured = measured_part(component, run)
    if measured is not None:
        return (math.log(measured / expected[component]), 1.0) if min(measured, expected[component]) > SMALLEST_S else None
    phase = PHASE_OF[component]
    whole, actual = sum(expected[each] for each in expected if PHASE_OF[each] == phase), run.seconds.get(phase, 0.0)
    if min(whole, actual) <= SMALLEST_S or expected[component] < SMALLEST_SHARE * whole:
        return None
    return math.log(actual / whole), expected[component] / whole


def measured_part(component: str, run: Past) -> float | None:
    """Seconds of a component that the run timed by itself, beside the phase as a whole."""
    if component == "convert" and run.rates.get("conversion_s"):
        return float(run.rates["conversion_s"])
    if component == "compute" and run.rates.get("images_per_s"):
        return run.plan.missing / float(run.rates["images_per_s"])
    return None


def likely_epochs(plan: Plan, dataset: str, past: Sequence[Past]) -> Band:
    """How many epochs training goes through before it stops early."""
    if plan.patience is None or plan.epochs <= plan.patience + 1:
        return Band(plan.epochs, plan.epochs, plan.epochs)
    alike = [
        min(plan.epochs, run.plan.epochs) for run in past
        if (run.dataset, run.plan.spec.name, run.plan.patience) == (dataset, plan.spec.name, plan.patience)
        and (run.plan.epochs < run.limit or run.limit >= plan.epochs)  # One that was allowed fewer says nothing.
    ]
    if not alike:
        return Band(plan.patience + 1, min(plan.epochs, max(FEWEST_EPOCHS, BEST_PATIENCES * plan.patience)), plan.epochs)
    likely = statistics.median(alike)
    return Band(min(*alike, 0.75 * likely), likely, min(plan.epochs, max(*alike, 1.25 * likely)))


def phase_bands(plan: Plan, dataset: str, past: Sequence[Past], speeds: Speeds, start: Band) -> tuple[dict[str, Band], int]:
    """Seconds by phase, and how many runs of the same kind the frozen layers' or else the training's rest on."""
    epochs = likely_epochs(plan, dataset, past)
    corrections = {each: correction(each, plan, past, speeds) for each in PHASE_OF if each != "start"}
    low, likely, high = (components(plan, speeds, epochs=each) for each in epochs.to_json())
    parts = {name: each.band(likely[name]) for name, each in corrections.items()}
    scale = math.exp(corrections["learn"].mean)
    stops = Band(scale * low["learn"], scale * likely["learn"], scale * high["learn"])
    parts["learn"] = _widened(parts["learn"], stops)
    jitter = Band(-JITTER_S * speeds.stretch, 0.0, JITTER_S * speeds.stretch)
    found: dict[str, Band] = {"start": start}
    for phase in PHASES[1:]:
        mine = [parts[each] for each in parts if PHASE_OF[each] == phase and likely[each] > 0]
        if mine:
            found[phase] = added([*mine, jitter])
    return found, corrections["compute" if plan.computes else "learn"].alike


def _widened(one: Band, other: Band) -> Band:
    """Two independent reasons to be wrong about the same figure."""
    below, above = math.hypot(one.likely - one.low, other.likely - other.low), math.hypot(one.high - one.likely, other.high - other.likely)
    return Band(max(0.0, one.likely - below), one.likely, one.likely + above)


def as_band(values: Any) -> Band:
    """A band from JSON."""
    low, likely, high = map(float, values)
    return Band(low, likely, high)

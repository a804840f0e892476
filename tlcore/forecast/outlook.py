"""What a run will take before it starts: seconds by phase, memory and disk; and afterwards how right that was. No TensorFlow."""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcore import augment, devices, locks, machine, route, weight_sets
from tlcore.activations import content_keys, stored_ids
from tlcore.backbones import BACKBONES
from tlcore.config import RunConfig
from tlcore.cuts import PrefixIdentity, identity_of, key_of, pixels_about
from tlcore.forecast import footprint
from tlcore.forecast.costs import PHASES, START_S, WARM_START_S, Plan
from tlcore.forecast.probing import Probe
from tlcore.forecast.rates import Band, added, as_band, history, phase_bands
from tlcore.store import ACTIVE, Job, JobState, Store
from tlcore.strategies import Strategy
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tlcore.datasets.dataset import Dataset
    from tlcore.datasets.domains import Domains

PROBE_WAIT_S = 5.0
MIXED = ("mixed_bfloat16", "mixed_float16")
JUDGED_RUNS, FEWEST_JUDGED = 10, 3
BASES = {
    "default": "assumed, nothing was measured here yet",
    "other": "from other runs on this machine",
    "machine": "from a short measurement of this machine",
    "prefix": "from a short measurement of the frozen layers",
    "same": "from runs like this one",
}


@dataclasses.dataclass(frozen=True)
class Outlook:
    """Figures of a run that has not begun; seconds of the phases add up to `seconds`."""

    phases: Mapping[str, Band]
    seconds: Band
    memory_bytes: Band
    disk_bytes: Band
    pictures: int
    stored: int  # Of these have a row in the cache.
    converted: bool
    basis: str  # A key of BASES.
    stretch: float  # By which other work lengthened things when this was said.
    ahead: int  # Runs that went first.
    machine: str

    def to_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        bands = {name: value.to_json() for name, value in values.items() if isinstance(value, Band)}
        return {**values, **bands, "phases": {name: band.to_json() for name, band in self.phases.items()}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outlook | None:
        """What `to_json` gave; None for what another version of this program wrote."""
        try:
            values = {field.name: document[field.name] for field in dataclasses.fields(cls)}
            bands = {name: as_band(values[name]) for name in ("seconds", "memory_bytes", "disk_bytes")}
            return cls(**{**values, **bands, "phases": {name: as_band(band) for name, band in values["phases"].items()}})
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclasses.dataclass(frozen=True)
class Prospect:
    """A run and what of it is there already."""

    plan: Plan
    dataset: str
    probe: Probe


def prospect(workspace: Workspace, config: RunConfig, dataset: Dataset, domains: Domains, source: Dataset | None = None) -> Prospect:
    """Look which pictures have stored activations, and whether the frozen layers are converted.

    source: the dataset of the domains' source, where it is another one.
    """
    from tlcore.datasets.domains import read_by

    spec = BACKBONES[config.backbone.name]
    engine = "tensorflow" if devices.plan().cards else "openvino"
    read = read_by(config.strategy, domains, dataset, source)
    plan = Plan.of(config, spec, len(domains.target.classes), (len(read[0]), len(read[1]), len(read[2])), 0, False, engine=engine)
    pictures = _pictures(dataset, source, domains, config.strategy)
    if plan.fresh or not plan.cut:
        kept = pictures[0] if plan.cut else pictures[0] | pictures[1]
        stored = stored_ids(workspace.activations / key_of(pixels_about(plan.side_px)))
        plan = dataclasses.replace(plan, undecoded=len(kept - stored))
    identity = _as_computed(identity_of(config, spec, engine, weight_sets.made_already(config.backbone, workspace)), workspace) if plan.cut else None
    model = None
    if identity is not None:
        plan, model = _as_stored(plan, identity, workspace, pictures, config)
    elif plan.cut:
        plan = dataclasses.replace(plan, missing=plan.kept_pictures, missing_judged=plan.val + plan.test)
    probe = Probe(workspace, dataset.id, spec, plan.side_px, plan.cut, model if plan.converted and not plan.from_block else None)
    return Prospect(plan, dataset.name, probe)


def _as_stored(
    plan: Plan, identity: PrefixIdentity, workspace: Workspace, pictures: tuple[frozenset[bytes], frozenset[bytes]], config: RunConfig
) -> tuple[Plan, Path]:
    """The plan with what the cache holds for it, and where its converted network lies or will lie."""
    (train, tested), settings, exact = pictures, config.augment, route.exactly(identity)
    views = [augment.view_name(settings, view) for view in range(plan.views)] if settings.enabled else [None]
    via = route.nearest_stored_maps(dataclasses.replace(identity, view=views[0]), plan.spec, train, workspace) if views else None
    if via is not None:
        identity = route.by_way_of(identity, via)
    learnt = sum(len(route.lacking(dataclasses.replace(identity, view=view), train, workspace)) for view in views)
    judged = len(route.lacking(exact, tested, workspace))
    # Pictures that aren't learnt from go a way of their own, which counts only where it is the only one.
    start = via if learnt else route.nearest_stored_maps(exact, plan.spec, tested, workspace)
    from_block = plan.spec.block_ends.index(str(start.layer)) + 1 if start else 0
    model = workspace.compiled / f"{identity.key}.xml"
    converted = model.exists() or identity.engine != "openvino"
    return dataclasses.replace(plan, missing=learnt + judged, missing_judged=judged, from_block=from_block, converted=converted), model


@functools.lru_cache(maxsize=4)
def _pictures(dataset: Dataset, source: Dataset | None, domains: Domains, strategy: Strategy) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Content ids of what is learnt from, and of what validates and tests."""
    from tlcore.datasets.domains import read_by

    train, val, test = read_by(strategy, domains, dataset, source)
    return frozenset(content_keys(train)), frozenset(content_keys(np.concatenate([val, test])))


def _as_computed(identity: PrefixIdentity | None, workspace: Workspace) -> PrefixIdentity | None:
    """On a graphics card in whichever precision there are rows; only the worker knows the card's own."""
    if identity is None or identity.engine == "openvino":
        return identity
    mixed = [dataclasses.replace(identity, precision=each) for each in MIXED]
    return next((each for each in (*mixed, identity) if stored_ids(workspace.activations / each.key)), mixed[0])


def outlook(store: Store, of: Prospect) -> Outlook:
    """The figures, from finished runs, from the probe as far as it has come, and from what is assumed otherwise."""
    ahead = store.jobs("train", states=ACTIVE)
    running = sum(job.state is JobState.running for job in ahead)
    stretch = machine.stretch(own_busy=running * machine.cores())
    plan, speeds, past = of.plan, of.probe.speeds(stretch), history(store)
    phases, alike = phase_bands(plan, of.dataset, past, speeds, start_band(store, ahead, stretch))
    return Outlook(
        phases=phases,
        seconds=added(phases.values()),
        memory_bytes=footprint.memory_bytes(plan, machine.cores()),
        disk_bytes=footprint.disk_bytes(plan),
        pictures=plan.kept_pictures,
        stored=plan.kept_pictures - plan.missing if plan.cut else 0,
        converted=plan.converted,
        basis="same" if alike else speeds.basis if speeds.basis != "default" or not past else "other",
        stretch=stretch,
        ahead=len(ahead),
        machine=machine.identity(),
    )


def outlook_of(store: Store, config: RunConfig, probe_wait_s: float = 0.0) -> Outlook:
    """The same from settings alone; `probe_wait_s` is how long a probe may take, if one is of use. Raises NotFoundError, InputError."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.datasets.domains import divide

    dataset, source = Dataset.open(store.workspace.dataset(store.dataset(config.dataset).id)), None
    if config.source.dataset is not None:
        source = Dataset.open(store.workspace.dataset(store.dataset(config.source.dataset).id))
    found = prospect(store.workspace, config, dataset, divide(config, dataset, source), source)
    expected = outlook(store, found)
    if probe_wait_s and wants_probe(found, expected) and found.probe.start():
        found.probe.wait(probe_wait_s)
        return outlook(store, found)
    return expected


def wants_probe(of: Prospect, expected: Outlook) -> bool:
    """Whether measuring would make the figures better: pictures are to be computed and no run like this is known."""
    on_cpu = of.plan.engine == "openvino" or not of.plan.cut
    busy = expected.ahead > 0  # Both would suffer.
    return on_cpu and expected.basis in ("default", "other") and not busy and (of.plan.computes or of.plan.depth > 0)


def start_band(store: Store, ahead: Sequence[Job], stretch: float) -> Band:
    """Seconds until a worker has the job: at once where one is ready, else as long as TensorFlow takes to load."""
    now = time.time()
    began = [] if ahead else [_time_of(path) for path in _fresh_workers(store)]
    rest_s = max(WARM_START_S, START_S * stretch - max((now - each for each in began if each is not None), default=0.0))
    return Band(rest_s / 3, rest_s, 2 * rest_s + 1.0)


def _time_of(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:  # Its worker ended in this instant.
        return None


def _fresh_workers(store: Store) -> list[Path]:
    """Locks of living workers that have not had a job; each takes one only."""
    folder = store.workspace.locks
    used = {locks.owner_lock(folder, job.owner) for job in store.jobs("train", limit=50) if job.owner}
    return [path for path in folder.glob("worker-*.lock") if path not in used and locks.is_held(path)]


def shortages(expected: Outlook, found: machine.Machine) -> list[str]:
    """Sentences that say that memory or disk will not do, each with what to do."""
    said = []
    memory, disk = expected.memory_bytes, expected.disk_bytes
    if memory.likely > found.memory_free_bytes:
        said.append(
            f"It needs about {memory.likely / 1e9:.1f} GB of memory, and {found.memory_free_bytes / 1e9:.1f} GB are free. "
            "Lower the batch size, the input size or the number of blocks that learn, or take a smaller backbone."
        )
    if disk.likely > found.disk_free_bytes:
        said.append(
            f"It leaves about {disk.likely / 1e9:.1f} GB on disk, and {found.disk_free_bytes / 1e9:.1f} GB are free. "
            "Free some space, or lower the input size or the share of training pictures."
        )
    return said


def in_words(expected: Outlook) -> str:
    """One line for a terminal."""
    seconds, parts = expected.seconds, ", ".join(f"{name} {band.likely:.1f} s" for name, band in expected.phases.items())
    return (
        f"about {seconds.likely:.0f} s ({seconds.low:.0f} to {seconds.high:.0f} s): {parts}; {expected.stored:,} of {expected.pictures:,} pictures are stored already; "
        f"memory {expected.memory_bytes.likely / 1e9:.1f} GB; disk {expected.disk_bytes.likely / 1e6:.0f} MB; {BASES[expected.basis]}"
    )


def expected_of(job: Job) -> Outlook | None:
    """The forecast that was kept with a run."""
    return Outlook.from_json(job.payload.get("forecast") or {})


def compared(job: Job) -> list[dict[str, Any]]:
    """Predicted against actual by phase: phase, actual, low, likely, high, within; empty without a forecast or after a resume."""
    expected, result = expected_of(job), job.result or {}
    if expected is None or not result.get("phases") or result.get("earlier_seconds"):
        return []
    actual = {**_start_s(job, expected), **result["phases"]}
    return [
        {"phase": name, "actual": actual[name], "low": band.low, "likely": band.likely, "high": band.high, "within": band.holds(actual[name])}
        for name in PHASES
        if name in actual and (band := expected.phases.get(name)) is not None
    ]


def total_of(rows: Sequence[Mapping[str, Any]]) -> tuple[float, Band]:
    """Actual and predicted seconds of the phases that were compared, together."""
    bands = (Band(row["low"], row["likely"], row["high"]) for row in rows)
    return sum(row["actual"] for row in rows), added(bands)


def _start_s(job: Job, expected: Outlook) -> dict[str, float]:
    """How long the first worker took; unknown where another run went first."""
    known = job.attempt == 1 and expected.ahead == 0 and job.started_at is not None
    return {"start": max(0.0, (job.started_at or 0.0) - job.created_at)} if known else {}


def accuracy_so_far(store: Store) -> tuple[float, int] | None:
    """Median of actual by predicted seconds in the newest finished runs, and how many; None for fewer than three."""
    ratios: list[float] = []
    for job in store.jobs("train", states=[JobState.done], limit=3 * JUDGED_RUNS):
        rows = [row for row in compared(job) if row["phase"] != "start"]
        if rows and len(ratios) < JUDGED_RUNS:
            actual, predicted = total_of(rows)
            ratios.append(actual / max(predicted.likely, 1e-9))
    return (statistics.median(ratios), len(ratios)) if len(ratios) >= FEWEST_JUDGED else None

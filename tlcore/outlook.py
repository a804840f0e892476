"""What a run will take before it starts: seconds by phase, memory and disk; and afterwards how right that was. No TensorFlow."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlcore import activations, footprint, locks, machine
from tlcore.backbones import BACKBONES
from tlcore.config import RunConfig
from tlcore.costs import PHASES, START_S, WARM_START_S, Plan
from tlcore.cuts import identity_of
from tlcore.probing import Probe
from tlcore.rates import Band, added, as_band, history, phase_bands
from tlcore.store import ACTIVE, Job, JobState, Store
from tlcore.workspace import Workspace

if TYPE_CHECKING:
    from tlcore.datasets.dataset import Dataset
    from tlcore.datasets.splits import Split

PROBE_WAIT_S = 5.0
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
    views: int  # As in Plan: what augmentation and an earlier cut change.
    fresh: bool
    from_block: int
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


def prospect(
    workspace: Workspace, config: RunConfig, dataset: Dataset, split: Split, views: int = 0, fresh: bool = False, from_block: int = 0
) -> Prospect:
    """Look which pictures have stored activations, and whether the frozen layers are converted.

    views, fresh, from_block: as in Plan; views are taken to be new, whatever is stored.
    """
    spec = BACKBONES[config.backbone.name]
    engine = "tensorflow" if machine.graphics_cards(machine.NVIDIA_DRIVER) else "openvino"
    counts = len(split.train), len(split.val), len(split.test)
    plan = Plan.of(config, spec, len(split.classes), counts, sum(counts), False, engine=engine, views=views, fresh=fresh, from_block=from_block)
    identity = identity_of(config, spec, engine) if plan.cut else None
    model = None
    if identity is not None:
        model = workspace.compiled / f"{identity.key}.xml"
        stored = activations.stored_ids(workspace.activations / identity.key)
        plan = dataclasses.replace(plan, missing=_missing(plan, dataset, split, stored), converted=model.exists())
    else:
        plan = dataclasses.replace(plan, missing=_missing(plan, dataset, split, frozenset()) if plan.cut else 0)
    probe = Probe(workspace, dataset.id, spec, plan.side_px, plan.cut, model if plan.converted else None)
    return Prospect(plan, dataset.name, probe)


def _missing(plan: Plan, dataset: Dataset, split: Split, stored: frozenset[bytes]) -> int:
    """Rows that the run has yet to compute and store."""

    def lacking(*parts: np.ndarray) -> int:
        return len(set(activations.content_keys(dataset.content_ids[np.concatenate(parts)])) - stored)

    if plan.fresh:
        return lacking(split.val, split.test)
    if plan.views:
        return lacking(split.val, split.test) + plan.views * plan.train
    return lacking(split.train, split.val, split.test)


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
        pictures=plan.pictures,
        stored=plan.pictures - plan.missing - (plan.train if plan.fresh else 0) if plan.cut else 0,
        converted=plan.converted,
        views=plan.views,
        fresh=plan.fresh,
        from_block=plan.from_block,
        basis="same" if alike else speeds.basis if speeds.basis != "default" or not past else "other",
        stretch=stretch,
        ahead=len(ahead),
        machine=machine.identity(),
    )


def outlook_of(store: Store, config: RunConfig, probe_wait_s: float = 0.0) -> Outlook:
    """The same from settings alone; `probe_wait_s` is how long a probe may take, if one is of use. Raises NotFoundError, InputError."""
    from tlcore.datasets.dataset import Dataset
    from tlcore.datasets.splits import make_split

    dataset = Dataset.open(store.workspace.dataset(store.dataset(config.dataset).id))
    found = prospect(store.workspace, config, dataset, make_split(dataset, config.classes, config.split))
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
    ages = [] if ahead else [now - path.stat().st_mtime for path in _fresh_workers(store)]
    rest_s = max(WARM_START_S, START_S * stretch - max(ages, default=0.0))
    return Band(rest_s / 3, rest_s, 2 * rest_s + 1.0)


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

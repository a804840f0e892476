"""What a run will take, beside its settings: time by phase, memory, disk; better once the probe is done."""

from __future__ import annotations

import dataclasses

import streamlit as st

from pages.ui import live
from pages.ui.domains_view import domains_of
from pages.ui.state import store, workspace
from pages.ui.text import count, duration, literal, size
from pages.ui.thumbnails import open_dataset
from tlcore import machine
from tlcore.config import RunConfig
from tlcore.forecast import outlook
from tlcore.forecast.outlook import Outlook
from tlcore.forecast.rates import Band
from tlcore.records import DatasetRecord

PHASE_NAMES = {"start": "start", "prepare": "preparation", "features": "features", "train": "training", "evaluate": "evaluation", "export": "export"}
WORTH_NAMING = 0.08  # Of the whole time.
SETTLED_WITHIN = 0.15  # Better than that a forecast on a shared machine can't be.


@dataclasses.dataclass(frozen=True)
class Look:
    """The figures as they are now, and whether better ones will follow by themselves."""

    expected: Outlook
    refining: bool


def look(config: RunConfig, record: DatasetRecord, probe: bool = True) -> Look:
    """The forecast of a run; has the probe started where it helps. Raises TLError where the pictures can't be divided."""
    domains, source = domains_of(config, record)
    found = outlook.prospect(workspace(), config, open_dataset(record.id), domains, source)
    expected = outlook.outlook(store(), found)
    return Look(expected, probe and outlook.wants_probe(found, expected) and found.probe.start())


def rows(expected: Outlook) -> dict[str, str]:
    """For the table: time with its phases, what is stored already, memory and disk."""
    found = {"Time, about": between(expected.seconds), "Of it": by_phase(expected)}
    if expected.pictures and (expected.stored or expected.phases.get("features")):
        found["Stored already"] = f"{expected.stored:,} of {count(expected.pictures, 'picture')}"
    return {**found, "Memory at the peak, about": size(expected.memory_bytes.likely), "Disk, about": size(expected.disk_bytes.likely)}


def between(band: Band) -> str:
    """`12 s (8 to 20 s)`."""
    low, high = duration(band.low), duration(band.high)
    if low.rpartition(" ")[2] == high.rpartition(" ")[2] and low.count(" ") == high.count(" ") == 1:
        low = low.rpartition(" ")[0]  # One unit for both.
    return f"{duration(band.likely)} ({low} to {high})"


def by_phase(expected: Outlook) -> str:
    """`features 9 s, training 2 s`: what takes a part worth naming, the longest first."""
    whole = expected.seconds.likely
    named = sorted(((band.likely, PHASE_NAMES[phase]) for phase, band in expected.phases.items() if band.likely >= WORTH_NAMING * whole), reverse=True)
    return ", ".join(f"{name} {duration(seconds)}" for seconds, name in named)


def explanation(shown: Look) -> str:
    """Where the figures come from, and how right they have been so far."""
    said = f"Time: {outlook.BASES[shown.expected.basis]}." + (" A short measurement is running and will refine it." if shown.refining else "")
    if shown.expected.ahead:
        said += f" {count(shown.expected.ahead, 'run goes', 'runs go')} first."
    so_far = outlook.accuracy_so_far(store())
    if so_far is None:
        return said
    ratio, runs = so_far
    if abs(ratio - 1) <= SETTLED_WITHIN:
        return f"{said} The last {runs} runs took as long as forecast (median {ratio:.2f} times)."
    return f"{said} The last {runs} runs took {ratio:.2f} times what was forecast (median)."


def notes(shown: Look, config: RunConfig, record: DatasetRecord) -> None:
    """Warnings and the explanation below the table; looks again until the probe is done, then the page is drawn anew."""
    for sentence in outlook.shortages(shown.expected, machine.snapshot(workspace())):
        st.warning(literal(sentence), icon=":material/warning:")

    @st.fragment(run_every=live.poll_s(shown.refining), key="outlook")
    def explain() -> None:
        st.caption(literal(explanation(shown)))
        if shown.refining and not look(config, record).refining:
            st.rerun()

    explain()

"""Seconds and memory of a run by its number of pictures: time should grow in proportion, memory hardly at all.

Memory is the worker's, sampled ten times a second. What belongs to it alone (USS) is what it cannot give back;
the resident size also counts files that it has mapped, which the system takes back at will.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Iterator

import psutil

from benchmarks.figures import exponent
from benchmarks.workbench import (
    Bench,
    Material,
    Ran,
    bench,
    imagenet_weights,
    say,
    settings,
    workers_of,
)

BACKBONE, SIDE_PX, EPOCHS, BATCH_SIZE = "MobileNet_0.25", 96, 5, 64
PICTURES, QUICK_PICTURES = (1_000, 2_000, 4_000, 8_000, 16_000), (200, 400)
TARGET_EXPONENT = 1.05
FLAT = 1.1  # The largest run may take a tenth more than the smallest.
SAMPLE_S, MIB = 0.1, 2**20


def measure(rounds: int, material: Material) -> dict[str, object]:
    """Medians by number of pictures; no activations are stored before a run, the converted network is there."""
    pictures = QUICK_PICTURES if material.quick else PICTURES
    rows = []
    with imagenet_weights(BACKBONE, SIDE_PX), bench(material) as place:
        for count in pictures:
            place.add_pictures(count)
        place.ready()
        _run(place, pictures[0])  # Leaves the converted network.
        for count in pictures:
            rows.append(_row(place, count, rounds))
            say(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
    slope = exponent(pictures, [row["seconds"] for row in rows])
    growth = rows[-1]["peak_own_mib"] / rows[0]["peak_own_mib"]
    return {
        "work": f"{BACKBONE} at {SIDE_PX} px, frozen, {EPOCHS} epochs, no activations stored", "sizes": rows,
        "exponent": round(slope, 3), "target_exponent": TARGET_EXPONENT, "linear": slope <= TARGET_EXPONENT,
        "exponent_of_features": round(exponent(pictures, [row["features_s"] for row in rows]), 3),
        "own_kib_per_picture": round(1024 * (rows[-1]["peak_own_mib"] - rows[0]["peak_own_mib"]) / (pictures[-1] - pictures[0]), 2),
        "own_memory_largest_to_smallest": round(growth, 3), "target_memory": FLAT, "memory_flat": growth <= FLAT,
    }


def _row(place: Bench, count: int, rounds: int) -> dict[str, float]:
    runs, peaks = [], []
    for _ in range(rounds):
        place.ready()
        place.empty()
        with _watched(workers_of(place.workspace)) as peak:
            runs.append(_run(place, count))
        peaks.append(peak)
    return {
        "pictures": count,
        "seconds": round(statistics.median(ran.seconds for ran in runs), 2),
        "features_s": round(statistics.median(ran.summary["phases"]["features"] for ran in runs), 2),
        "train_s": round(statistics.median(ran.summary["phases"]["train"] for ran in runs), 2),
        **{name: round(statistics.median(peak[name] for peak in peaks) / MIB, 1) for name in peaks[0]},
    }


def _run(place: Bench, count: int) -> Ran:
    dataset = place.store.dataset(f"pictures-{count}")
    return place.run(settings(
        dataset, backbone={"name": BACKBONE, "weights": "imagenet", "input_size": SIDE_PX},
        train__epochs=EPOCHS, train__batch_size=BATCH_SIZE,
    ))


@contextlib.contextmanager
def _watched(processes: list[psutil.Process]) -> Iterator[dict[str, int]]:
    """Yields what is, after the block, the processes' memory in bytes: at its beginning, and the most of each kind."""
    peak: dict[str, int] = {}
    ended = threading.Event()

    def sample() -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # The worker ends with its run.
            known = [process.memory_full_info() for process in processes]
            now = {"peak_own_mib": sum(each.uss for each in known), "peak_resident_mib": sum(each.rss for each in known)}
            peak.setdefault("before_own_mib", now["peak_own_mib"])
            peak.update({name: max(value, peak.get(name, 0)) for name, value in now.items()})

    def watch() -> None:
        while not ended.wait(SAMPLE_S):
            sample()

    sample()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
